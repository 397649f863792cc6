"""A submission's processes, as the harness holds them."""
