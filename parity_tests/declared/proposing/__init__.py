"""Proposes the declaration of an assignment from the functions that students are asked to write."""
