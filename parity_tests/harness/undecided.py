"""Says where too much is undecided to be let pass: a part of which rounding leaves more than a tenth open."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

from parity_tests.protocol.assignment import Verdicts
from parity_tests.protocol.case import Case
from reports.model.verdicts import Verdict

MOST = 0.1
"""The share of a part's elements up to which undecided ones are let pass."""


def refused(cases: Sequence[Case], verdicts: Verdicts, labels: Mapping[str, str]) -> Verdicts:
    """The verdicts, of which the undecided ones of these cases are unjudged where too many elements of a part are.

    `labels` are the names of the parts by their ids.
    """
    undecided: Counter[str] = Counter()
    total: Counter[str] = Counter()
    for case in cases:
        for q in case.quantities:
            one = verdicts[case.name][q.name]
            part, elements = one.part or q.part, one.total or 1
            total[part] += elements
            undecided[part] += one.undecided or elements * (one.verdict == Verdict.UNDECIDED)
    found = {name: dict(comparisons) for name, comparisons in verdicts.items()}
    for case in cases:
        for q in case.quantities:
            one = verdicts[case.name][q.name]
            part = one.part or q.part
            if one.verdict == Verdict.UNDECIDED and undecided[part] > MOST * total[part]:
                problem = (
                    f"{one.problem.rstrip('.')}; {undecided[part]} of the {total[part]} elements of "
                    f"{labels.get(part, part)} are undecided, more than a tenth: that is no agreement until a grader "
                    f"reviews it"
                )
                found[case.name][q.name] = replace(one, verdict=Verdict.UNJUDGED, problem=problem)
    return found
