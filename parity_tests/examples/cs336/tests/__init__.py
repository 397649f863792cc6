"""Where a student's repository has its adapters."""
