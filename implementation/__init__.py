"""The hand-written numpy network: the first submission that Parity checks."""
