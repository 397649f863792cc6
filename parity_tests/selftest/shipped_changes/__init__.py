"""The shipped network with one thing changed, by tables of text swaps: wrong in one part, or honest in another way."""
