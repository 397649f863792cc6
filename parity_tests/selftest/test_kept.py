"""What variants of the solutions returned is judged anew without a process: mistakes get their names, right forms pass.

proof/kept.py makes the files in kept/, from real processes. All other variants are put to these at night.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from parity_tests.proof import kept
from parity_tests.proof.judged_variants import failures
from parity_tests.protocol.observation import Failure, Observation, Returned
from parity_tests.protocol.quantity import Key
from parity_tests.protocol.registry import find

pytestmark = pytest.mark.usefixtures("one_thread")
FOLDER = Path(__file__).parent / "kept"
ASSIGNMENTS = ("mlp",)
RENEW = "renew it by: python -m parity_tests.proof.kept parity_tests/selftest/kept"


@cache
def of(name: str) -> kept.File:
    return kept.read(FOLDER / f"{name}.zip")


@cache
def asked(name: str) -> Sequence[kept.Asked]:
    return kept.variants(find(name), of(name).share)


@pytest.mark.parametrize("name", ASSIGNMENTS)
def test_what_is_kept_is_of_this_exam_and_of_the_variants_as_they_are(name: str) -> None:
    assert of(name).exam == find(name).exam, f"{RENEW} {name}"
    assert of(name).kept.keys() == {(one.kind, one.name) for one in asked(name)}, f"{RENEW} {name}"
    stale = [one.name for one in asked(name) if kept.is_stale(find(name), one, of(name).kept[one.kind, one.name])]
    assert stale == [], f"{RENEW} {name}"


@pytest.mark.parametrize("name", ASSIGNMENTS)
def test_many_are_kept_and_some_of_every_kind(name: str) -> None:
    for kind in kept.KINDS:
        whys = [one.why_none for (of_kind, _), one in of(name).kept.items() if of_kind == kind]
        assert 3 * whys.count("") >= len(whys) > 0, kind


@pytest.mark.parametrize("part", range(4))
@pytest.mark.parametrize("kind", kept.KINDS)
@pytest.mark.parametrize("name", ASSIGNMENTS)
def test_each_variant_shows_what_it_must(name: str, kind: str, part: int) -> None:
    ones = [one for one in asked(name) if one.kind == kind and of(name).kept[kind, one.name].observations][part::4]
    wrong = {}
    for one in ones:
        records = kept.judged(find(name), one, of(name).kept[kind, one.name].observations)
        if not one.shows(find(name), records):
            wrong[one.name] = [(record.case, record.part, record.diagnosis) for record in failures(records)]
    assert wrong == {}


def test_what_another_variant_returned_does_not_show_it() -> None:
    mlp = find("mlp")
    ones = [one for one in asked("mlp") if of("mlp").kept[one.kind, one.name].observations]
    mistake, another = [one for one in ones if one.kind == "mistakes" and one.parts == frozenset("5")][:2]
    seen = of("mlp").kept["mistakes", mistake.name].observations
    records = kept.judged(mlp, mistake, seen)
    assert mistake.shows(mlp, records)
    assert not another.shows(mlp, records)
    assert not next(one for one in ones if one.kind == "honest").shows(mlp, records)
    assert not mistake.shows(mlp, [])


def test_a_file_gives_back_what_was_written(tmp_path: Path) -> None:
    whole = Observation(
        "case",
        {
            Key("a"): Returned("array", np.array([[np.nan, -0.0]], np.float32), "an array"),
            Key("a", 1): Returned("scalar", np.array(3), "a number"),
            Key("b"): Returned("none", None, "None"),
        },
        {Key(""): Failure("crashed", "ValueError", "it raised", "a.py", 3, "f", "g", "said")},
        {"fact": [1, {"x": None}]},
        ("a warning",),
        0.0,
        {Key("a"): ("X", "grad")},
        {"a warning": ("f", "g")},
    )
    toy = find("mlp")
    kept.write(tmp_path / "a.zip", toy, 3, {("mistakes", "m"): kept.Kept("digest", (whole, whole))})
    file = kept.read(tmp_path / "a.zip")
    (back, again) = file.kept["mistakes", "m"].observations
    assert (file.exam, file.share, file.kept["mistakes", "m"].asked) == (toy.exam, 3, "digest")
    for key, one in whole.values.items():
        assert back.values[key].array is None if one.array is None else repr(back.values[key]) == repr(one)
    assert replace(back, values={}) == replace(whole, values={}) == replace(again, values={})


def test_another_source_and_another_exam_are_stale() -> None:
    one = next(one for one in asked("mlp") if of("mlp").kept[one.kind, one.name].observations)
    entry, mlp = of("mlp").kept[one.kind, one.name], find("mlp")
    assert not kept.is_stale(mlp, one, entry)
    assert kept.is_stale(replace(mlp, exam="another"), one, entry)
    variant = replace(one.variant, files={name: f"{text}\n" for name, text in one.variant.files.items()})
    assert kept.is_stale(mlp, replace(one, variant=variant), entry)
