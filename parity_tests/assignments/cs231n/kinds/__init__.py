"""The kinds of cases: their rows, their draws and their judges."""
