"""What runs in a submission's process: numpy and the standard library alone."""
