"""How Sphinx builds the documentation: `sphinx-build -W -n docs build/docs`."""

from importlib.metadata import version as installed_version
from pathlib import Path

from sphinx.application import Sphinx

from parity_tests.examples.asked import write_pages
from parity_tests.examples.render import render, tables

project = "Parity"
author = "The maintainers of Parity"
version = release = installed_version("parity")

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx_click", "sphinx_copybutton"]
html_theme = "furo"
html_title = "Parity"
exclude_patterns = ["_build", "reference/generated/samples", "reference/generated/tables"]

myst_heading_anchors = 3
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


def setup(app: Sphinx) -> None:
    """What the assignments ask, and a sample of each report, are written whenever the documentation is built."""
    write_pages(Path(app.srcdir) / "reference" / "generated")
    render(Path(app.srcdir) / "reference" / "generated" / "samples")
    tables(Path(app.srcdir) / "reference" / "generated" / "tables")
