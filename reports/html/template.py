"""The templates of pages: they escape what is put into them, and show what cannot be printed."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reports.model.environment import Environment
from reports.model.escape import printable
from reports.model.phrases import capitalised
from reports.model.verdicts import word_of
from reports.pictures.figure import STYLE

if TYPE_CHECKING:
    import jinja2

    from reports.html.cards import CodeLine

TEMPLATES = Path(__file__).parent / "templates"

_JOINER = re.compile(r"((?<=[^\x00-\x7f])[\u200c\u200d](?=[^\x00-\x7f]))")
_LINE_ENDS = re.compile(r"\r\n|[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]")


def style_of(verdict: str) -> str:
    """The class that colours a verdict."""
    return verdict.replace(" ", "-")


def template(name: str) -> jinja2.Template:
    """The template of a page, by its name in `templates/`."""
    return _environment().get_template(name)


def markup(svg: str) -> Any:
    """An SVG of reports.pictures as something that a template does not escape."""
    from markupsafe import Markup

    return Markup(svg)  # of our own making: the pictures have escaped what is foreign in it


def page_text(text: str) -> str:
    """The text on one line, with everything unprintable made visible but for what joins signs of one emoji or word."""
    if text.isprintable():
        return text
    pieces = _JOINER.split(text)  # every second piece is a joiner
    return "".join(piece if number % 2 else printable(piece) for number, piece in enumerate(pieces))


def escaped(text: str) -> str:
    """The text as a template writes it."""
    from markupsafe import escape

    return str(escape(page_text(text)))


def lines(text: str) -> str:
    """Text of several lines with everything unprintable made visible, for a `pre`."""
    return "\n".join(map(printable, _LINE_ENDS.split(text)))


def facts(environment: Environment) -> list[tuple[str, str]]:
    """An environment as rows of a name and a text, without what only reports work with."""
    rows: list[tuple[str, str]] = []
    for key, value in environment.listed():
        if isinstance(value, Mapping):
            rows += [(f"{key}: {inner}", str(text)) for inner, text in value.items()]
        elif isinstance(value, list):
            rows.append((key, ", ".join(map(str, value))))
        else:
            rows.append((key, str(value)))
    return [(key.replace("_", " "), text) for key, text in rows]


@cache
def _environment() -> jinja2.Environment:
    import jinja2

    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=_printable_text,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["lines"] = _escaped_lines
    made.filters["code"] = _code_lines
    made.filters["style"] = style_of
    made.filters["word"] = word_of
    made.filters["capitalised"] = capitalised
    made.filters["wbr"] = _breakable
    made.filters["ticks"] = _without_ticks
    script = _own("page.js")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    style = _own("simple.css") + _own("parity.css") + STYLE.read_text(encoding="utf-8")
    made.globals.update(style=markup(style), script=markup(script), script_hash=markup(digest))
    return made


def _printable_text(value: Any) -> Any:
    """What a template writes of a value: text that moves no cursor and turns no line around; markup as it is."""
    return page_text(value) if type(value) is str else value


def _breakable(text: str) -> Any:
    """A name that may break behind an underscore and before a capital, and nowhere else."""
    return markup(re.sub(r"(_+)(?=[^_])|(?<=[a-z])(?=[A-Z])", r"\1<wbr>", escaped(text)))


def _without_ticks(text: str) -> str:
    """The text without the backticks around names of code, which a page does not need."""
    return re.sub(r"`([^`]+)`", r"\1", text)


def _code_lines(code: Iterable[CodeLine]) -> Any:
    """Lines of code, each with its number: not by a macro, which takes several times as long for a class."""
    return markup(
        "".join(
            f'<span class="line{" here" * line.here}"><span class="at">{line.number or "⋮"}{" ▸" * line.here}</span>'
            f"{escaped(line.text)}\n</span>"
            for line in code
        )
    )


def _escaped_lines(text: str) -> Any:
    from markupsafe import escape

    return escape(lines(text))


def _own(name: str) -> str:
    return (TEMPLATES / name).read_text(encoding="utf-8")
