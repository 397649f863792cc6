"""One direction: every import, read from the source, leads from a room to one that it may know; none in a circle."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("implementation", "reference", "reports", "parity_tests")

LEAVES = ("reference", "reports")
PROTOCOL = (*LEAVES, "parity_tests.protocol")
HARNESS = tuple(
    f"parity_tests.harness{part}" for part in (".wire", ".inside", ".sandbox", ".process", ".diagnosis", "")
)
GENERAL = (*PROTOCOL, *HARNESS)
TOOLS = ("parity_tests.trace", "parity_tests.parts", "parity_tests.declared")
ROOMS: Mapping[str, tuple[str, ...]] = {
    "implementation": (),
    "reference": (),
    "reports": (),
    "parity_tests.protocol": LEAVES,
    "parity_tests.harness.wire": PROTOCOL,
    "parity_tests.harness.inside": ("parity_tests.harness.wire",),
    "parity_tests.harness.sandbox": (*PROTOCOL, "parity_tests.harness.wire", "parity_tests.harness.inside"),
    "parity_tests.harness.process": (*PROTOCOL, *HARNESS[:3]),
    "parity_tests.harness.diagnosis": PROTOCOL,
    "parity_tests.operators": (),
    "parity_tests.parts": ("parity_tests.operators",),
    "parity_tests.harness": (*PROTOCOL, *HARNESS[:5], "parity_tests.operators"),
    "parity_tests.grading": GENERAL,
    "parity_tests.pairs": (*GENERAL, "parity_tests.operators"),
    "parity_tests.proof": (*GENERAL, "parity_tests.operators", "parity_tests.pairs", "parity_tests.grading"),
    "parity_tests.trace": GENERAL,
    "parity_tests.declared": (*GENERAL, "parity_tests.parts"),
    "parity_tests.assignments": (*GENERAL, *TOOLS, "implementation"),
    "parity_tests.api": (*GENERAL, "parity_tests.assignments"),
}
"""The rooms, and those that each may import beside itself. Rooms that are not named here stand above all of them."""
ABOVE = ("parity_tests", "parity_tests.bench", "parity_tests.cli", "parity_tests.examples", "parity_tests.selftest")
"""The rooms at the top, each of which may import those before it."""
WITHOUT = {"implementation": {"torch", "pandas", "scipy"}, "reference": {"pandas"}, "reports": {"torch"}}
"""Other people's packages that a room must do without."""

NOT_YET: set[tuple[str, str]] = set()
"""Imports between rooms that are still to go."""


class Import(NamedTuple):
    """A module that is imported, the line, and whether at module level."""

    module: str
    line: int
    outermost: bool


BESIDE = re.compile(r"parity_tests\.(harness\.(inside|wire)|(assignments\.\w+|declared)\.inside)\b")
"""Modules that lie beside a submission in its process."""
OUR_MODULE = re.compile(rf"({'|'.join(PACKAGES)})(\.[A-Za-z_]\w*)+\.?(:\w+)?")
LOADERS = ("import_module", "find_spec", "__import__")


@cache
def imports_of(path: Path) -> tuple[Import, ...]:
    """Every import of a file, which is read once."""
    return tuple(imports(path.read_text(encoding="utf-8")))


def imports(source: str) -> Iterator[Import]:
    """Every import: at module level, in functions, under TYPE_CHECKING, and by a text that names a module of ours."""
    tree = ast.parse(source)
    outermost = set(map(id, tree.body))
    programs = set(map(id, programs_in(tree)))
    for node in ast.walk(tree):
        names: list[str] = []
        if id(node) in programs:
            continue
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            package = "." * node.level + (node.module or "")
            ours = package.partition(".")[0] in PACKAGES
            names = [f"{package}.{alias.name}" for alias in node.names] if ours else [package]
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and OUR_MODULE.fullmatch(node.value):
            names = [node.value.partition(":")[0].rstrip(".")]
        elif isinstance(node, ast.Call) and getattr(node.func, "id", getattr(node.func, "attr", "")) in LOADERS:
            texts = [argument.value for argument in node.args[:1] if isinstance(argument, ast.Constant)]
            names = [text for text in texts if text in PACKAGES]
        for name in names:
            yield Import(name, getattr(node, "lineno", 0), id(node) in outermost)


def programs_in(tree: ast.AST) -> Iterator[ast.expr]:
    """The texts behind "-m" in commands: they name what is run in a process of its own, which imports nothing here."""
    for node in ast.walk(tree):
        if isinstance(node, ast.List | ast.Tuple):
            for option, value in pairwise(node.elts):
                if isinstance(option, ast.Constant) and option.value == "-m":
                    yield value


def absolute(module: str, path: Path) -> str:
    """The whole name of a module that a file imports, perhaps by dots in front of it."""
    dots = len(module) - len(module.lstrip("."))
    return ".".join([*module_of(path).split(".")[:-dots], module[dots:]]) if dots else module


def files(room: str) -> list[Path]:
    """The source files of a room, without those of the rooms in it; what the tests hand in is not ours."""
    folder = ROOT.joinpath(*room.split("."))
    found = [path for path in sorted(folder.rglob("*.py")) if "submissions" not in path.parts]
    return [path for path in found if room_of(module_of(path)) == room]


def module_of(path: Path) -> str:
    """The name of the module that a file holds."""
    return ".".join(path.relative_to(ROOT).with_suffix("").parts)


@cache
def room_of(module: str) -> str:
    """The room that a module of ours lies in, "" for a module of other people's."""
    rooms = [room for room in (*ROOMS, *ABOVE) if module == room or module.startswith(f"{room}.")]
    return max(rooms, key=len, default="")


def allowed(room: str) -> set[str]:
    """The rooms that a room may import."""
    if room in ABOVE:
        return {*ROOMS, *ABOVE[: ABOVE.index(room) + 1]}
    return {room, *ROOMS[room]}


def crossings(room: str) -> list[tuple[Path, Import]]:
    """The imports of a room that lead to a room which it may not know."""
    may = allowed(room)
    return [
        (path, found)
        for path in files(room)
        for found in imports_of(path)
        if room_of(found.module) and room_of(found.module) not in may
    ]


@pytest.mark.parametrize("room", [*ROOMS, *ABOVE])
def test_a_room_imports_only_those_below_it(room: str) -> None:
    assert files(room)
    found = [
        f"{path.relative_to(ROOT)}:{line} imports {module}"
        for path, (module, line, _) in crossings(room)
        if (room, room_of(module)) not in NOT_YET
    ]
    assert not found


def test_no_exception_is_kept_longer_than_it_is_needed() -> None:
    crossed = {(room, room_of(found.module)) for room in (*ROOMS, *ABOVE) for _, found in crossings(room)}
    assert crossed == NOT_YET


def test_no_rooms_import_each_other_in_a_circle() -> None:
    graph = {room: allowed(room) - {room} for room in (*ROOMS, *ABOVE)}
    assert set(TopologicalSorter(graph).static_order()) == {*ROOMS, *ABOVE}
    with pytest.raises(CycleError):
        TopologicalSorter({**graph, "reference": {"parity_tests.cli"}}).prepare()


def test_every_file_has_a_room() -> None:
    for path in ROOT.joinpath("parity_tests").iterdir():
        if path.is_dir() and list(path.glob("*.py")):
            assert room_of(module_of(path)) == f"parity_tests.{path.name}", path
    loose = {path.name for path in ROOT.joinpath("parity_tests").glob("*.py")}
    assert loose == {"__init__.py", "pytest_plugin.py"}
    assert {path.parent.name for path in ROOT.glob("*/__init__.py")} == set(PACKAGES)


@pytest.mark.parametrize("room", WITHOUT)
def test_a_room_does_without_what_is_not_its_trade(room: str) -> None:
    names = {found.module.partition(".")[0] for path in files(room) for found in imports_of(path)}
    assert not names & WITHOUT[room]


def test_what_runs_beside_a_submission_needs_numpy_and_the_standard_library_alone() -> None:
    inside = [*files("parity_tests.harness.inside"), *ROOT.glob("parity_tests/assignments/*/inside/*.py")]
    beside = {path.stem for path in (*inside, *files("parity_tests.harness.wire"))}
    may = sys.stdlib_module_names | beside | {"numpy"}
    for path in inside:
        names = {found.module for found in imports_of(path)}
        others = {name for name in names if name.partition(".")[0] not in may}
        assert {name for name in others if not BESIDE.match(name)} == set(), path


def test_the_shipped_network_needs_numpy_and_the_standard_library_alone() -> None:
    own = {one for path in files("implementation") for one in path.with_suffix("").parts}
    may = sys.stdlib_module_names | {"numpy"} | own
    for path in files("implementation"):
        found = imports_of(path)
        names = {absolute(module, path).partition(".")[0] for module, _, _ in found}
        assert names <= may | {"implementation"}, path


def test_the_command_line_imports_nothing_slow_at_module_level() -> None:
    slow = {"torch", "torchvision", "pandas", "numpy", "scipy", "rich", "reference"}
    for path in files("parity_tests.cli"):
        found = imports_of(path)
        assert not slow & {name.partition(".")[0] for name, _, outermost in found if outermost}, path.name


def test_the_reader_of_imports_sees_every_form() -> None:
    source = (
        "import a.b\nfrom c.d import e\ndef f():\n    import g, h as i\n    from . import j\n"
        "if TYPE_CHECKING:\n    from reports.model import records\n"
        "HOME = 'parity_tests.cli.check'\nPOINT = 'reference.answer:Answer'\n'reports.'\nfind_spec('implementation')\n"
        "from parity_tests import check\n"
        "[sys.executable, '-m', 'parity_tests.cli']\n"
    )
    assert sorted(imports(source), key=lambda found: found.line) == [
        ("a.b", 1, True),
        ("c.d", 2, True),
        ("g", 4, False),
        ("h", 4, False),
        (".", 5, False),
        ("reports.model.records", 7, False),
        ("parity_tests.cli.check", 8, False),
        ("reference.answer", 9, False),
        ("implementation", 11, False),
        ("parity_tests.check", 12, True),
    ]


def test_dots_in_front_of_an_import_lead_out_of_the_package_as_python_has_it() -> None:
    path = ROOT / "implementation" / "a" / "b.py"
    assert absolute("..c", path) == "implementation.c"
    assert absolute("...torch", path) == "torch"
    assert absolute("torch", path) == "torch"


def test_an_import_upwards_would_be_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "parity_tests" / "protocol"
    folder.mkdir(parents=True)
    folder.joinpath("up.py").write_text("def f():\n    import parity_tests.harness.check\n", encoding="utf-8")
    monkeypatch.setattr(sys.modules[__name__], "ROOT", tmp_path)
    ((_, found),) = crossings("parity_tests.protocol")
    assert found == ("parity_tests.harness.check", 2, False)
