"""Tells what nobody can see where a submission lacks a class that the homework names, as where it has another name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from parity_tests.assignments.mlp.inside.homework_names import SGD_NAMES
from parity_tests.assignments.mlp.main.layers import NO_LINEAR_LAYER
from parity_tests.assignments.mlp.parts import FUNCTIONS
from parity_tests.protocol.case import Case
from parity_tests.protocol.comparison import Comparison, unjudged
from reports.model.verdicts import PASSING, Verdict

Judgements = Mapping[str, Mapping[str, Comparison]]


def tell_undefined(plan: Sequence[Case], judged: Judgements) -> dict[str, dict[str, Comparison]]:
    """The same comparisons, of which those that fail because a class is not defined say so.

    What students are given is not to blame where it cannot be asked without such a class. And where `main` builds
    none, it has one that it calls otherwise: what is measured of its steps is then no measure of them.
    """
    told = {name: dict(comparisons) for name, comparisons in judged.items()}
    undefined = undefined_in(judged)
    for case in plan:
        for q in case.quantities:
            failure = judged[case.name][q.name].failure
            if q.part == "utils" and failure is not None and failure.lacks in undefined:
                part = _part_of(failure.lacks)
                told[case.name][q.name] = replace(judged[case.name][q.name], part=part)
    unseen: dict[str, str] = {}
    for case in plan:
        for comparison in judged[case.name].values() if case.whole else ():
            if comparison.finding == NO_LINEAR_LAYER and "linear_layer" in undefined:
                unseen[case.params["config"]] = undefined["linear_layer"].partition(";")[0]
    for case in plan:
        if case.whole and case.params["config"] in unseen:
            why = f"what main does with its layers cannot be seen, because {unseen[case.params['config']]}"
            for name, comparison in judged[case.name].items():
                if comparison.verdict not in (*PASSING, Verdict.HARNESS_ERROR):
                    told[case.name][name] = unjudged(why, sentence=True)
    return told


def undefined_in(judged: Judgements) -> dict[str, str]:
    """The sentences that the submission does not define a class that the homework names, by the class."""
    failures = (one.failure for comparisons in judged.values() for one in comparisons.values())
    return {
        failure.lacks: failure.text
        for failure in failures
        if failure is not None and failure.kind == Verdict.MISSING and _part_of(failure.lacks)
    }


def part_that_is_lacked(judged: Mapping[str, Comparison], undefined: Mapping[str, str]) -> str:
    """The first part of an undefined class whose name ended a run of `main`; "" where none did."""
    lacked = (one.failure.lacks for one in judged.values() if one.failure is not None)
    return next((_part_of(name) for name in lacked if name in undefined), "")


def _part_of(name: str) -> str:
    """The first part that a class or function of this name belongs to; "" where the homework names none so."""
    return next((part for f, part in FUNCTIONS.items() if f.partition(".")[0] == name and name not in SGD_NAMES), "")
