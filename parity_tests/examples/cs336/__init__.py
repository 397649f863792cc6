"""CS336, assignment 1: a file of pairs for a student's repository; docs/examples/cs336.md explains it."""
