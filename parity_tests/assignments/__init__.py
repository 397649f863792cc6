"""The assignments that Parity knows; each is handed to the rooms that work on it."""
