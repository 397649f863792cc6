"""The kinds of cases, a file each: their rows in the plan, how they are drawn and judged, and what a diagnosis sees."""
