"""A submission made of a module, or of classes and functions: written to a folder as source."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

from parity_tests.api.source import Sources
from parity_tests.protocol.assignment import Assignment
from parity_tests.protocol.errors import UsageError
from parity_tests.protocol.registry import find, find_all


def assignment_of(assignment: str | Assignment | None, names: Iterable[str]) -> Assignment:
    """The assignment that is given, or whose name is; else the installed one that has functions of these names.

    Raises UsageError where there is none, or where there are several.
    """
    if assignment is not None:
        return find(assignment) if isinstance(assignment, str) else assignment
    wanted = set(names)
    known = find_all()
    fitting = [one for one in known if wanted & parts_by_name(one).keys()]
    if len(known) == 1 or len(fitting) == 1:
        return (fitting or known)[0]
    listed = ", ".join(one.name for one in fitting or known)
    which = "fits more than one assignment" if fitting else "is a part of no assignment that is installed"
    raise UsageError(f"what was given {which} ({listed}); choose one with assignment=.")


def parts_by_name(assignment: Assignment) -> dict[str, frozenset[str]]:
    """The parts that each class or function of a submission answers, by its name."""
    parts: dict[str, frozenset[str]] = {}
    for function, part in assignment.by_function.items():
        name = function.partition(".")[0]
        parts[name] = parts.get(name, frozenset()) | {part}
    return parts


def write_objects(objects: Iterable[Any], folder: Path, assignment: Assignment) -> frozenset[str]:
    """Writes classes and functions, with what they use, as a submission; what is not given is the solution's.

    Returns the parts that the objects answer. Raises UsageError where one is no part of the assignment, or has no
    source that can be found.
    """
    known = parts_by_name(assignment)
    given = {_name(thing, known): thing for thing in objects}
    parts = frozenset().union(*(known[name] for name in given))
    taken = set(given)
    own = Sources()
    for thing in given.values():
        own.add(thing)
    for name in given:
        for other in _other_names(name, assignment):
            if other not in taken:  # the solution calls it by that name
                taken.add(other)
                own.sources.append(f"{other} = {name}")
    layout = assignment.layout
    for file in layout.files:
        solution = assignment.solution / file
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        if file in layout.sources and taken & _defined(solution):
            text = "\n\n".join([_without(solution, taken), *own.sources])
            (folder / file).write_text(f"{text}\n", encoding="utf-8")
        else:
            (folder / file).write_bytes(solution.read_bytes())
    return parts


def _defined(path: Path) -> set[str]:
    """The names of the functions and classes of a file."""
    return {node.name for node in ast.parse(path.read_bytes()).body if isinstance(node, ast.FunctionDef | ast.ClassDef)}


def _other_names(name: str, assignment: Assignment) -> list[str]:
    """The other names of this function by which the solution calls its own."""
    functions = next((part.functions for part in assignment.parts if name in part.functions), ())
    tree = ast.parse((assignment.solution / assignment.layout.file).read_bytes())
    defined = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    return [function for function in functions if function != name and function in defined]


def write_module(module: ModuleType, folder: Path, assignment: Assignment) -> None:
    """Writes a module's source as a submission. Raises UsageError where it cannot be found."""
    try:
        source = inspect.getsource(module)
    except (OSError, TypeError) as error:
        raise UsageError(f"the source of the module {module.__name__} cannot be found ({error}).") from error
    layout = assignment.layout
    if layout.package:
        raise UsageError(f"{layout.file} lies in a package: give the folder that holds it, or its functions.")
    (folder / layout.file).write_text(source, encoding="utf-8")
    if layout.support:
        beside = Path(module.__file__ or "").with_name(layout.support_file)
        if beside.is_file():
            (folder / layout.support_file).write_bytes(beside.read_bytes())


def of_namespace(namespace: Mapping[str, Any], assignment: Assignment) -> list[Any]:
    """The parts of the assignment in a namespace such as a notebook's `globals()`."""
    known = parts_by_name(assignment)
    return [thing for name, thing in namespace.items() if name in known and isinstance(thing, type | FunctionType)]


def _name(thing: Any, known: Mapping[str, frozenset[str]]) -> str:
    name = getattr(thing, "__name__", None)
    if not isinstance(thing, type | FunctionType) or name not in known:
        text = name or repr(thing)[:80]
        raise UsageError(f"{text} is no part of the assignment; its parts are {', '.join(known)}.")
    return str(name)


def _without(path: Path, names: set[str]) -> str:
    """The source of a file without the definitions of these names."""
    source = path.read_text(encoding="utf-8")
    lines = source.splitlines()
    for node in reversed(ast.parse(source).body):
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and node.name in names:
            first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
            del lines[first - 1 : node.end_lineno]
    return "\n".join(lines)
