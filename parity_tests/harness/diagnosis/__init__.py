"""Names for what went wrong in the submission of any assignment, each reproduced before it is claimed."""
