"""The networks of the second assignment."""
