"""The declaration: `assignment.toml`, read and checked, with a sentence for whatever is wrong in it."""

from __future__ import annotations

import ast
import builtins
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from parity_tests.declared.known import REFERENCE, NamedText, text_of
from parity_tests.parts.right_text import RightText
from parity_tests.protocol.errors import UsageError

FILE = "assignment.toml"
SHAPE = re.compile(r"[A-Z][A-Za-z0-9]*( [A-Z][A-Za-z0-9]*| \d+)*|\d+( [A-Z][A-Za-z0-9]*| \d+)+|")
"""The sizes of an array, by letter or as numbers, with spaces between: "N D", "3 D"."""
LEAST, MOST = 2, 7
"""Between these a size is drawn where nothing else is said."""
HOW = re.compile(
    r"((?P<scale>[\d.]+)\*|(?P<low>[\d.]+?)\.\.(?P<high>[\d.]+)|(?P<bits>0\|1)|) ?(?P<sizes>[A-Z\d][\w ]*|)"
)
"""How numbers of these sizes are drawn: scaled, between two, as 0 or 1, and else from the normal distribution."""
TAKEN = ("torch", "F", "grad", "np", "rng")
"""The names that lines of torch, or expressions of what is drawn, know already."""
OF_ASSIGNMENT = {"name", "title", "module", "further", "lent", "exam", "part", "question", "solution", "allow"}
OF_ASSIGNMENT |= {"notebook", "inert", "base", "ungraded", "solutions"}
BuiltOf = Mapping[str, frozenset[str]]
"""By the name of what is asked, what else that is asked it is built of."""
_CALLED = re.compile(r"\b(\w+)\(")
HANDED_ON = re.compile(r"(_|\b)(cache|caches|context|ctx|meta|state|memory)(_|\b)", re.IGNORECASE)
"""What a function returns so called is for its gradient alone."""
ORDINALS = ("first", "second", "third", "fourth", "fifth")
RIGHT = "right_"
"""Before the name of a result, in texts: what torch gives."""
OBJECT = "Object"
"""What lines make an object of their own with, whose attributes a submission reads and sets."""
OPEN = "..."
"""What stands where something is still to be said."""
OF_PART = {"label", "title"}
OF_DIALECT = {"told", "words", "given", "run", "torch", "texts", "names", "either", "solution"}
OF_QUESTION = {
    *("name", "given", "run", "torch", "sizes", "texts", "names", "shapes", "whole"),
    *("read", "either", "dialect", "each", "edition", "arrays", "float64", "fresh"),
}


@dataclass(frozen=True)
class Statement:
    """One line of `run`: the names that it gives, the part that it asks ("" for none) and those that it works on."""

    line: str
    targets: tuple[str, ...]
    part: str
    works_on: tuple[str, ...] = ()


@dataclass(frozen=True)
class Question:
    """What is asked together: the inputs, what is called of a submission line by line, and what torch says.

    `given` says by name what is drawn: sizes as "N D" (normal numbers), a list to choose from, a constant, or an
    expression of `rng`, the sizes and the inputs before it; `arrays` says several of them by sizes, "x: N D, w: D M",
    of which "0.1* N D" is scaled, "1..2 N D" lies between these, and "0|1 N D" is zeros and ones.
    `sizes` are the least and the most of a letter. `texts` has the right text of a part, for the names of mistakes, and
    `names` lines that make what these texts read of what is given: axes, counts and arrays. Torch's results are those
    of `run` by the same names.

    Where an answer is drawn, `read` hands torch's lines what a submission gave, as `own_NAME`, in the shape of an
    input. `either` has lines that follow torch's where another answer is right as well, by the note that says so. A
    question that was asked in other ways is given for each; `of` is the usual one, and `instead_of` are those of its
    classes that others stand for. Such a dialect is taken where its pattern, `told`, is found in a class that it asks,
    and an `open` one, where either is right, where a pattern is found in another class; one that is not `known` is
    asked of classes in which it is not found, and left open; the lines of `solution`, behind its module, make of the
    usual solution's class one of the dialect. What draws its own numbers is asked in `float64` alone. Where results are
    of a `fresh` object alone, it is not asked twice. The questions after one of an `edition` are of the same, up to the
    next.
    """

    name: str
    given: Mapping[str, Any]
    run: tuple[Statement, ...]
    torch: str
    sizes: Mapping[str, tuple[int, int]]
    texts: Mapping[str, RightText]
    names: str = ""
    shapes: tuple[str, ...] = ()
    whole: bool = False
    read: Mapping[str, str] = field(default_factory=dict)
    either: Mapping[str, str] = field(default_factory=dict)
    of: str = ""
    instead_of: tuple[str, ...] = ()
    told: str = ""
    solution: str = ""
    open: bool = False
    known: bool = True
    edition: str = ""
    float64: bool = False
    fresh: bool = False

    @property
    def keeps_objects(self) -> bool:
        """Whether lines call methods of objects that may be asked again."""
        parts = {one.part for one in self.run}
        return not self.fresh and any(part.partition(".")[0] in parts for part in parts if "." in part)

    @property
    def asks(self) -> tuple[str, ...]:
        """The functions and classes that are called of a submission."""
        return tuple(dict.fromkeys(one.part.partition(".")[0] for one in self.run if one.part))

    @property
    def dialect(self) -> str:
        """The name of its dialect, "" for the usual one."""
        return self.name.removeprefix(self.of).strip(" ()") if self.of else ""

    def text_of(self, part: str) -> RightText:
        """The right text of a part; where none is declared, one that takes each result as torch gives it."""
        if part in self.texts:
            return self.texts[part]
        results = [name for name, own in self.results if own == part]
        lines = "\n".join(f"{name} = {RIGHT}{name}  # {name}" for name in results)
        return RightText(lines, tuple(f"{RIGHT}{name}" for name in results), self.letters)

    @cached_property
    def letters(self) -> tuple[str, ...]:
        """The letters of sizes, in their order; last those that expressions of `rng` alone read."""
        texts = [value for value in self.given.values() if isinstance(value, str)]
        shapes = " ".join(filter(is_shape, texts)).split()
        read = [name for text in texts if not is_shape(text) for name in _sizes_read(text) if name not in self.given]
        return tuple(dict.fromkeys((*self.sizes, *(one for one in shapes if not one.isdigit()), *read)))

    @cached_property
    def works_on(self) -> Mapping[str, tuple[str, ...]]:
        """By part, the parts called before it whose results it is handed, or whose object it is called on."""
        found: dict[str, dict[str, None]] = {}
        for line in self.run:
            earlier = list(found)[: list(found).index(line.part)] if line.part in found else list(found)
            found.setdefault(line.part, {}).update(dict.fromkeys(one for one in line.works_on if one in earlier))
        return {part: tuple(others) for part, others in found.items()}

    def built_of(self, part: str, built_of: BuiltOf) -> frozenset[str]:
        """What a part hangs on, by what each class or function is built of: its own, and what its lines hand it."""
        own = part.partition(".")[0]
        lines = "\n".join(one.line for one in self.run if own in (one.part, one.part.partition(".")[0]))
        handed = {one for one in _CALLED.findall(lines) if one in built_of}
        of_objects = {one.partition(".")[0] for one in self.works_on.get(part, ())}
        return frozenset(handed.union(*(built_of.get(one, ()) for one in {own, *handed, *of_objects}))) - {own}

    @cached_property
    def results(self) -> tuple[tuple[str, str], ...]:
        """Name and part of each result that is compared: torch gives all of them, a submission under the same name."""
        named = targets(self.torch)
        return tuple((target, one.part) for one in self.run for target in one.targets if target in named)


@dataclass(frozen=True, eq=False)
class Declaration:
    """An assignment as it is declared, and the folder that the file lies in; what it does not say its `base` says.

    What is wrong in the `ungraded` parts is a note: who leaves them empty has made no mistake. A dialect in which all
    of a submission is written has one of the `solutions`.
    """

    folder: Path
    name: str
    title: str
    module: str
    parts: Mapping[str, Mapping[str, Any]]
    questions: tuple[Question, ...]
    further: tuple[str, ...] = ()
    lent: tuple[str, ...] = ()
    exam: str = "1"
    solution: str = "solution"
    allow: tuple[str, ...] = ()
    notebook: bool = False
    inert: tuple[str, ...] = ()
    ungraded: tuple[str, ...] = ()
    solutions: Mapping[str, str] = field(default_factory=dict)

    @property
    def editions(self) -> tuple[str, ...]:
        """The editions that questions are of, in their order."""
        return tuple(dict.fromkeys(question.edition for question in self.questions))

    def solution_of(self, dialect: str = "") -> Path:
        """The folder of the right solution in a dialect."""
        return (self.folder / self.solutions.get(dialect, self.solution)).resolve()

    @property
    def defines(self) -> tuple[str, ...]:
        """What a submission defines in whichever files, where no module is named."""
        asked = (name for question in self.questions for name in question.asks)
        return () if self.module else tuple(dict.fromkeys(asked))


def read(folder: Path) -> Declaration:
    """The declaration in a folder, or that in a file of any name.

    Raises UsageError, a sentence with the place, for what is wrong in it.
    """
    path = folder if folder.suffix == ".toml" else folder / FILE
    folder = path.parent
    told = _told(path)
    if "base" in told:
        told = _told(folder / told["base"]) | told
    _known(path, told, OF_ASSIGNMENT, "")
    _has(path, told, ("name", "question"), "")
    edition, asked = "", list[Question]()
    for number, written in enumerate(told["question"], 1):
        edition = written.get("edition", edition)
        for one in _each({**_taken(path, written), "edition": edition}):
            asked += _dialects(path, number, one)
    questions = tuple(asked)
    if left := [line for line in dict.fromkeys(map(_left_open, questions)) if line]:
        raise UsageError(
            f'{path} is not complete. `given` says what is drawn: sizes, as "N D", a number, a list to choose from, or '
            'an expression, as "rng.integers(0, 5, N)". Write in place of the dots:\n  ' + "\n  ".join(left)
        )
    parts = dict.fromkeys(part for question in questions for _, part in question.results)
    declared = told.get("part", {})
    if unknown := [part for part in told.get("ungraded", ()) if part not in parts]:
        raise UsageError(f"{path}: ungraded names {unknown[0]}, of which no question asks a result.")
    for part, of_part in declared.items():
        _known(path, of_part, OF_PART, f"part.{part}")
        if part not in parts:
            raise UsageError(f"{path}: part.{part} is not asked: no result of a question is of {part}.")
    return Declaration(
        folder, told["name"], told.get("title", told["name"]), told.get("module", path.stem if "base" in told else ""),
        {part: declared.get(part, {}) for part in parts}, questions, tuple(told.get("further", ())),
        tuple(told.get("lent", ())), str(told.get("exam", "1")), told.get("solution", "solution"),
        tuple(told.get("allow", ())), told.get("notebook", False), tuple(told.get("inert", ())),
        tuple(told.get("ungraded", ())), told.get("solutions", {}),
    )  # fmt: skip


def _told(path: Path) -> dict[str, Any]:
    """What a file says. Raises UsageError where there is none, or it is no TOML."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UsageError(f"{path.parent} has no {path.name}, which declares an assignment.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} is not TOML: {error}.") from error


def _sizes_read(text: str) -> list[str]:
    """The names of an expression that are written as sizes are; none of what is no Python."""
    try:
        nodes = ast.walk(ast.parse(text))
    except SyntaxError:
        return []
    names = {node.id for node in nodes if isinstance(node, ast.Name)} - {*TAKEN, *vars(builtins)}
    return sorted(name for name in names if SHAPE.fullmatch(name))


def is_shape(value: Any) -> bool:
    """Whether what is given is told by its sizes."""
    return isinstance(value, str) and SHAPE.fullmatch(value) is not None


def _taken(path: Path, told: Mapping[str, Any]) -> Mapping[str, Any]:
    """A question as it is written, or as it has this name, in other `words`, in the file that it is taken `from`."""
    if "from" not in told:
        return told
    try:
        others = tomllib.loads((path.parent / told["from"]).read_text(encoding="utf-8"))["question"]
        one = next(one for other in others for one in (other, *_each(other)) if one["name"] == told["name"])
    except (OSError, ValueError, KeyError, StopIteration):
        where = f"question {told.get('name')!r}"
        raise UsageError(f"{path}, {where}: there is no such question in {told['from']!r} beside it.") from None
    kept = _filled({key: value for key, value in one.items() if key != "edition"}, told.get("words", {}))
    return {**kept, **{key: value for key, value in told.items() if key not in ("from", "name", "words")}}


def _each(told: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """A question, or one for each entry in `each`: its `{name}` and words, or `{value}`, stand in braces."""
    kept = {key: value for key, value in told.items() if key != "each"}
    for name, of_name in told.get("each", {"": {}}).items():
        words = of_name if isinstance(of_name, Mapping) else {"value": of_name}
        filled = {"{name}": name} | {f"{{{word}}}": meaning for word, meaning in words.items()}
        yield _filled(kept, filled) if name else kept


def _filled(told: Any, words: Mapping[str, str]) -> Any:
    if isinstance(told, Mapping):
        return {_filled(key, words): _filled(value, words) for key, value in told.items()}
    if isinstance(told, list):
        return [_filled(one, words) for one in told]
    for word, meaning in words.items():
        told = told.replace(word, meaning) if isinstance(told, str) else told
    return told


def _dialects(path: Path, number: int, told: Mapping[str, Any]) -> Iterator[Question]:
    """A question as it is asked usually, and as in each dialect; where another file tells that, either is right."""
    usual = _question(path, number, told)
    yield usual
    for name, overlay in ((name, one) for name, one in told.get("dialect", {}).items() if one.get("told", "open")):
        _known(path, overlay, OF_DIALECT, f"question {usual.name!r}, dialect.{name}")
        kept = {key: value for key, value in told.items() if key != "dialect"}
        kept |= _filled({key: kept[key] for key in ("run", "texts") if key in kept}, overlay.get("words", {}))
        of_dialect = {key: value for key, value in overlay.items() if key not in ("told", "words", "solution")}
        of_dialect |= {key: {**kept.get(key, {}), **overlay.get(key, {})} for key in ("given", "texts")}
        of_dialect["torch"] = f"{usual.torch}\n{overlay.get('torch', '')}"
        found = _question(path, number, kept | of_dialect | {"name": f"{usual.name} ({name})"})
        instead_of = tuple(one for one in usual.asks if one not in found.asks)
        only = {key: overlay.get(key, "") for key in ("told", "solution")}
        yield replace(found, of=usual.name, instead_of=instead_of, **only)
        if not overlay.keys() & {"run", "words", "given"}:
            torch, others = overlay.get("torch", ""), overlay.get("either", {})
            either = {f"is right as of dialect {name}": torch, **usual.either}
            either |= {note: f"{torch}\n{more}" for note, more in others.items()}
            yield replace(usual, name=f"{usual.name} ({name} or not)", of=usual.name, open=True, either=either)


def _question(path: Path, number: int, told: Mapping[str, Any]) -> Question:
    where = f"question {told.get('name', number)!r}"
    _known(path, told, OF_QUESTION, where)
    told = {**told, "given": {**_arrays(path, where, told.get("arrays", "")), **told.get("given", {})}}
    _has(path, told, ("name", "given", "run", "torch"), where)
    for key in ("run", "torch"):
        _tree(path, f"{where}, {key}", told[key])
    if taken := [name for name in told["given"] if name in TAKEN]:
        raise UsageError(
            f"{path}, {where}: given.{taken[0]} needs another name: {', '.join(TAKEN)} have a meaning here."
        )
    found = Question(
        told["name"], told["given"], tuple(_statements(path, where, told["run"])), told["torch"],
        {letter: _range(path, where, letter, one) for letter, one in told.get("sizes", {}).items()},
        {part: _text(path, where, part, told) for part in told.get("texts", {})},
        _all_names(path, where, told), tuple(told.get("shapes", ())), told.get("whole", False),
        told.get("read", {}), told.get("either", {}),
        edition=told.get("edition", ""), float64=told.get("float64", False), fresh=told.get("fresh", False),
    )  # fmt: skip
    if not found.results:
        raise UsageError(f"{path}, {where}: torch gives no name that run gives as well, so nothing is compared.")
    if nowhere := [name for name, part in found.results if not part]:
        raise UsageError(f"{path}, {where}: {nowhere[0]} is compared, and no function was called before it in run.")
    return found


def _arrays(path: Path, where: str, told: str) -> dict[str, str]:
    """What is given by its sizes, of "x: N D, w: D M", as sizes or as the expression that draws it."""
    found = {}
    for name, _, drawn in (one.partition(":") for one in told.split(",") if one.strip()):
        how = HOW.fullmatch(" ".join(drawn.split()))
        if not name.strip().isidentifier() or how is None or not is_shape(how["sizes"]):
            raise UsageError(f'{path}, {where}: arrays is {told!r}; it is written as "x: N D, w: D M".')
        sizes = f"({', '.join([*how['sizes'].split(), ''])})" if how["sizes"] else "()"
        found[name.strip()] = how["sizes"]
        if how["scale"]:
            found[name.strip()] = f"{how['scale']} * rng.standard_normal({sizes})"
        elif how["low"]:
            found[name.strip()] = f"rng.uniform({how['low']}, {how['high']}, {sizes})"
        elif how["bits"]:
            found[name.strip()] = f"1.0 * (rng.random({sizes}) < 0.5)"
    return found


def _left_open(question: Question) -> str:
    """What is left open by dots, as in `y = ...`: "mish: given.x, torch `y = ...`"; "" for nothing."""
    places = [f"given.{name}" for name, value in question.given.items() if value == OPEN]
    for key, text in (("run", "\n".join(one.line for one in question.run)), ("torch", question.torch)):
        places += [f"{key} `{ast.unparse(node)}`" for node in ast.parse(text).body if _is_open(node)]
    return f"{question.name}: {', '.join(places)}" if places else ""


def _is_open(node: ast.AST) -> bool:
    """Whether dots stand in it, other than those of an index, `x[..., 0]`."""
    if isinstance(node, ast.Constant):
        return node.value is ...
    parts = [node.value] if isinstance(node, ast.Subscript) else ast.iter_child_nodes(node)
    return any(_is_open(one) for one in parts)


def _all_names(path: Path, where: str, told: Mapping[str, Any]) -> str:
    """The lines that make what texts read: those of a question, and of the known functions that it names."""
    known = [one.names for part in told.get("texts", {}) for one in _known_texts(path, where, part, told)]
    return "\n".join(dict.fromkeys("\n".join([told.get("names", ""), *known]).split("\n")))


def _statements(path: Path, where: str, text: str) -> Iterator[Statement]:
    """The lines of `run`; what is read of an object is of the method that was called last on it.

    What is read of an object that lines made themselves is of what was called last; a dictionary of what is given is of
    nothing.
    """
    latest = ""
    classes: dict[str, str] = {}
    last: dict[str, str] = {}
    behind: dict[str, tuple[str, ...]] = {}
    for node in _one_by_one(_tree(path, f"{where}, run", text)):
        calls = () if isinstance(node, ast.For) else ast.walk(node)  # a loop sets what an object has
        call = next((one for one in calls if isinstance(one, ast.Call)), None)
        targets = tuple(_names(node.targets[0])) if isinstance(node, ast.Assign) else ()
        part = ""
        if call is not None and isinstance(call.func, ast.Name) and call.func.id == OBJECT:
            pass
        elif call is not None and isinstance(call.func, ast.Name):
            part = call.func.id
            classes |= dict.fromkeys(targets, part)
            last |= dict.fromkeys(targets, part)
        elif call is not None and isinstance(call.func, ast.Attribute) and (root := _root(call.func)) in classes:
            part = last[root] = f"{classes[root]}.{call.func.attr}"
        elif call is None and isinstance(node, ast.Assign) and not isinstance(node.value, ast.Dict):
            first, else_ = node.value, latest
            if isinstance(first, ast.Tuple | ast.List) and first.elts:  # made here, of what may be nobody's
                first, else_ = first.elts[0], ""
            objects = [one.value for one in ast.walk(first) if isinstance(one, ast.Attribute)]
            values = (one.id for one in ast.walk(first) if isinstance(one, ast.Name) and one not in objects)
            part = last.get(_root(first)) or next((behind[one][-1] for one in values if behind.get(one)), else_)
        read = [one.id for one in ast.walk(node) if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Load)]
        called = {one.func.id for one in ast.walk(node) if isinstance(one, ast.Call) and isinstance(one.func, ast.Name)}
        called -= vars(builtins).keys()
        if not part and call is not None and "np" in read:  # what numpy makes of a result is of who gave it
            part = next((one[-1] for name in read if (one := behind.get(name) or [name] * (name in called))), "")
        latest = part or latest
        parts = tuple(dict.fromkeys(one for name in read for one in behind.get(name, ()) if one != part))
        works = set() if call is None else {_root(call.func)} & classes.keys()
        behind |= dict.fromkeys([*targets, *works], (*parts, *filter(None, (part,))))
        yield Statement(ast.unparse(node), targets, part, parts)


def _one_by_one(tree: ast.Module) -> Iterator[ast.stmt]:
    """The lines of a text, `a, b = x, y` as two, of which one may fail; `a, b = x` takes a dictionary's entries."""
    for node in tree.body:
        match node:
            case ast.Assign([ast.Tuple(targets)], ast.Name() as entries):
                named = [(one, ast.Constant(one.id)) for one in targets if isinstance(one, ast.Name)]
                yield from (ast.Assign([one], ast.Subscript(entries, key), lineno=0) for one, key in named)
            case ast.Assign([ast.Tuple(targets)], ast.Tuple(values)) if len(targets) == len(values):
                yield from (ast.Assign([one], value, lineno=0) for one, value in zip(targets, values, strict=True))
            case _:
                yield node


def _root(node: ast.AST) -> str:
    """The name that attributes and entries are taken of."""
    while isinstance(node, ast.Attribute | ast.Subscript):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


def _names(node: ast.expr) -> Iterator[str]:
    if isinstance(node, ast.Name):
        yield node.id
    elif isinstance(node, ast.Tuple):
        for one in node.elts:
            yield from _names(one)


def targets(text: str) -> list[str]:
    """The names that a text gives at its outermost level."""
    assigned = [node.targets[0] for node in ast.parse(text).body if isinstance(node, ast.Assign)]
    return list(dict.fromkeys(name for target in assigned for name in _names(target)))


def handed_on(name: str, given: Iterable[str]) -> bool:
    """Whether a result of this name is for the gradient alone: one that is also given, as a step's cache is, is not."""
    found = HANDED_ON.search(name)
    words = [one[2].lower() for one in map(HANDED_ON.search, given) if one]
    return found is not None and found[2].lower() not in words


def not_compared(question: Question) -> Iterator[str]:
    """What its lines return, hand on to no other and torch does not give, as sentences."""
    named = targets(question.torch)
    for number, one in enumerate(question.run):
        later = " ".join(line.line for line in question.run[number + 1 :])
        for which, name in zip(ORDINALS, one.targets, strict=False):
            is_handed_on = handed_on(name, question.given) or re.search(rf"\b{name}\b", later)
            if one.part and name not in named and not is_handed_on:
                called = "" if name.startswith(("more", "_")) else f" ({name})"
                yield f"{one.part}: its {f'{which} ' * (len(one.targets) > 1)}result{called} is not compared"


def _tree(path: Path, where: str, text: str) -> ast.Module:
    try:
        return ast.parse(text)
    except (SyntaxError, ValueError) as error:
        raise UsageError(f"{path}, {where}, is not Python: {error}.") from error


def _text(path: Path, where: str, part: str, told: Mapping[str, Any]) -> RightText:
    """The right text of a part: known ones, or what is written out, a label behind each line."""
    if known := _known_texts(path, where, part, told):
        lines = "\n".join(one.lines.strip("\n") for one in known)
        return _written_out(lines, tuple(told["given"]), "\n".join(one.names for one in known))
    lines, place = told["texts"][part], f"{where}, texts.{part}"
    if not any(isinstance(node, ast.Assign) for node in _tree(path, place, lines).body):
        raise UsageError(f"{path}, {place}: {lines!r} gives nothing; it is lines such as `out = np.exp(x)  # out`.")
    return _written_out(lines, tuple(told["given"]), told.get("names", ""))


def _known_texts(path: Path, where: str, part: str, told: Mapping[str, Any]) -> list[NamedText]:
    """The texts of known functions that a part names, under the names of the assignment, and lines between them."""
    named = told["texts"][part]
    references = [named] if isinstance(named, str) else named
    try:
        texts = [text_of(one) if REFERENCE.fullmatch(one) else NamedText(one, "") for one in references]
        return [] if isinstance(named, str) and not REFERENCE.fullmatch(named) else texts
    except UsageError as error:
        raise UsageError(f"{path}, {where}, texts.{part}: {error}.") from None


def _written_out(lines: str, given: tuple[str, ...], names: str) -> RightText:
    """A text of what is given and of `names`."""
    arrays, counts, axes, labels, said = _kinds(names)
    right = dict.fromkeys(re.findall(rf"\b{RIGHT}\w+", lines))
    labels = {**{one: one.removeprefix(RIGHT) for one in right}, **labels}
    return RightText(lines, (*given, *arrays, *right), counts, axes, labels, said=said)


@cache
def _kinds(
    names: str,
) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...], Mapping[str, str], Mapping[str, str]]:
    """The arrays, counts and axes of `names`, their labels, and plainer words for what is said.

    Tuples are axes and `float(…)` counts. A line `# said: said better` gives plainer words.
    """
    said, labels = dict[str, str](), dict[str, str]()
    kinds: dict[str, list[str]] = {"axis": [], "count": [], "array": []}
    for line in names.strip().splitlines():
        code, _, label = line.partition("#")
        if not code and ": " in label:
            old, _, new = label.strip().partition(": ")
            said[old] = new
        for node in _one_by_one(ast.parse(code)):
            if isinstance(node, ast.Assign):
                kind = "axis" if isinstance(node.value, ast.Tuple) else "count" if _is_count(node.value) else "array"
                kinds[kind] += _names(node.targets[0])
                labels |= dict.fromkeys(_names(node.targets[0]), label.strip()) if label else {}
    return tuple(kinds["array"]), tuple(kinds["count"]), tuple(kinds["axis"]), labels, said


def _is_count(node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "float"


def _range(path: Path, where: str, letter: str, told: Any) -> tuple[int, int]:
    if isinstance(told, int):
        return told, told
    if (
        isinstance(told, Sequence)
        and len(told) == 2
        and all(isinstance(one, int) for one in told)
        and told[0] <= told[1]
    ):
        return told[0], told[1]
    raise UsageError(f"{path}, {where}: sizes.{letter} is {told!r}; it is a number, or the least and the most: [2, 7].")


def _known(path: Path, told: Mapping[str, Any], known: set[str], where: str) -> None:
    for name in told:
        if name not in known:
            place = f"{where}: " if where else ""
            raise UsageError(f"{path}: {place}{name!r} is not known here; known are {', '.join(sorted(known))}.")


def _has(path: Path, told: Mapping[str, Any], wanted: Sequence[str], where: str) -> None:
    for name in wanted:
        if not told.get(name):
            raise UsageError(f"{path}: {where or 'the assignment'} lacks {name!r}.")
