"""What proves the cases of this assignment: honest rewrites, and slips that change nothing."""
