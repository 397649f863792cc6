"""A toy assignment of a package: a function in one module, another in a further module, and a file that is given."""
