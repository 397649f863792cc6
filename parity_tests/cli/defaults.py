"""Defaults of options, as the user writes them into parity.toml or into pyproject.toml, below [tool.parity]."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click

from parity_tests.cli.options import SIZES
from parity_tests.protocol.errors import UsageError
from reports.model.phrases import ended, near_names

FILE, PROJECT = Path("parity.toml"), Path("pyproject.toml")
TABLE = ("tool", "parity")
"""Where the defaults stand in pyproject.toml; parity.toml, where it is there, counts alone."""
ONLY_ON_THE_COMMAND_LINE = {"shipped"}
"""So that nothing passes on the shipped network because of a file that somebody forgot."""
_NAMES_IT = re.compile(r"tool\s*\.\s*parity\b|^\s*\[\s*tool\s*\]", re.MULTILINE)
"""Another's pyproject.toml, however broken, is not looked at."""


@dataclass(frozen=True)
class Defaults:
    """What a file says: {command: {name of a parameter: value}}, as click takes it; and {command: its options}."""

    path: Path | None = None
    values: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    options: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def read_defaults(commands: Mapping[str, click.Command]) -> Defaults:
    """The defaults that the current folder holds for these commands. Raises UsageError, a sentence with the line."""
    for path, table in ((FILE, ()), (PROJECT, TABLE)):
        if _is_file(path):
            text = _text(path)
            if table and not _NAMES_IT.search(text):
                continue
            document = _document(path, text, table)
            if document is not None:
                return _Reader(path, text, table, commands).read(document)
    return Defaults()


def refuse_inside(path: Path | None, submissions: Path) -> None:
    """Raises UsageError where a file of defaults lies in what is to be graded: it may be a student's."""
    if path is not None and submissions.is_dir() and Path.cwd().is_relative_to(submissions.resolve()):
        raise UsageError(
            f"{path} sets options, but lies in what is to be graded, so it may be a student's; "
            "run this from another folder."
        )


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}.") from None


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise UsageError(f"{path} is not in UTF-8.") from None


def _document(path: Path, text: str, table: tuple[str, ...]) -> Any:
    """What stands in the table of a file, None where it is not there. Raises UsageError for what is no TOML."""
    from parity_tests.grading.decode import DecodeError, toml_document

    try:
        found: Any = toml_document(text)
    except DecodeError as error:
        raise UsageError(f"{path}, line {error.line}: {error}.") from None
    for key in table:
        found = found.get(key) if isinstance(found, dict) else None
    return found


class _Reader:
    """Turns a document into defaults, and refuses what no option takes."""

    def __init__(self, path: Path, text: str, table: tuple[str, ...], commands: Mapping[str, click.Command]) -> None:
        self._path = path
        self._text = text
        self._table = table
        self._commands = commands

    def read(self, document: Any) -> Defaults:
        """The defaults of a document: a key counts for each command that has the option, a table for one command."""
        if not isinstance(document, dict):
            raise self._error((), "this must be a table of options")
        values: dict[str, dict[str, Any]] = {}
        options: dict[str, dict[str, None]] = {}
        settings = list(self._settings(document))
        for command, key, value, place in sorted(settings, key=lambda setting: len(setting[-1])):
            option = self._option(command, key)
            assert option is not None
            name = str(option.name)
            values.setdefault(command, {})[name] = self._checked(command, option, value, place)
            options.setdefault(command, {})[f"--{key}"] = None
        return Defaults(self._path, values, {command: tuple(found) for command, found in options.items()})

    def _settings(self, document: Mapping[str, Any]) -> Iterator[tuple[str, str, Any, tuple[str, ...]]]:
        """Each command, option, value and the way to it."""
        for key, value in document.items():
            if isinstance(value, dict):
                if key not in self._commands:
                    raise self._error((key,), f"there is no command {key!r}; {_near(key, self._commands)}")
                for inner, setting in value.items():
                    if self._option(key, inner) is None:
                        known = [self._key(option) for option in self._commands[key].params]
                        raise self._error((key, inner), f"{key} has no option {inner!r}; {_near(inner, known)}")
                    yield key, inner, setting, (key, inner)
                continue
            having = [command for command in self._commands if self._option(command, key) is not None]
            if not having:
                known = [self._key(option) for command in self._commands.values() for option in command.params]
                raise self._error((key,), f"no command has an option {key!r}; {_near(key, known)}")
            for command in having:
                yield command, key, value, (key,)

    def _option(self, command: str, key: str) -> click.Option | None:
        for option in self._commands[command].params:
            if isinstance(option, click.Option) and self._key(option) == key:
                return option
        return None

    @staticmethod
    def _key(option: click.Parameter) -> str:
        """How a file calls an option: by its long name, without the dashes; "" for what is no option."""
        long = [name for name in option.opts if name.startswith("--")] if isinstance(option, click.Option) else []
        return long[0].removeprefix("--") if long else ""

    def _checked(self, command: str, option: click.Option, value: Any, place: tuple[str, ...]) -> Any:
        """The value, if the option takes it."""
        key = self._key(option)
        if key in ONLY_ON_THE_COMMAND_LINE:
            raise self._error(place, f"--{key} can be said on the command line alone")
        wanted = _wanted(option, value)
        if wanted:
            raise self._error(place, f"{key} must be {wanted}, not {value!r}")
        try:
            option.process_value(click.Context(self._commands[command], info_name=command), value)
        except click.BadParameter as error:
            raise self._error(place, f"{key}: {error.message.rstrip('.')}") from None
        return value

    def _error(self, place: tuple[str, ...], problem: str) -> UsageError:
        from parity_tests.grading.decode import line_of

        within = ".".join((*self._table, *place[:-1]))
        line = line_of([*([within] if within else []), *place[-1:]], self._text)
        return UsageError(f"{self._path}, line {line}: {ended(problem)}")


def _wanted(option: click.Option, value: Any) -> str:
    """What an option takes, in words, if the value is of another type; "" if it is right."""
    if option.is_flag:
        return "" if isinstance(value, bool) else "true or false"
    if option.multiple:
        texts = isinstance(value, list) and all(isinstance(item, str) for item in value)
        return "" if texts else 'a list of texts, such as ["linear"]'
    number = isinstance(value, int | float) and not isinstance(value, bool)
    kind = option.type.name
    if kind == SIZES:
        several = (number and isinstance(value, int)) or isinstance(value, str)
        return "" if several else 'a whole number, or several in a text, such as "50,50"'
    if isinstance(option.type, click.types.IntParamType):
        return "" if number and isinstance(value, int) else "a whole number"
    if "float" in kind:
        return "" if number else "a number"
    return "" if isinstance(value, str) else "a text"


def _near(name: str, known: Any) -> str:
    names = sorted({name for name in known if name} - ONLY_ON_THE_COMMAND_LINE)
    exactly = name.replace("_", "-")
    near = f"; is {exactly} meant?" if exactly in names else near_names(name, names)
    return near.removeprefix("; ") or f"there are {', '.join(names)}"
