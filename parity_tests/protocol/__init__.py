"""What an assignment is: its files, parts, cases and kinds of cases, as values that are handed to the other rooms."""
