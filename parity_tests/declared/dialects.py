"""What the files of a submission tell: the dialect of each question, and what each class or function is built of."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from parity_tests.declared.declaration import Declaration, Question
from parity_tests.operators.source import Source, UnreadableError
from parity_tests.protocol.layout import Layout, file_of


def usual(declared: Declaration) -> tuple[Question, ...]:
    """The questions as they are asked where nothing is told."""
    return tuple(one for one in declared.questions if not one.of)


def asked_of(declared: Declaration, texts: Mapping[str, str]) -> tuple[Question, ...]:
    """The questions in the dialects that the `texts` of a submission's classes and functions tell.

    Where the file of a question tells nothing and another is of a dialect, the question is asked with both right; so it
    is where its file alone tells the dialect, of all that could. Where all is written in one dialect, which has a
    solution of its own, what no file has in the usual form is asked in that one, if there is such a form, or in none.
    """
    whole = next((dialect for dialect in declared.solutions if _is_whole(declared, dialect, texts)), "")
    could = [
        one
        for one in declared.questions
        if one.told and not one.open and any(map(texts.get, one.asks)) and (one.dialect == whole or not one.instead_of)
    ]
    told = {one.name for one in could if _is_told(one, texts)}
    return tuple(_choices(declared, told, [one for one in could if one.name not in told], whole, texts))


def editions_of(declared: Declaration, texts: Mapping[str, str]) -> tuple[str, ...]:
    """The editions of which a submission defines something, else the first one.

    Of a notebook, whose names others have as well, it is half of what is asked.
    """
    defined = {name for name, text in texts.items() if text}
    found = []
    for edition in declared.editions:
        asked = {name for one in declared.questions if one.edition == edition for name in one.asks}
        if len(asked & defined) >= (len(asked) / 2 if declared.notebook else 1):
            found.append(edition)
    return tuple(found) or declared.editions[:1]


def texts_of(declared: Declaration, folder: Path, layout: Layout) -> dict[str, str]:
    """The text of each class and function that is asked, "" of one that no file defines."""
    names = (name for one in declared.questions for name in one.asks)
    where = layout.where or dict.fromkeys(names, layout.module)
    sources = {module: _source(folder / file_of(module)) for module in set(where.values())}
    return {name: _class_in(sources[module], name) for name, module in where.items()}


def built_of(declared: Declaration, folder: Path, layout: Layout) -> dict[str, frozenset[str]]:
    """By the name of what is asked, what else that is asked its code names, itself or in what it names there."""
    asked = {name for one in declared.questions for name in one.asks}
    named: dict[str, set[str]] = {}
    for module in {*layout.where.values(), *filter(None, (layout.module, *layout.further))}:
        with suppress(UnreadableError):
            for node in Source(_source(folder / file_of(module))).tree.body:
                own = [node.name] if isinstance(node, ast.ClassDef | ast.FunctionDef) else []
                for name in (*own, *map(ast.unparse, getattr(node, "targets", ()))):
                    named.setdefault(name, set()).update(_names_in(node))
    found = {}
    for name in asked:
        reached, new = set[str](), {name}
        while new:
            reached |= new
            new = {one for reader in new for one in named.get(reader, ())} - reached
        found[name] = frozenset(reached & asked - {name})
    return found


def _names_in(node: ast.AST) -> Iterator[str]:
    """The names that code reads, and those that it takes of a module."""
    for one in ast.walk(node):
        if isinstance(one, ast.Name):
            yield one.id
        elif isinstance(one, ast.Attribute) and isinstance(one.value, ast.Name) and one.value.id != "self":
            yield one.attr


def _is_whole(declared: Declaration, dialect: str, texts: Mapping[str, str]) -> bool:
    """Whether classes of a dialect alone are there, and none of those in whose place they stand."""
    own = [one for one in declared.questions if one.dialect == dialect and one.instead_of]
    return any(_is_told(one, texts) for one in own) and not any(
        texts.get(name) for one in own for name in one.instead_of
    )


def _choices(
    declared: Declaration, told: set[str], silent: Sequence[Question], whole: str, texts: Mapping[str, str]
) -> Iterator[Question]:
    say = [one for one in declared.questions if one.name in told]
    said, unsaid = set(map(_word, say)), set(map(_word, silent))
    own_editions = {one.edition for one in declared.questions if whole and one.dialect == whole}
    for question in usual(declared):
        others = [one for one in declared.questions if one.of == question.name]
        shown = [one for one in others if one.name in told]
        words = set(map(_word, shown))
        either = [one for one in others if one.open and _word(one) in said]
        is_alone = words <= unsaid and all(one in shown for one in say if _word(one) in words)
        if question.edition not in own_editions or any(map(texts.get, question.asks)):
            yield next(iter(either if either and is_alone else shown or either), question)
        else:
            own = (one for one in others if one.dialect == whole)
            yield from (replace(one, known=one in shown or not any(map(texts.get, one.asks))) for one in own)


def _word(question: Question) -> str:
    """The first word of a dialect, which names it: what follows are its forms."""
    return question.dialect.partition(" ")[0]


def _is_told(question: Question, texts: Mapping[str, str]) -> bool:
    return bool(question.told) and any(re.search(question.told, texts.get(name, "")) for name in question.asks)


def _source(file: Path) -> str:
    return file.read_bytes().decode("utf-8", "replace") if file.is_file() else ""


def _class_in(source: str, name: str) -> str:
    """The text of a class or function, or of what is assigned; without a method, with classes among its first words."""
    text = _definition_in(source, name)
    found = None if text else re.search(rf"^{name} *(?::[^=\n]*)?=(?!=).*(?:\n[ \t)].*)*", source, re.MULTILINE)
    text = found[0] if found else text
    words = [] if "\n    def " in text else re.findall(r"\w+", text)[:9]
    named = (_definition_in(source, word) for word in words if word != name)
    return "\n".join([text, *(one for one in named if one.startswith("class"))])


def _definition_in(source: str, name: str) -> str:
    """The text of a class or function, up to the next one at the outermost level."""
    found = re.search(rf"^(?:class|def) +{name}\b.*?(?=^(?:class|def|@)|\Z)", source, re.MULTILINE | re.DOTALL)
    return "" if found is None else found[0]
