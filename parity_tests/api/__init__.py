"""Parity from Python."""
