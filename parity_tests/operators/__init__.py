"""Operators: single changes of a function's source, or of what a torch function does. They know no assignment."""
