"""Tests of the flow: its rules, its traps, and numpy written honestly and wrongly."""
