"""What a submission did when a case was put to it: what its calls returned, and how the others failed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from numpy.typing import NDArray

from parity_tests.protocol.quantity import Key

FAILURE_KINDS = ("missing", "crashed", "timeout", "memory", "unjudged", "unasked")
"""`unjudged`: what puts the case to the submission failed, as its process says; never a fault of the harness's own.
`unasked`: the case was never put to it."""


@dataclass(frozen=True)
class Failure:
    """How a call did not return.

    `kind` is one of FAILURE_KINDS, `error` the name of the exception's type ("" where there was none), `text` a
    sentence for readers, which decides nothing. `file` (relative to the submission's folder), `line` and `function` are
    those of the innermost frame in the submission, never in numpy; "" and 0 where there is none. `called` is the
    function whose failure it is: the outermost of the submission's that was called, or the one that is not implemented.
    `said` is the exception's own text, and `lacks` the name that the submission does not define. `because` names the
    call that had run out of time before this one could be made.
    """

    kind: str
    error: str
    text: str
    file: str = ""
    line: int = 0
    function: str = ""
    called: str = ""
    said: str = ""
    lacks: str = ""
    because: str = ""

    @property
    def of_harness(self) -> bool:
        """Whether it is one of the harness's own code in the submission's process, as that process says."""
        return self.kind == "unjudged"


@dataclass(frozen=True)
class Returned:
    """What a call returned, copied at once.

    `kind` is "array" for an exact ndarray, "scalar" for a number (`array` is then 0-dimensional), "none", or else
    the name of the type ("list", "matrix", "MaskedArray"). `array` is there for arrays and scalars of booleans,
    integers and floats, in the dtype that was returned; `detail` says in a few words what was returned.
    """

    kind: str
    array: NDArray[Any] | None
    detail: str


@dataclass(frozen=True)
class Observation:
    """All that came back for one case; what arrived before a death or a time limit is kept.

    `values` and `failures` are by the keys that the probe gave; WHOLE_CASE is that of a failure of the case as a whole.
    `facts` are JSON values said by the probe, `warnings` the distinct Python warnings raised inside the submission.
    `seconds` is wall time, the submission's import included. `overwritten` says of a call which arrays, by the probe's
    labels, it has written over. `warned` says of a warning in which function it was raised, and of which that was part.
    """

    case: str
    values: Mapping[Key, Returned]
    failures: Mapping[Key, Failure]
    facts: Mapping[str, Any]
    warnings: tuple[str, ...]
    seconds: float
    overwritten: Mapping[Key, tuple[str, ...]] = field(default_factory=dict)
    warned: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class Hello:
    """What a submission is, as its first import showed.

    `edition` is the one it is judged by, `edition_seen` the one its source shows ("" where it shows none). `names`
    are what its module defines, those defined before `import_failure` included. `fixtures` are the modules that
    it lacks and that Parity stands in for. `left_out` is the first line of what runs the whole program when the module
    is imported, which is then left out; 0 where nothing does.
    """

    edition: str
    edition_seen: str
    import_failure: Failure | None
    support_failure: Failure | None
    names: tuple[str, ...]
    fixtures: tuple[str, ...]
    numpy_version: str
    python_version: str
    left_out: int = 0
