"""The samples and figures in reports/examples, and how they are made."""
