"""What the notebook on initialization imports, of which its graded functions call nothing."""
