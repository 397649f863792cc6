"""Judges whether `main` does the same when its file is run as a script, with nobody watching, as when it is called.

The weights of such a run are not seen. So what it returned and wrote is held against the watched run of the same seed,
which is judged by itself: in its first epochs both have the same numbers.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from parity_tests.assignments.mlp.main.closeness import EXPLAINS, same
from parity_tests.assignments.mlp.main.configs import AS_SCRIPT, SCRIPT
from parity_tests.assignments.mlp.main.main_run import Array, MainRun
from parity_tests.assignments.mlp.main.replay import Records, results_of
from parity_tests.protocol.comparison import Comparison, failed, matched
from parity_tests.protocol.finding import Said
from parity_tests.protocol.observation import Failure
from parity_tests.protocol.quantity import Key
from reports.model.notes import NoteKind

UNSEEN = "linear_layer is no class, so that main was not run as a script"
NOT_CALLED = "run as a script, the file does not call main"


def judge_as_script(main: MainRun, epochs: int) -> Comparison:
    """Whether what `main` left as a script of so many epochs agrees with what the watched run left."""
    failure = main.observation.failures.get(Key(AS_SCRIPT))
    if failure is not None:
        return _failed(main, failure)
    if main.failure is not None:
        return matched()
    if AS_SCRIPT not in main.observation.facts:
        return main.unjudged(f"{SCRIPT}, it left nothing to judge")
    called = main.observation.facts[AS_SCRIPT]
    if not called:
        return matched(NOT_CALLED if called is False else UNSEEN, kind=NoteKind.UNSEEN)
    returned, written = results_of(main.observation, main.of)
    watched = tuple((key, values) for _, key, values in main.run.written)
    lengths = epochs, main.config.epochs
    problems = [
        *_other_sizes(main),
        *_differences("returns", returned, main.run.returned, lengths),
        *_differences("writes", written, watched, lengths),
    ]
    return main.bad(Said(f"{SCRIPT}, {problems[0]}", SCRIPT)) if problems else matched()


def _other_sizes(main: MainRun) -> Iterator[str]:
    """Which sizes of layers the script asked for, where the watched run asked for others."""
    asked = set(main.observation.facts.get(f"{AS_SCRIPT}, sizes", []))
    watched = {size for built in main.run.built for size in built.sizes if size is not None}
    if asked != watched:
        shown, usual = (", ".join(map(str, sorted(sizes))) for sizes in (asked, watched))
        yield f"main builds layers of {shown}, where it builds layers of {usual} when it is called"


def _failed(main: MainRun, failure: Failure) -> Comparison:
    problem = main.say(f"{SCRIPT}, {failure.text.removeprefix(AS_SCRIPT).strip()}")
    return replace(failed(failure), problem=problem, finding=SCRIPT)


def _differences(does: str, script: Records, watched: Records, lengths: tuple[int, int]) -> Iterator[str]:
    """How the records of both differ in their first half of digits; of those that have a number an epoch."""
    if len(script) != len(watched):
        yield f"main {does} {len(script)} records of numbers, where it {does} {len(watched)} when it is called"
        return
    for (key, got), (_, want) in zip(script, watched, strict=True):
        count = lengths[0]
        if len(want) != lengths[1]:
            continue
        if len(got) != count:
            yield f"main {does} {len(got)} numbers in a record ({key}) of {count} epochs, where one an epoch belongs"
        elif not same(got, want[:count], EXPLAINS):
            at = _first(got, want[:count])
            number = f"{got[at]:.9g} as number {at + 1} of a record ({key})"
            yield f"main {does} {number}, where it {does} {want[at]:.9g} when it is called with the same seed"


def _first(got: Array, want: Array) -> int:
    return int(np.argmax(~(np.abs(got - want) <= EXPLAINS * np.abs(want))))
