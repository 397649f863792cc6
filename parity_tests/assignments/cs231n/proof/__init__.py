"""What proves the assignment's checks: honest forms of its solution, and lines that no case can tell apart."""
