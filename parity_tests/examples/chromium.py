"""A headless Chromium that opens pages and tells what is wrong with them, driven by Playwright."""

from __future__ import annotations

import shutil
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from playwright.sync_api import Page, Request

AXE = Path(__file__).parents[1] / "selftest" / "vendor" / "axe.min.js"


def find() -> str | None:
    """Where Chromium is, or None."""
    return next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


@dataclass
class Seen:
    """What a page did: console messages and exceptions, requests beyond the page itself, milliseconds to load."""

    console: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    milliseconds: float = 0.0


class Browser:
    """The system's Chromium, with one page open at a time. A context manager."""

    def __init__(self) -> None:
        from playwright.sync_api import sync_playwright  # most tests open no page

        self._open = ExitStack()
        playwright = self._open.enter_context(sync_playwright())
        # Playwright brings no browser of its own that could be had without its downloads.
        self._chromium = playwright.chromium.launch(executable_path=find(), args=["--no-sandbox", "--hide-scrollbars"])
        self._open.callback(self._chromium.close)
        self._page: Page | None = None

    def __enter__(self) -> Browser:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._open.close()

    def open(
        self,
        page: Path,
        *,
        width: int = 1280,
        height: int = 900,
        dark: bool = False,
        script: bool = True,
        place: str = "",
    ) -> Seen:
        """Opens a page, or a `place` on it, at a width in CSS pixels, light or dark, with scripts or without."""
        if self._page is not None:
            self._page.context.close()
        context = self._chromium.new_context(
            viewport={"width": width, "height": height},
            is_mobile=width < 600,
            color_scheme="dark" if dark else "light",
            java_script_enabled=script,
        )
        self._page, seen, address = context.new_page(), Seen(), page.resolve().as_uri() + place
        failed: list[Request] = []
        self._page.on("console", lambda message: seen.console.append(f"{message.type}: {message.text}"))
        self._page.on("pageerror", lambda error: seen.console.append(str(error)))
        self._page.on("request", lambda request: seen.requests.append(request.url))
        self._page.on("requestfailed", lambda request: failed.append(request))
        start = time.monotonic()
        self._page.goto(address)
        seen.milliseconds = (time.monotonic() - start) * 1000
        self.run("0")  # whatever the page still says is said
        # What the page's own policy forbids never leaves the browser.
        forbidden = [request.url for request in failed if request.failure == "csp"]
        seen.requests = [url for url in seen.requests if url not in (address.removesuffix(place), address, *forbidden)]
        return seen

    def print_media(self) -> None:
        """Shows the open page as it would be printed, on a sheet of A4."""
        self._shown.set_viewport_size({"width": 794, "height": 1123})
        self._shown.emulate_media(media="print")

    def run(self, expression: str) -> Any:
        """The JSON value of a JavaScript expression, awaited."""
        return self._shown.evaluate(expression)

    def axe(self) -> list[str]:
        """What axe-core finds wrong with the open page, as text, one for each rule."""
        self.run(AXE.read_text(encoding="utf-8") + "; 0")
        violations = self.run(
            "axe.run().then(r => r.violations.map(v => "
            "[v.id, v.help, v.nodes.map(n => n.html.slice(0, 200) + ' ' + n.failureSummary)]))"
        )
        return [f"{rule}: {help_} {nodes[:3]}" for rule, help_, nodes in violations]

    def overflow(self) -> int:
        """By how many pixels the page is wider than the window."""
        return int(self.run("document.documentElement.scrollWidth - document.documentElement.clientWidth"))

    def picture(self, path: Path, *, whole: bool = True) -> None:
        """Writes the open page as a PNG: all of it, or what the window shows."""
        self._shown.screenshot(path=path, full_page=whole)

    @property
    def _shown(self) -> Page:
        if self._page is None:
            raise RuntimeError("no page is open: call open first")
        return self._page
