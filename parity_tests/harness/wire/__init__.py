"""What travels between the two processes, and how."""
