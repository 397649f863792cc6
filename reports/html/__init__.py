"""Pages and their pictures."""
