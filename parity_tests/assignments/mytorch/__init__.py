"""MyTorch, the homework of Carnegie Mellon's 11-785: a declaration, and the folder that it lies in."""

from pathlib import Path

from parity_tests.declared.assignment import of_folder

ASSIGNMENT = of_folder(Path(__file__).parent)
