"""`parity new-assignment`: write the folder of an assignment from the functions that it asks for."""

from __future__ import annotations

import ast
import contextlib
import re
import shlex
import sys
import tomllib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from parity_tests.cli import extras
from parity_tests.cli.class_printing import print_wrapped
from parity_tests.cli.options import names
from parity_tests.protocol.errors import UsageError
from reports.model.escape import path_text

if TYPE_CHECKING:
    from parity_tests.declared.proposing.proposal import Proposal
    from parity_tests.declared.proposing.signatures import Module


_DOTS = re.compile(r"(\A|= *)\.\.\.\Z|= grad\(\w+, \.\.\.")
"""In a line of torch's, those that nobody has replaced."""


def _pairs(context: click.Context, parameter: click.Parameter, values: tuple[str, ...]) -> dict[str, Any]:
    """Options of the form NAME=TEXT, of --given with numbers as such. Raises BadParameter for others."""
    found = dict[str, Any]()
    for value in values:
        name, sign, text = value.partition("=")
        if not (sign and text.strip() and re.fullmatch(r"\w+", name.strip())):
            raise click.BadParameter(f"{value!r} is not of the form NAME=TEXT.")
        text = "; ".join(one for one in re.split("; *", text.strip()) if not _DOTS.search(one))
        with contextlib.suppress(tomllib.TOMLDecodeError):
            if parameter.name == "given":
                found[name.strip()] = tomllib.loads(f"given = {text}")["given"]
                continue
        if parameter.name == "torch_lines":
            text = "; ".join(filter(None, (found.get(name.strip()), text)))
            try:
                ast.parse(text.replace("; ", "\n"))
            except SyntaxError as error:
                raise click.BadParameter(f"{value!r} is not Python: {error.msg}.") from None
        if text:
            found[name.strip()] = text
    return found


@click.command("new-assignment")
@click.argument("source", type=click.Path(path_type=Path))
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="FOLDER",
    help="The folder to write; named after SOURCE if left out.",
)
@click.option(
    "--function",
    "functions",
    multiple=True,
    callback=names,
    metavar="NAME,...",
    help="Ask for these functions and classes alone, in this order; may be repeated.",
)
@click.option(
    "--torch",
    "torch_lines",
    multiple=True,
    callback=_pairs,
    metavar="FUNCTION=EXPRESSION",
    help="What torch says of a function, in the names of its parameters: mish='x * torch.tanh(F.softplus(x))'.",
)
@click.option(
    "--given",
    multiple=True,
    callback=_pairs,
    metavar="PARAMETER=DRAW",
    help="What is drawn for a parameter: sizes ('x=N D'), or an expression of rng ('p=rng.uniform(0, 1, (N, D))').",
)
@click.option("--name", help="The name of the assignment; that of the folder if left out.")
def new_assignment(
    source: Path,
    out: Path | None,
    functions: tuple[str, ...],
    torch_lines: dict[str, str],
    given: dict[str, Any],
    name: str | None,
) -> int:
    """Write the folder of an assignment from the functions that it asks for.

    SOURCE is a Python file or a notebook that defines them: your own solution, or the starter that students get. It
    is read and not run. For each function and class, names and docstrings tell what is drawn, what is called and what
    torch says of it; a gradient (softmax_backward, d_relu, mse_grad) is asked together with its function. What cannot
    be told is marked by dots in the file that is written: until they are replaced, `parity check` refuses the
    assignment in a sentence.

    \b
    parity new-assignment layers.py --out my-course
    parity check my-course/solution --assignment my-course/
    parity check a-students-folder --assignment my-course/

    Nothing is written over. Exit status: 0 all is proposed, 1 something is still to be said, 2 nothing is written.
    """
    from parity_tests.declared.proposing.proposal import Answers, questions
    from parity_tests.declared.proposing.signatures import read_module
    from parity_tests.declared.proposing.writing import refuse_what_is_there

    folder = out or Path(f"{source.stem}-assignment")
    refuse_what_is_there(folder)
    text, is_notebook = _source(source)
    module = read_module(text, path_text(source))
    wanted = _wanted(module, functions, source)
    _refuse_unknown(torch_lines, wanted, "--torch", "function")
    _refuse_unknown(given, _parameters(module, wanted), "--given", "parameter")
    proposals = questions(module, wanted, Answers(torch_lines, given))
    _check(proposals, torch_lines, given)
    _write(folder, source, text, is_notebook, module, proposals, name or folder.name)
    again = [("--function", ",".join(functions)), ("--name", name or "")]
    again += [("--torch", f"{of}={line}") for of, line in torch_lines.items()]
    again += [("--given", f"{of}={told}") for of, told in given.items()]
    command = (
        f"  rm -r {shlex.quote(str(folder))}; parity new-assignment {shlex.join([str(source), '--out', str(folder)])}"
    )
    return _tell(
        folder, proposals, module, [command, *(f"    {option} {shlex.quote(told)}" for option, told in again if told)]
    )


def _source(source: Path) -> tuple[str, bool]:
    """The Python of a file or a notebook, and whether it is one. Raises UsageError where it cannot be read."""
    from parity_tests.grading.intake.notebook import NotANotebook, modules_of

    try:
        data = source.read_bytes()
        if source.suffix != ".ipynb":
            return data.decode("utf-8-sig"), False
        extras.require("a notebook", extras.NOTEBOOK)
        return modules_of(data, "notebook", definitions=True)["notebook"], True
    except OSError as error:
        raise UsageError(f"{path_text(source)} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError:
        raise UsageError(f"{path_text(source)} is no text in UTF-8.") from None
    except (NotANotebook, KeyError) as error:
        said = error if isinstance(error, NotANotebook) else "holds no code"
        raise UsageError(f"{path_text(source)} {said}.") from None


def _wanted(module: Module, functions: Sequence[str], source: Path) -> list[str]:
    """The functions and classes that are asked. Raises UsageError for what the source does not define."""
    known = [*module.functions, *module.layers]
    if not known:
        raise UsageError(f"{path_text(source)} defines no public function, and no class with forward.")
    for name in functions:
        if name not in known:
            raise UsageError(f"{path_text(source)} defines no {name!r}; it defines {', '.join(known)}.")
    return [*functions] or known


def _parameters(module: Module, wanted: Sequence[str]) -> list[str]:
    """What the functions and methods that are wanted are given, and the attributes of the classes."""
    methods = [of for name in wanted if name in module.layers for of in module.layers[name].methods.values()]
    taken = [*(module.functions[name] for name in wanted if name in module.functions), *methods]
    attributes = [one for name in wanted if name in module.layers for one in module.layers[name].attributes]
    return list(dict.fromkeys([*(one for of in taken for one in of.parameters), *attributes]))


def _refuse_unknown(given: Iterable[str], known: Sequence[str], option: str, what: str) -> None:
    for name in given:
        if name not in known:
            raise UsageError(f"{option} names {name!r}, which is no {what} that is asked: {', '.join(known)}.")


def _check(proposals: Sequence[Proposal], torch_lines: Mapping[str, str], given: Collection[str]) -> None:
    """Leave open what torch cannot do, with what it says: a line that somebody gave is kept, and the draw is open.

    Raises UsageError where no other draw would help what somebody gave.
    """
    from parity_tests.declared.declaration import OPEN, is_shape
    from parity_tests.declared.proposing.trial import what_fails

    for one in proposals:
        if one.open or not (failing := what_fails(one)) or _drawn_right(one, given):
            continue
        said, by_itself = failing
        drawn = [name for name, told in one.given.items() if is_shape(told) and name not in given]
        drawn = [name for name in drawn if " " not in one.given[name]] or drawn
        line = torch_lines.get(one.name, "")
        if (by_itself and (line or not one.given.keys().isdisjoint(given))) or (line and not drawn):
            raise UsageError(f"{one.name}{f', torch `{line}`' * bool(line)}: {said}.")
        one.open.append(said)
        if line:
            one.given |= dict.fromkeys(drawn, OPEN)
        else:
            one.torch = [f"{line.partition(' =')[0]} = {OPEN}" for line in one.torch]


def _drawn_right(one: Proposal, given: Collection[str]) -> bool:
    """Whether torch can do all with labels under another size, which are drawn from now on."""
    from parity_tests.declared.proposing.trial import what_fails

    for name, told in one.given.items():
        found = None if name in given else re.fullmatch(r"(rng\.integers\(0, )\w+(.*)", str(told))
        if found is not None:
            for letter in dict.fromkeys(re.findall(r"\b[A-Z]\w*", " ".join(map(str, one.given.values())))):
                one.given[name] = f"{found[1]}{letter}{found[2]}"
                if not what_fails(one):
                    one.said.append(f"{name} is drawn under {letter}, since torch fails under other sizes")
                    return True
            one.given[name] = told
    return False


def _write(
    folder: Path,
    source: Path,
    text: str,
    is_notebook: bool,
    module: Module,
    proposals: Sequence[Proposal],
    name: str,
) -> None:
    from parity_tests.declared.declaration import FILE
    from parity_tests.declared.proposing.writing import RUBRIC, Plan, declaration, rubric, write

    stem = re.sub(r"\W+", "_", source.stem).strip("_") or "notebook"
    stem = f"_{stem}" if stem[0].isdigit() else stem
    beside = [one for one in module.imports if (source.parent / f"{one}.py").is_file()]
    foreign = [one for one in module.imports if one and one not in (*beside, "numpy", *sys.stdlib_module_names)]
    left_out = [one for one in (*module.functions, *module.layers) if one not in _asked_names(proposals)]
    plan = Plan(name, stem, source.name, is_notebook, tuple(foreign), tuple(beside), tuple(left_out), _titles(module))
    place = "starter" if _is_starter(module, proposals) else "solution"
    files = {
        FILE: declaration(plan, proposals),
        RUBRIC: rubric(proposals),
        f"{place}/{stem}.py": text if text.endswith("\n") else f"{text}\n",
    }
    for one in beside:
        files[f"{place}/{one}.py"] = (source.parent / f"{one}.py").read_text(encoding="utf-8")
    write(folder, files)


def _asked_names(proposals: Sequence[Proposal]) -> set[str]:
    """The functions and classes that are asked."""
    return {part.partition(".")[0] for one in proposals for part in one.parts}


def _is_starter(module: Module, proposals: Sequence[Proposal]) -> bool:
    """Whether something that is asked is still to be written."""
    found: dict[str, Any] = {**module.functions, **module.layers}
    return any(found[name].is_empty for name in _asked_names(proposals))


def _titles(module: Module) -> dict[str, str]:
    """By part the first line of a docstring, without what comes after a full stop."""
    docs: dict[str, Any] = {name: one.doc for name, one in module.functions.items()}
    docs |= {f"{name}.{method}": of.doc for name, one in module.layers.items() for method, of in one.methods.items()}
    first = {name: doc.strip().partition("\n")[0].partition(". ")[0].rstrip(".") for name, doc in docs.items()}
    return {name: title for name, title in first.items() if 0 < len(title) <= 60 and ":" not in title}


def _still_to_be_said(where: str, proposals: Sequence[Proposal], command: Sequence[str]) -> Iterator[str]:
    """What is open, and the command with the options by which it is said, with dots in place of what is not known."""
    options = []
    for one in proposals:
        lines = [line for line in one.torch if _DOTS.search(line)]
        by_options = r"torch's lines|what is drawn for \w+" + r"|.* has the shape of the output" * bool(lines)
        if others := [text for text in one.open if not re.fullmatch(by_options, text)]:
            yield f"  {one.name}: {'; '.join(others)}."
        dots = "..." if len(lines) == 1 and lines[0].endswith("= ...") else "; ".join(lines)
        options += [f"    --torch '{one.name}={dots}'"] * bool(lines)
        options += [f"    --given '{name}=...'" for name in one.given if f"what is drawn for {name}" in one.open]
    if options:
        yield "Replace the dots:"
        yield " \\\n".join([*command, *options])
    yield f"{'Or replace them' if options else 'Replace the dots'} in {where}/assignment.toml. Then:"


def _tell(folder: Path, proposals: Sequence[Proposal], module: Module, command: Sequence[str]) -> int:
    """Says what is written and what comes next; `command` are the lines of the one that did."""
    parts = [part for one in proposals for part in one.parts]
    left = any(one.open for one in proposals)
    where = path_text(folder)
    said = [f"{where}/assignment.toml asks {len(parts)} part{'s' * (len(parts) != 1)}: {', '.join(parts)}."]
    said += [f"  {sentence}." for one in proposals for sentence in one.not_compared]
    if left:
        said += _still_to_be_said(where, proposals, command)
    if _is_starter(module, proposals):
        said.append(f"Put your own solution into {where}/solution/; what students get is in {where}/starter/. Then:")
    elif not left:
        said.append("Whether its own solution agrees says:")
    for text in said:
        print_wrapped([text]) if "\n" not in text else click.echo(text)
    click.echo(f"  parity check {shlex.quote(f'{where}/solution')} --assignment {shlex.quote(f'{where}/')}")
    return int(left)
