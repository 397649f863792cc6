"""The smallest scripts that show discrepancies: numpy, torch and the submission's file, nothing of Parity."""
