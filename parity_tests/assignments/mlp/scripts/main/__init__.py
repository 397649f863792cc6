"""Reproductions of main (TODO 10): the smallest training that still goes wrong, and lines that watch it."""
