"""Names for what is wrong with the homework's parts, and with `main`."""
