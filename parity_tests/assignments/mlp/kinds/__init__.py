"""The kinds of cases, a file each: their rows in the plan, how they are drawn and judged, and what a diagnosis sees.

Beside them lie what several use (calls.py) and the judge of the network's links (network_links.py), which
imports torch. To import a kind must not: a submission answers its cases while torch is still being imported.
"""
