"""Runs the example of a notebook and saves it with its outputs: `python -m parity_tests.examples.notebook`."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

from reports.model.write_whole import write_whole

NOTEBOOK = Path(__file__).resolve().parents[2] / "reports" / "examples" / "notebook.ipynb"
_TIMEOUT = 300
"""Seconds that a cell may take."""
_TEMPORARY = re.compile(r"/tmp/[\w./-]*/notebook\b")
"""Where the API writes what a notebook defines: another folder each time."""


def executed(path: Path) -> str:
    """The notebook as text, run from its beginning in a folder of its own. Raises where a cell does."""
    import nbclient
    import nbformat

    notebook = nbformat.read(path, as_version=4)
    with tempfile.TemporaryDirectory() as folder:
        nbclient.NotebookClient(notebook, timeout=_TIMEOUT, resources={"metadata": {"path": folder}}).execute()
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)  # when it ran
    return _TEMPORARY.sub("notebook", str(nbformat.writes(notebook))) + "\n"


def main() -> None:
    """Runs and saves it."""
    write_whole(NOTEBOOK, executed(NOTEBOOK).encode())
    print(NOTEBOOK)


if __name__ == "__main__":
    main()
