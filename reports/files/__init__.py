"""Files that other programs read: JSON, JUnit, GitHub, Gradescope, Markdown."""
