"""Records of what was compared, and the tables and files made of them."""
