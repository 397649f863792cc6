"""An example port in a hundred lines: attention, forward and backward, in C++. docs/examples/port.md explains it."""
