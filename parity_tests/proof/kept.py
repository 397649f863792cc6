"""What variants of a solution returned, kept in a file, so that all of them can be judged anew without a process.

`python -m parity_tests.proof.kept FOLDER ASSIGNMENT [SHARE]` writes FOLDER/ASSIGNMENT.zip, or renews what is stale in
it. Of all variants alike (of one kind, part and operation) the file has one in SHARE, the first among them.
Kept of a variant are its smallest cases that show what it must show, each array once; none of one that is too large.
"""

from __future__ import annotations

import hashlib
import json
import math
import multiprocessing
import sys
import tempfile
import zipfile
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import astuple, dataclass, replace
from functools import cache, partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from parity_tests.harness.check import runner_of
from parity_tests.harness.exam import Exam, question_of
from parity_tests.harness.machine import cores
from parity_tests.harness.make_records import Setting
from parity_tests.harness.process.questions import Budget, ask_all
from parity_tests.harness.stages import judge_observed
from parity_tests.proof.editions import edition_for, edition_of
from parity_tests.proof.forms import correct_variants
from parity_tests.proof.judged_variants import failures, fork_servers
from parity_tests.proof.mistakes import Outcome, known_mistakes, of_records, parts_of
from parity_tests.proof.variants import Variant, rewritten, unchanged, with_mistake
from parity_tests.protocol.assignment import Assignment
from parity_tests.protocol.case import DTYPES, Case
from parity_tests.protocol.errors import HarnessError
from parity_tests.protocol.mistake import Mistake
from parity_tests.protocol.observation import Failure, Observation, Returned
from parity_tests.protocol.quantity import Key
from parity_tests.protocol.registry import find
from reports.model.records import Record

SEED = 0
T = TypeVar("T")
SHARE = 8
PATIENCE = 60.0
"""Seconds that a case may take: what times out here is kept so."""
LARGEST = 16 << 10
"""Bytes of arrays that a variant may bring beside the solution's."""
LARGEST_CASE = 200_000
"""Bytes of arrays that the solution returns of a case; what is larger is not asked."""
KINDS = ("mistakes", "honest", "evasions")


@dataclass(frozen=True)
class Asked:
    """A variant, and what it must show: a mistake its name, an evasion anything, an honest form nothing.

    `parts` are those whose cases it is asked, all where None.
    """

    kind: str
    name: str
    variant: Variant
    edition: str
    parts: frozenset[str] | None
    of: Mistake | None

    def shows(self, assignment: Assignment, records: Sequence[Record]) -> bool:
        """Whether these records are what must be said of it."""
        if self.of is not None:
            return of_records(assignment, self.of, records).outcome is Outcome.NAMED
        return bool(failures(records)) is (self.kind == "evasions")


@dataclass(frozen=True)
class Kept:
    """What is kept of a variant: the digest of what it was asked, and its observations; or why there are none."""

    asked: str
    observations: tuple[Observation, ...]
    why_none: str = ""


@dataclass(frozen=True)
class File:
    """What a file keeps: the version of the exam, one in how many of the variants alike, and by kind and name what."""

    exam: str
    share: int
    kept: Mapping[tuple[str, str], Kept]


def variants(assignment: Assignment, share: int) -> list[Asked]:
    """Of an assignment's variants one in `share` of those alike."""
    proof, asked = assignment.proof(), []
    for mistake in _one_in(share, known_mistakes(assignment), lambda mistake: (mistake.part, mistake.operation)):
        name, variant = f"{mistake.part}: {mistake.operation}: {mistake.name}", with_mistake(assignment, mistake)
        edition, parts = _asked_of(assignment.name, mistake.part, mistake.shows_in)
        asked.append(Asked("mistakes", name, variant, edition, parts, mistake))
    forms = [
        *(("honest", correct) for correct in _one_in(share, list(correct_variants(assignment))[1:])),
        *(("evasions", rewritten(assignment, form)) for form in _one_in(share, proof.evasions)),
    ]
    for kind, variant in forms:
        edition = edition_for(assignment, variant) or assignment.editions.default
        asked.append(Asked(kind, variant.name, variant, edition, None, None))
    return asked


def _one_in(share: int, ones: Sequence[T], alike: Callable[[T], object] = lambda one: None) -> Iterator[T]:
    seen: Counter[object] = Counter()
    for one in ones:
        if seen[alike(one)] % share == 0:
            yield one
        seen[alike(one)] += 1


@cache
def _asked_of(name: str, part: str, shows_in: tuple[str, ...]) -> tuple[str, frozenset[str]]:
    """The edition in which mistakes of a part are asked, and the parts whose cases they are."""
    assignment = find(name)
    return edition_of(assignment, [part]), frozenset(parts_of(assignment, part, shows_in))


def plan_of(assignment: Assignment, asked: Asked, cases: Collection[str] | None = None) -> list[Case]:
    """The cases that a variant is asked; of these names, where given."""
    planned = _planned(assignment.name, asked.edition, asked.parts)
    return [case for case in planned if cases is None or case.name in cases]


@cache
def _planned(assignment: str, edition: str, parts: frozenset[str] | None) -> list[Case]:
    return find(assignment).cases(edition, DTYPES, parts, seed=SEED)


def digest(assignment: Assignment, asked: Asked, cases: Iterable[Case]) -> str:
    """The same for the same source, asked the same cases."""
    questions = [[case.name, case.dtype, case.probe, repr(sorted(case.params.items()))] for case in cases]
    text = json.dumps([assignment.exam, asked.edition, dict(asked.variant.files), questions])
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def judged(assignment: Assignment, asked: Asked, observations: Sequence[Observation]) -> list[Record]:
    """The records of what was observed, as a check makes them."""
    plan = plan_of(assignment, asked, {seen.case for seen in observations})
    setting = Setting("variant", assignment.name, asked.edition, "cpu", "none")
    return judge_observed(Exam(assignment, setting, plan, plan, SEED, asked.edition), observations).records


def is_stale(assignment: Assignment, asked: Asked, kept: Kept) -> bool:
    """Whether what is kept was asked of another source, or by another exam."""
    seen = {observation.case for observation in kept.observations}
    cases = plan_of(assignment, asked, seen)
    return len(cases) != len(seen) or digest(assignment, asked, cases) != kept.asked


def keep(assignment: Assignment, asked: Asked) -> Kept:
    """Puts cases to a variant, the smallest first, and keeps those whose answers are not the solution's.

    Of a form that is right so many are kept as there is room for, of others so many that they show what they must.
    """
    kept: list[Observation] = []
    size, looked_at, full = 0, 0, False
    for own, seen in _differing(assignment, asked):
        size += own
        full = size > LARGEST
        if full:
            break
        kept.append(seen)
        if asked.kind != "honest" and 2 * len(kept) > 3 * looked_at:  # naming takes longer than asking
            looked_at = len(kept)
            if asked.shows(assignment, judged(assignment, asked, kept)):
                break
    else:
        full = asked.kind != "honest" and bool(kept)  # all together do not show it, as kept
    if not kept or (full and asked.kind != "honest"):
        return Kept(digest(assignment, asked, ()), (), "is too large" if size > LARGEST else "differs in nothing kept")
    return Kept(digest(assignment, asked, plan_of(assignment, asked, {seen.case for seen in kept})), tuple(kept))


def _differing(assignment: Assignment, asked: Asked) -> Iterator[tuple[int, Observation]]:
    """Of a variant's answers those that are not the solution's, with the bytes of what is not: small cases first."""
    solution = _solution(assignment.name, asked.edition)
    small = [case for case in plan_of(assignment, asked) if solution[case.name].size <= LARGEST_CASE]
    for seen in _observed(assignment, asked, sorted(small, key=lambda case: solution[case.name].size)):
        own = solution[seen.case].own_bytes(seen)
        if own:
            yield own, seen


def _observed(assignment: Assignment, asked: Asked, plan: Sequence[Case]) -> Iterator[Observation]:
    """What a variant answers to these cases, one process after the other."""
    with tempfile.TemporaryDirectory(prefix="parity-") as folder:
        asked.variant.write(Path(folder))
        for process in assignment.inside.processes:
            if questions := [question_of(assignment, case, SEED) for case in plan if case.process == process]:
                start = partial(runner_of, assignment, Path(folder), process, asked.edition, (), PATIENCE)
                with start(isolation="none", servers=fork_servers()) as runner:
                    for seen in ask_all(runner, questions, Budget()):
                        yield replace(seen, seconds=0.0)


@dataclass(frozen=True)
class Solutions:
    """What the solution says to a case, and the digests and bytes of its arrays."""

    packed: Any
    arrays: frozenset[str]
    size: int

    def own_bytes(self, seen: Observation) -> int:
        """The size of what an observation says that the solution's does not; 0 where it says the same."""
        packed, arrays = _told(seen)
        own = sum(array.nbytes for name, array in arrays.items() if name not in self.arrays)
        return 0 if packed == self.packed else 1 + own


@cache
def _solution(assignment: str, edition: str) -> dict[str, Solutions]:
    asked = Asked("honest", "", unchanged(find(assignment)), edition, None, None)
    told = {seen.case: _told(seen) for seen in _observed(find(assignment), asked, _planned(assignment, edition, None))}
    failed = [case for case, (packed, _) in told.items() if packed[2]]
    if failed:
        raise HarnessError(f"the solution of {assignment} cannot be asked {', '.join(failed)}")
    return {
        case: Solutions(packed, frozenset(arrays), sum(array.nbytes for array in arrays.values()))
        for case, (packed, arrays) in told.items()
    }


def _told(seen: Observation) -> tuple[Any, dict[str, NDArray[Any]]]:
    """All that an observation says, with digests for its arrays; and these, by their digests."""
    arrays: dict[str, NDArray[Any]] = {}

    def name(array: NDArray[Any]) -> str:
        arrays[_digest_of(array)] = array
        return _digest_of(array)

    return _packed(seen, name), arrays


def _digest_of(array: NDArray[Any]) -> str:
    return hashlib.sha256(f"{array.dtype.str}{array.shape}".encode() + array.tobytes()).hexdigest()


# ---- the file


def _packed(seen: Observation, name: Callable[[NDArray[Any]], str | int]) -> Any:
    """An observation as JSON has it, each array by its name."""
    return [
        seen.case,
        [
            [*_key(key), one.kind, one.detail, None if one.array is None else name(one.array)]
            for key, one in seen.values.items()
        ],
        [[*_key(key), *astuple(one)] for key, one in seen.failures.items()],
        dict(seen.facts),
        list(seen.warnings),
        [[*_key(key), list(labels)] for key, labels in seen.overwritten.items()],
        {text: list(functions) for text, functions in seen.warned.items()},
    ]


def _key(key: Key) -> tuple[str, int]:
    return key.name, key.call


def _unpacked(packed: Any, arrays: Sequence[NDArray[Any]]) -> Observation:
    case, values, failed, facts, warnings, overwritten, warned = packed
    return Observation(
        case,
        {
            Key(name, call): Returned(kind, None if number is None else arrays[number], detail)
            for name, call, kind, detail, number in values
        },
        {Key(name, call): Failure(*failure) for name, call, *failure in failed},
        facts,
        tuple(warnings),
        0.0,
        {Key(name, call): tuple(labels) for name, call, labels in overwritten},
        {text: tuple(functions) for text, functions in warned.items()},
    )


def write(path: Path, assignment: Assignment, share: int, kept: Mapping[tuple[str, str], Kept]) -> None:
    """Writes a file: a text, and the bytes of all arrays after one another."""
    numbers: dict[str, int] = {}
    arrays: list[NDArray[Any]] = []

    def number(array: NDArray[Any]) -> int:
        if numbers.setdefault(_digest_of(array), len(arrays)) == len(arrays):
            arrays.append(array)
        return numbers[_digest_of(array)]

    rows = [
        [*key, one.asked, one.why_none, [_packed(seen, number) for seen in one.observations]]
        for key, one in kept.items()
    ]
    head = {"exam": assignment.exam, "share": share, "seed": SEED, "numpy": np.__version__}
    told = {**head, "arrays": [[array.dtype.str, array.shape] for array in arrays], "variants": rows}
    unfinished = path.with_suffix(".unfinished")
    with zipfile.ZipFile(unfinished, "w", zipfile.ZIP_LZMA) as archive:
        for name, data in (
            ("kept.json", json.dumps(told).encode()),
            ("arrays.bin", b"".join(array.tobytes() for array in arrays)),
        ):
            # Of no date, so that the same observations make the same file.
            archive.writestr(zipfile.ZipInfo(name), data, zipfile.ZIP_LZMA)
    unfinished.replace(path)


def read(path: Path) -> File:
    """The file at this path."""
    with zipfile.ZipFile(path) as archive:
        told, data = json.loads(archive.read("kept.json")), archive.read("arrays.bin")
    arrays: list[NDArray[Any]] = []
    start = 0
    for dtype, shape in told["arrays"]:
        arrays.append(np.frombuffer(data, dtype, math.prod(shape), start).reshape(shape))
        start += arrays[-1].nbytes
    kept = {
        (kind, name): Kept(asked, tuple(_unpacked(packed, arrays) for packed in observations), why_none)
        for kind, name, asked, why_none, observations in told["variants"]
    }
    return File(told["exam"], told["share"], kept)


# ---- the command


@cache
def _variants(assignment: str, share: int) -> list[Asked]:
    return variants(find(assignment), share)


def _keep(assignment: str, share: int, number: int) -> Kept:
    return keep(find(assignment), _variants(assignment, share)[number])


def main(folder: Path, name: str, share: int) -> int:
    """Writes or renews the file of an assignment, as it comes: a run that was stopped is gone on with."""
    assignment, path = find(name), folder / f"{name}.zip"
    wanted = _variants(name, share)
    before = read(path).kept if path.exists() else {}
    kept: dict[tuple[str, str], Kept] = {}
    stale = []
    for number, asked in enumerate(wanted):
        one = before.get((asked.kind, asked.name))
        if one is None or is_stale(assignment, asked, one):
            stale.append(number)
        else:
            kept[asked.kind, asked.name] = one
    with ProcessPoolExecutor(cores(), mp_context=multiprocessing.get_context("spawn")) as pool:
        for number, one in zip(stale, pool.map(partial(_keep, name, share), stale, chunksize=4), strict=True):
            kept[wanted[number].kind, wanted[number].name] = one
            if len(kept) % 40 == 0:
                print(f"{len(kept)} of {len(wanted)}", flush=True)
                write(path, assignment, share, kept)
    order = [(asked.kind, asked.name) for asked in wanted]
    write(path, assignment, share, {key: kept[key] for key in order})
    for kind in KINDS:
        ones = [one for (of, _), one in kept.items() if of == kind]
        whys = Counter(one.why_none for one in ones if one.why_none)
        print(f"{kind}: {len(ones) - whys.total()} of {len(ones)} are kept", *(f"{n} {why}" for why, n in whys.items()))
    return 0


if __name__ == "__main__":
    if len(sys.argv) not in (3, 4) or not Path(sys.argv[1]).is_dir():
        print("usage: python -m parity_tests.proof.kept FOLDER ASSIGNMENT [SHARE]", file=sys.stderr)
        sys.exit(2)
    sys.exit(main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]) if sys.argv[3:] else SHARE))
