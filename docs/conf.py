"""How Sphinx builds the documentation: `sphinx-build -W -n docs build/docs`."""

import re
from importlib.metadata import version as installed_version
from pathlib import Path
from typing import Any

from docutils.nodes import Element, SkipNode
from latex2mathml.converter import convert
from sphinx.application import Sphinx
from sphinx.writers.html5 import HTML5Translator

from parity_tests.examples.asked import write_pages
from parity_tests.examples.render import render, tables

project = "Parity"
author = "The maintainers of Parity"
version = release = installed_version("parity")
copyright = f"{author}, under the MIT licence; this is version {release}"

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx_click", "sphinx_copybutton"]
html_theme = "furo"
html_title = "Parity"
html_static_path = ["_static"]
html_css_files = ["parity.css"]
html_math_renderer = "mathml"
exclude_patterns = ["_build", "reference/generated/samples", "reference/generated/tables"]

myst_heading_anchors = 3
myst_enable_extensions = ["dollarmath"]
myst_dmath_allow_space = False
smartquotes = False  # two hyphens are an option, and no dash
default_role = "code"  # docstrings put names of code between single backticks
autodoc_typehints = "description"
autodoc_member_order = "bysource"
nitpick_ignore_regex = [
    ("py:.*", r"(?!parity_tests\.|reports\.|reference\.).*"),  # what others document
    ("py:.*", r"parity_tests\.protocol\.(proof|reproduction)\..*"),  # of whoever measures or reproduces
]
copybutton_prompt_text = "$ "
copybutton_line_continuation_character = "\\"
linkcheck_ignore = ["https?://"]  # the network is nobody's business here: local links alone are held


def _formula(writer: HTML5Translator, node: Element) -> None:
    """A formula as MathML, which browsers set themselves."""
    display = "inline" if node.tagname == "math" else "block"
    writer.body.append(convert(node.astext(), display=display))
    raise SkipNode


def _accessible(app: Sphinx, page: str, template: str, context: dict[str, Any], document: Any) -> None:
    """Gives headings in the sidebar their level, and blocks that may be scrolled the focus of the keyboard."""
    tree = context.get("furo_navigation_tree", "")
    context["furo_navigation_tree"] = tree.replace('role="heading"', 'role="heading" aria-level="2"')
    context["body"] = context.get("body", "").replace("<pre>", '<pre tabindex="0">')


def _plain_defaults(app: Sphinx, context: Any, lines: list[str]) -> None:
    """Writes the default of an option as one types it, without Python's quotes and types."""
    lines[:] = [re.sub(r"^(\s*:default: )``(?:PosixPath\()?'([^']*)'\)?``$", r"\1``\2``", line) for line in lines]


def setup(app: Sphinx) -> None:
    """What the assignments ask, and a sample of each report, are written whenever the documentation is built."""
    app.add_html_math_renderer("mathml", (_formula, None), (_formula, None))
    app.connect("sphinx-click-process-options", _plain_defaults)
    app.connect("html-page-context", _accessible, priority=900)
    write_pages(Path(app.srcdir) / "reference" / "generated")
    render(Path(app.srcdir) / "reference" / "generated" / "samples")
    tables(Path(app.srcdir) / "reference" / "generated" / "tables")
