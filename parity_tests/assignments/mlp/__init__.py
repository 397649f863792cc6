"""Everything that knows this homework: cases, probes, verdicts."""
