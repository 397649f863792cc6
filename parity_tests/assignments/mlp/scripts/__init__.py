"""The smallest scripts: which lines ask each kind of case, torch's lines for the same, and what is asked smaller.

What is alike in the scripts of all assignments, their maker does (`harness/script_maker.py`).
"""
