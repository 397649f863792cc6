"""What an assignment is."""
