"""What Python and notebooks show of a run."""
