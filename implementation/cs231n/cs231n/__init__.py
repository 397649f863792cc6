"""The second assignment, by hand in numpy: layers, losses, update rules, networks, and what trains them."""
