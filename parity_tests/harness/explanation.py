"""Says which part's failure explains that of another part, whose call was never made or had a wrong input."""

from collections.abc import Mapping
from dataclasses import replace

from parity_tests.harness.returned import UNREACHED
from parity_tests.protocol.case import Case
from parity_tests.protocol.comparison import PASSING, Comparison
from parity_tests.protocol.observation import Failure, Returned


def cause_of(by_function: Mapping[str, str], case: Case, result: Returned | Failure | None) -> str:
    """The part of the call whose failure this is; "" for no failure, or one of no part.

    `by_function` gives the part of each function of a submission.
    """
    if not isinstance(result, Failure):
        return ""
    if result.error == UNREACHED:
        part = next((q.part for q in case.quantities if q.key.name == result.function), "")
        if part:
            return part
    # A failure's sentence begins with the outermost of the submission's functions that was called.
    called = result.text.removeprefix("not asked: ").removeprefix("not reached: ").split(" ", 1)[0]
    return by_function.get(called, "")


def explained_by(comparison: Comparison, part: str, cause: str) -> Comparison:
    """The comparison of a quantity of `part`, explained by the part `cause` if it fails and that is another part."""
    if cause in ("", part) or comparison.verdict in PASSING or comparison.explained_by:
        return comparison
    return replace(comparison, explained_by=cause)


def not_judged(name: str, part: str, cause: Comparison) -> Comparison:
    """The comparison of what was not judged: `name`, which `part` computes before it, failed as `cause` says."""
    return replace(
        cause,
        problem=f"was not judged, because {name} {'failed' if cause.sentence else cause.problem}",
        sentence=False,
        part=part,
        explained_by=part,
        arrays=None,
    )
