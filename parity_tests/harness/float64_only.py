"""A submission that works in float64 only is right: the assignment nowhere asks for float32."""

import re
from collections.abc import Mapping, Sequence

from parity_tests.protocol.case import Case
from parity_tests.protocol.comparison import Comparison, matched
from parity_tests.protocol.observation import Failure
from reports.model.notes import NoteKind
from reports.model.verdicts import PASSING, Verdict

_OF_THE_DTYPE = re.compile(r"dtype|\bdata ?types?\b|\bcast(s|ing)?\b|castingerror\b", re.IGNORECASE)
"""What an exception over a dtype is called, or says: numpy's "Cannot cast ufunc", but not its "could not broadcast"."""


def forgive_float64_only(
    plan: Sequence[Case], judged: Mapping[str, Mapping[str, Comparison]]
) -> dict[str, dict[str, Comparison]]:
    """The same comparisons; a float32 case that only crashes, over the dtype, and whose float64 twin is right, matches.

    The crash stays as a note. A float32 case that was asked alone has no twin and is left as it is.
    """
    forgiven = {name: dict(comparisons) for name, comparisons in judged.items()}
    for case in plan:
        twin = judged.get(case.name.replace("float32", "float64"))
        failing = {name: c for name, c in judged[case.name].items() if c.verdict not in PASSING}
        if case.dtype != "float32" or twin is None or not failing:
            continue
        crash = next((c for c in failing.values() if c.failure is not None and _is_over_the_dtype(c.failure)), None)
        only_crashes = all(c.verdict == Verdict.CRASHED for c in failing.values())
        if crash is not None and only_crashes and all(c.verdict in PASSING for c in twin.values()):
            note = f"works in float64 only: {crash.problem}"
            forgiven[case.name] |= dict.fromkeys(failing, matched(note, kind=NoteKind.FLOAT64_ONLY))
    return forgiven


def _is_over_the_dtype(failure: Failure) -> bool:
    return any(_OF_THE_DTYPE.search(text) for text in (failure.error, failure.said))
