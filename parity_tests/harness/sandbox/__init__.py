"""The walls around a submission."""
