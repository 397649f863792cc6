"""What of the assignment runs in a submission's process: numpy and the standard library alone."""
