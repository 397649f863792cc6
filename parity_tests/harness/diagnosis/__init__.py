"""Names for what went wrong, each reproduced before it is claimed."""
