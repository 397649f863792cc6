"""Parts: one right text each, whose changes are the mistakes that have names. They know no assignment."""
