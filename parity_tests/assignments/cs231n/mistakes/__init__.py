"""Known mistakes: changes of right texts, each with a name and a hint, that give what a submission returned."""
