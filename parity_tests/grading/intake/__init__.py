"""Takes in what a course site gives: tells its format, finds each student's latest attempt, and its files."""

FORMATS = ("gradescope", "canvas", "moodle", "plain")
"""How course sites give what was handed in; plain is a folder, an archive or a file for each student."""
