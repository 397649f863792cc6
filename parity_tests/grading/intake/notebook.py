"""The code of a Jupyter notebook as modules: its code cells in order, without what only IPython understands."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from parity_tests.harness.notebook_cells import CELL

if TYPE_CHECKING:
    from IPython.core.inputtransformer2 import TransformerManager

_PYTHON_MAGICS = {"time", "timeit", "capture", "prun"}
"""Cell magics whose cell is ordinary Python."""
_COMMAND = re.compile(r"\s*[%!?,;/]|.*\?\s*$|.*=\s*[%!]", re.DOTALL)
"""A line that may hold one of IPython's commands."""
_FUNCTION = re.compile(r"^def +(\w+)", re.MULTILINE)
_SAVED = re.compile(r"^# In\[[\d ]*\]:", re.MULTILINE)
"""What stands above each cell of a notebook that was saved as a script."""
MAX_WORK = 500_000
"""Characters that IPython may go over in one notebook. It goes over a cell anew for each command in it."""


class NotANotebook(Exception):  # noqa: N818
    """A file that is no notebook; the message is the predicate of a sentence."""


def modules_of(data: bytes, file: str, entry: str = "", *, definitions: bool = False) -> dict[str, str]:
    """The Python files that a notebook holds: its cells as `file`, and each that `%%writefile` would write.

    A call of the function `entry` outside any function is guarded as a script would guard it, so that an import does
    not run the whole program. Of a notebook that also trains and plots, its `definitions` are taken alone. Raises
    NotANotebook.
    """
    modules: dict[str, list[str]] = {}
    reader = _CellReader()
    for number, cell in enumerate(_code_cells(data), 1):
        target, source = reader.read(cell)
        if target is not None:
            text = f"{CELL} {number}\n{_definitions(source)}" if definitions else source
            modules.setdefault(target or file, []).append(text)
    return {name: _guarded("\n\n".join(sources) + "\n", entry) for name, sources in modules.items()}


def of_script(data: bytes) -> bytes:
    """The definitions of a notebook that was saved as a script; another file as it is."""
    text = data.decode("utf-8", "surrogateescape")
    return _definitions(text).encode("utf-8", "surrogateescape") if _SAVED.search(text) else data


def _definitions(cell: str) -> str:
    """A cell without what is no import, definition or constant; of one that is no Python, functions that say so."""
    try:
        tree = ast.parse(cell)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        said = f"raise SyntaxError({f'the cell that defines it is no Python: {error}'!r})"
        above = "\n" * ((getattr(error, "lineno", None) or 0) - 2)  # so that it is said at its line
        return above + "".join(f"def {name}(*_, **__):\n    {said}\n" for name in _FUNCTION.findall(cell))
    lines = cell.split("\n")
    kept = {line for node in tree.body if _defines(node) for line in range(_first(node), _last(node) + 1)}
    return "\n".join(line if number in kept else "" for number, line in enumerate(lines, 1))


def _defines(node: ast.stmt) -> bool:
    if isinstance(node, ast.Assign):
        is_literal = not any(isinstance(one, ast.Name) for one in ast.walk(node.value))
        return is_literal and all(isinstance(target, ast.Name) for target in node.targets)
    return isinstance(node, ast.Import | ast.ImportFrom | ast.FunctionDef | ast.ClassDef)


def _first(node: ast.stmt) -> int:
    decorators = node.decorator_list if isinstance(node, ast.FunctionDef | ast.ClassDef) else []
    return min([node.lineno, *(one.lineno for one in decorators)])


def _last(node: ast.stmt) -> int:
    return node.end_lineno or node.lineno


def _code_cells(data: bytes) -> list[str]:
    """The sources of the code cells of a notebook of any version."""
    import nbformat

    try:
        # Unlike nbformat's `read`, this takes a notebook of the present version that lacks some of its metadata.
        notebook: Any = nbformat.convert(nbformat.from_dict(json.loads(data.decode("utf-8-sig"))), 4)
        return ["".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "code"]
    except Exception as error:  # a file that anybody may have written: nbformat raises whatever its parts do
        raise NotANotebook(f"is no notebook that can be read ({type(error).__name__})") from None


class _CellReader:
    """Reads the cells of one notebook as IPython would."""

    def __init__(self) -> None:
        self._work_left = MAX_WORK

    def read(self, cell: str) -> tuple[str | None, str]:
        """Which file a cell belongs to, and its source as Python.

        The file is "" for the notebook's own code and None for a cell that is no Python. Raises NotANotebook.
        """
        if _parsed(cell) is not None:
            return "", cell
        transformed = self._transformed(cell)
        magic = _cell_magic(transformed)
        if magic is None:
            return "", _without_commands(transformed)
        name, arguments, body = magic
        target = arguments.replace("-a", "").strip().strip("\"'")
        if name in ("writefile", "file") and target.endswith(".py"):
            return target.rpartition("/")[2], body
        if name in _PYTHON_MAGICS:
            file, source = self.read(body)
            return file, f"\n{source}"  # so that each line keeps its number in the cell
        return None, ""

    def _transformed(self, cell: str) -> str:
        """The cell with IPython's commands as calls of `get_ipython()`; as it is where IPython gives up."""
        commands = sum(_COMMAND.match(line) is not None for line in cell.splitlines())
        self._work_left -= len(cell) * commands
        if self._work_left < 0:
            raise NotANotebook("holds more of IPython's commands than any assignment needs")
        try:
            return _transformer().transform_cell(cell)
        except (SyntaxError, RuntimeError, RecursionError):
            return cell


def _transformer() -> TransformerManager:
    from IPython.core.inputtransformer2 import TransformerManager

    return TransformerManager()


def _cell_magic(source: str) -> tuple[str, str, str] | None:
    """The name, the arguments and the body of the cell magic that a transformed cell consists of, None for none."""
    tree = _parsed(source)
    if tree is None or len(tree.body) != 1:
        return None
    match tree.body[0]:
        case ast.Expr(
            ast.Call(
                ast.Attribute(ast.Call(ast.Name("get_ipython")), "run_cell_magic"),
                [ast.Constant(str(name)), ast.Constant(str(arguments)), ast.Constant(str(body))],
            )
        ):
            return name, arguments, body
    return None


def _without_commands(source: str) -> str:
    """A transformed cell with None in place of each call of IPython, which nothing answers in a module."""
    tree = _parsed(source)
    if tree is None:
        return source
    lines = source.split("\n")
    for call in sorted(_calls_of_ipython(tree), key=lambda call: call.col_offset, reverse=True):
        line = lines[call.lineno - 1].encode()
        lines[call.lineno - 1] = (line[: call.col_offset] + b"None" + line[call.end_col_offset :]).decode()
    return "\n".join(lines)


def _calls_of_ipython(tree: ast.Module) -> Iterator[ast.Call]:
    for node in ast.walk(tree):
        match node:
            case ast.Call(ast.Attribute(ast.Call(ast.Name("get_ipython")), _)) if node.lineno == node.end_lineno:
                yield node


def _guarded(source: str, entry: str) -> str:
    """The source with its calls of `entry` run only where it is run as a script."""
    tree = _parsed(source) if entry else None
    if tree is None:
        return source
    lines = source.split("\n")
    for statement in reversed(tree.body):
        if isinstance(statement, ast.Expr | ast.Assign) and _calls(statement, entry):
            first, last = statement.lineno - 1, statement.end_lineno or statement.lineno
            guarded = [f"    {line}" for line in lines[first:last]]
            lines[first:last] = ['if __name__ == "__main__":', *guarded]
    return "\n".join(lines)


def _calls(statement: ast.stmt, function: str) -> bool:
    return any(
        isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == function
        for node in ast.walk(statement)
    )


def _parsed(source: str) -> ast.Module | None:
    try:
        return ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
