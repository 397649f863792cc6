"""The code of files that pages of documentation show, so that it is there too where nothing is built from the pages.

`<!-- from FILE -->` stands above a block of code that is the content of that file of the checkout, without its last
blank lines. `<!-- from FILE, at "text" -->` begins with the line that has this text, `after "text"` behind it.
"""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_SHOWN = re.compile(
    r'(<!-- from (\S+?)(?:, (at|after) "([^"\n]+)")? -->\n```\w+\n)(.*?)(^```$)', re.DOTALL | re.MULTILINE
)


def with_files(text: str, root: Path = ROOT) -> str:
    """The page with what the files hold now. Raises ValueError where a file has no line with the text that is named."""
    return _SHOWN.sub(lambda found: f"{found[1]}{_content(root / found[2], found[3], found[4])}{found[6]}", text)


def _content(path: Path, where: str | None, text: str | None) -> str:
    lines = path.read_text(encoding="utf-8").rstrip().splitlines()
    if where is not None and text is not None:
        place = next((number for number, line in enumerate(lines) if text in line), None)
        if place is None:
            raise ValueError(f"{path} has no line with {text!r}")
        lines = lines[place + (where == "after") :]
    return "\n".join(lines).strip("\n") + "\n"
