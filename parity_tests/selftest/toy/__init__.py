"""A toy assignment: softplus and its derivative, two functions in one file. The tests put it to every command."""
