"""Operators: single changes of a function's source, each with its words. They know no assignment."""
