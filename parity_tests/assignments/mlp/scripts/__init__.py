"""What the homework says of its smallest scripts: sizes, torch's lines, and what draws and main need of their own."""
