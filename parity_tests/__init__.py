"""What is compared and how: the root package, which imports the other three."""
