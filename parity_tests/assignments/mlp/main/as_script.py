"""Judges whether `main` does the same when its file is run as a script, with nobody watching, as when it is called.

The weights of such a run are not seen. So what it returned and wrote is held against the watched run of the same seed,
which is judged by itself: in its first epochs both have the same numbers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from parity_tests.assignments.mlp.main.closeness import EXPLAINS, same
from parity_tests.assignments.mlp.main.configs import AS_SCRIPT, SCRIPT
from parity_tests.assignments.mlp.main.main_run import Array, MainRun
from parity_tests.assignments.mlp.main.random_seed import step_of_another_mask
from parity_tests.assignments.mlp.main.replay import Records, results_of
from parity_tests.protocol.comparison import Comparison, failed, matched
from parity_tests.protocol.finding import Said
from parity_tests.protocol.observation import Failure
from parity_tests.protocol.quantity import Key
from reports.model.notes import NoteKind

UNSEEN = "linear_layer is no class, so that main was not run as a script"
WHO = (
    "main, or a part that it calls, does something else as a script (__name__), by who calls it (the stack), or when "
    "Python ends"
)
NOT_SEEDED = "the masks do not follow from random_seed (are they drawn by np.random, as main seeds it?)"
NOT_CALLED = "run as a script, the file does not call main"


DROPOUT = "9"
"""The TODO that draws the masks."""


def judge_as_script(runs: Sequence[MainRun], epochs: int) -> Comparison:
    """Whether what `main` left as a script of so many epochs agrees with what the first of the watched runs left.

    It cannot where that is not repeated by another run of its seed, since the masks of its dropout do not follow it.
    """
    main = runs[0]
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
        *_other_settings(main, epochs),
        *_other_sizes(main),
        *_differences("returns", "the {} record that it returns", returned, main.run.returned, lengths),
        *_differences("writes", "the record “{}” of its file", written, watched, lengths),
    ]
    if problems and (step := step_of_another_mask(runs)) is not None:
        text = f"called again with the same seed, it drops other elements in step {step}, as a script too: {NOT_SEEDED}"
        return replace(main.bad(text), part=DROPOUT)
    return main.bad(Said(f"{SCRIPT}, {problems[0]}", SCRIPT)) if problems else matched()


def _other_settings(main: MainRun, epochs: int) -> Iterator[str]:
    """What the script passes `main` otherwise than its own options say."""
    asked = {**main.config.main_params(), "num_epoch": epochs}
    for key, value in main.observation.facts.get(f"{AS_SCRIPT}, settings", {}).items():
        yield f"main is passed {value} as {key}, where the command line says --{key} {asked.get(key)}"


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


def _differences(does: str, which: str, script: Records, watched: Records, lengths: tuple[int, int]) -> Iterator[str]:
    """How the records of both differ in their first half of digits; of those that have a number an epoch."""
    if len(script) != len(watched):
        yield f"main {does} {len(script)} records of numbers, where it {does} {len(watched)} when it is called"
        return
    for (key, got), (_, want) in zip(script, watched, strict=True):
        count = lengths[0]
        if len(want) != lengths[1]:
            continue
        if len(got) != count:
            yield f"{_record(which, key)} has {len(got)} numbers of {count} epochs, where one an epoch belongs"
        elif not same(got, want[:count], EXPLAINS):
            at = _first(got, want[:count])
            yield (
                f"number {at + 1} of {_record(which, key)} is {got[at]:.9g}, where it is {want[at]:.9g} when main is "
                f"called with the same seed and settings: {WHO}"
            )


def _record(which: str, key: str) -> str:
    """What a record is called by where it stood."""
    return which.format(("first", "second")[int(key)] if key in ("0", "1") else key)


def _first(got: Array, want: Array) -> int:
    return int(np.argmax(~(np.abs(got - want) <= EXPLAINS * np.abs(want))))
