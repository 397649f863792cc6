"""What runs beside a submission of a declared assignment, in its process."""
