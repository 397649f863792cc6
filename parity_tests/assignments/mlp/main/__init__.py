"""Judges `main` (TODO 10): each step and each loss of a run held against torch's. The door is `verdicts.judge_main`."""
