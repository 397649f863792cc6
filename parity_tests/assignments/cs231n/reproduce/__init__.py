"""The smallest scripts that show a failure: numpy, torch and the submission are all that they need."""
