"""A headless Chromium that opens pages and tells what is wrong with them, over its debugging pipe."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import select
import shutil
import subprocess
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

AXE = Path(__file__).parents[1] / "selftest" / "vendor" / "axe.min.js"
_PATIENCE = 60.0  # seconds for any one answer


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
    """One Chromium with one tab. A context manager."""

    def __init__(self) -> None:
        self._profile = tempfile.mkdtemp(prefix="parity-chromium-")
        to_read, self._to = os.pipe()
        self._from, to_write = os.pipe()
        # Chromium reads commands from descriptor 3 and answers on 4.
        command = (
            f'exec "$0" "$@" 3<&{to_read} 4>&{to_write}',
            find() or "chromium",
            *("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars"),
            *("--no-first-run", "--disable-extensions", "--disable-background-networking", "--disable-sync"),
            *("--remote-debugging-pipe", f"--user-data-dir={self._profile}", "about:blank"),
        )
        self._process = subprocess.Popen(
            ["bash", "-c", *command],
            pass_fds=(to_read, to_write),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        os.close(to_read)
        os.close(to_write)
        self._buffer = b""
        self._count = 0
        self._session = ""
        self._seen = Seen()
        self._asked: dict[str, str] = {}
        self._loaded = False
        target = self._ask("Target.createTarget", url="about:blank")["targetId"]
        self._session = self._ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Network", "Runtime", "Log"):
            self._ask(f"{domain}.enable")

    def __enter__(self) -> Browser:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        with contextlib.suppress(OSError, TimeoutError):
            self._ask("Browser.close")
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        os.close(self._to)
        os.close(self._from)
        shutil.rmtree(self._profile, ignore_errors=True)

    def open(
        self, page: Path, *, width: int = 1280, height: int = 900, dark: bool = False, script: bool = True
    ) -> Seen:
        """Opens a page at a width in CSS pixels, light or dark, with scripts or without, and waits for it."""
        self._ask(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600
        )
        scheme = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        self._ask("Emulation.setEmulatedMedia", media="", features=scheme)
        self._ask("Emulation.setScriptExecutionDisabled", value=not script)
        self._seen, self._loaded = Seen(), False
        address = page.resolve().as_uri()
        start = time.monotonic()
        self._ask("Page.navigate", url=address)
        while not self._loaded:
            self._receive()
        self._seen.milliseconds = (time.monotonic() - start) * 1000
        self.run("0")  # whatever the page still says is said
        self._seen.requests = [url for url in self._seen.requests if url != address]
        return self._seen

    def print_media(self) -> None:
        """Shows the open page as it would be printed, on a sheet of A4."""
        self._ask("Emulation.setDeviceMetricsOverride", width=794, height=1123, deviceScaleFactor=1, mobile=False)
        self._ask("Emulation.setEmulatedMedia", media="print", features=[])

    def run(self, expression: str) -> Any:
        """The JSON value of a JavaScript expression, awaited."""
        answer = self._ask("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in answer:
            raise AssertionError(json.dumps(answer["exceptionDetails"]))
        return answer["result"].get("value")

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
        shot = self._ask(
            "Page.captureScreenshot", captureBeyondViewport=whole, **({"clip": self._whole()} if whole else {})
        )
        path.write_bytes(base64.b64decode(shot["data"]))

    def _whole(self) -> dict[str, Any]:
        size = self._ask("Page.getLayoutMetrics")["cssContentSize"]
        return {"x": 0, "y": 0, "width": size["width"], "height": size["height"], "scale": 1}

    def _ask(self, method: str, **params: Any) -> dict[str, Any]:
        self._count += 1
        number = self._count
        message: dict[str, Any] = {"id": number, "method": method, "params": params}
        if self._session:
            message["sessionId"] = self._session
        self._write(message)
        while True:
            answer = self._receive()
            if answer.get("id") == number:
                if "error" in answer:
                    raise AssertionError(f"{method}: {answer['error']}")
                return dict(answer.get("result", {}))

    def _write(self, message: dict[str, Any]) -> None:
        data = memoryview(json.dumps(message).encode() + b"\0")
        while data:
            data = data[os.write(self._to, data) :]

    def _receive(self) -> dict[str, Any]:
        deadline = time.monotonic() + _PATIENCE
        while b"\0" not in self._buffer:
            ready, _, _ = select.select([self._from], [], [], max(0.0, deadline - time.monotonic()))
            if not ready:
                raise TimeoutError("Chromium does not answer")
            chunk = os.read(self._from, 1 << 20)
            if not chunk:
                raise TimeoutError("Chromium has ended")
            self._buffer += chunk
        line, _, self._buffer = self._buffer.partition(b"\0")
        message: dict[str, Any] = json.loads(line)
        self._note(message.get("method", ""), message.get("params", {}))
        return message

    def _note(self, event: str, params: dict[str, Any]) -> None:
        if event == "Page.loadEventFired":
            self._loaded = True
        elif event == "Network.requestWillBeSent":
            self._seen.requests.append(params["request"]["url"])
            self._asked[params["requestId"]] = params["request"]["url"]
        elif event == "Network.loadingFailed" and params.get("blockedReason"):
            self._seen.requests.remove(self._asked[params["requestId"]])  # it never left the browser
        elif event == "Runtime.consoleAPICalled":
            self._seen.console.append(f"{params['type']}: {params['args']}")
        elif event == "Runtime.exceptionThrown":
            self._seen.console.append(str(params["exceptionDetails"]))
        elif event == "Log.entryAdded":
            self._seen.console.append(f"{params['entry']['level']}: {params['entry']['text']}")
