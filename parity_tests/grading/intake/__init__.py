"""Takes in what a course site gives: tells its layout, finds each student's latest attempt, and its files."""
