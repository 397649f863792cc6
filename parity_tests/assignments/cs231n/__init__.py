"""Stanford's CS231n, assignments 1 and 2: layers, losses, update rules and networks in numpy."""
