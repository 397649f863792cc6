"""Holds anything against a torch function: the radius of each element flows along torch's own operations."""
