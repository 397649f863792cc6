"""Judges `main` (TODO 10): each step and each loss of a run is compared with torch's, by `verdicts.judge_main`."""
