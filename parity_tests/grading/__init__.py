"""Grades a class: puts every submission to `check`, keeps each result whole, and makes the tables."""
