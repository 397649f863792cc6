"""Assignments that are declared: what is called and what torch says of it, in a file that anybody can write."""
