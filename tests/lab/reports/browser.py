"""A headless Chromium that the tests of pages steer: DevTools' protocol over a pipe, so that no driver is needed."""

from __future__ import annotations

import base64
import fcntl
import json
import os
import select
import shutil
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
PATIENCE = 60.0
"""Seconds that an answer may take on a busy machine."""
KEYS: Mapping[str, Mapping[str, Any]] = {
    "Tab": {"code": "Tab", "windowsVirtualKeyCode": 9},
    "Enter": {"code": "Enter", "windowsVirtualKeyCode": 13, "text": "\r"},
    "ArrowLeft": {"code": "ArrowLeft", "windowsVirtualKeyCode": 37},
    "ArrowRight": {"code": "ArrowRight", "windowsVirtualKeyCode": 39},
    "Home": {"code": "Home", "windowsVirtualKeyCode": 36},
    "End": {"code": "End", "windowsVirtualKeyCode": 35},
    " ": {"code": "Space", "windowsVirtualKeyCode": 32, "text": " "},
}


def chromium() -> str | None:
    """The program: $CHROMIUM, or what is found by its usual names; None where there is none."""
    return os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)


class Browser:
    """One page of a browser; use it in a ``with`` block.

    Attributes:
        complaints: what the console was told, and exceptions, since the last page was opened.
        requests: addresses that a page asked for, but those of itself and of data within it.
    """

    def __init__(self, program: str) -> None:
        self.complaints: list[str] = []
        self.requests: list[str] = []
        self._home = tempfile.TemporaryDirectory(prefix="browser-", ignore_cleanup_errors=True)
        theirs, self._write = _pipe()
        self._read, back = _pipe()

        def wire() -> None:
            os.dup2(theirs, 3)
            os.dup2(back, 4)

        self._process = subprocess.Popen(
            [program, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
             "--hide-scrollbars", "--remote-debugging-pipe", f"--user-data-dir={self._home.name}", "about:blank"],
            pass_fds=(3, 4), preexec_fn=wire, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        os.close(theirs)
        os.close(back)
        self._buffer, self._number, self._session = b"", 0, ""
        self._events: list[dict[str, Any]] = []
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.ask(f"{domain}.enable")

    def __enter__(self) -> Browser:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.wait()
        for fd in (self._read, self._write):
            os.close(fd)
        self._home.cleanup()

    def ask(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Send a command and wait for its answer."""
        self._number += 1
        number = self._number
        message: dict[str, Any] = {"id": number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._write, json.dumps(message).encode() + b"\0")
        while True:
            found = self._next()
            if found.get("id") == number:
                assert "error" not in found, f"{method}: {found['error']}"
                return dict(found["result"])
            self._heard(found)

    def open(self, page: Path, width: int = 1280, height: int = 900, script: bool = True, **media: str) -> None:
        """Open a file and wait until it is there.

        Args:
            page: an HTML file.
            width, height: of the window, in CSS pixels; one narrower than 600 is a phone's.
            script: whether the page may run any.
            media: features, such as ``prefers_color_scheme="dark"``; ``media="print"`` is the medium itself.
        """
        self.complaints, self.requests, self._events = [], [], []
        medium = media.pop("media", "")
        self.ask(
            "Emulation.setDeviceMetricsOverride",
            width=width, height=height, deviceScaleFactor=1, mobile=width < 600,
        )  # fmt: skip
        features = [{"name": name.replace("_", "-"), "value": value} for name, value in media.items()]
        self.ask("Emulation.setEmulatedMedia", media=medium, features=features)
        self.ask("Emulation.setScriptExecutionDisabled", value=not script)
        self.ask("Page.navigate", url=page.resolve().as_uri())
        while not any(event["method"] == "Page.loadEventFired" for event in self._events):
            self._heard(self._next())

    def run(self, expression: str) -> Any:
        """The value of an expression of JavaScript, or of the promise that it is."""
        found = self.ask("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in found, f"{expression}: {found['exceptionDetails']}"
        return found["result"].get("value")

    def wait(self, condition: str) -> None:
        """Wait until an expression is true, looked at in every frame; it fails where it never becomes so."""
        self.run(
            "new Promise((done, fail) => { const end = performance.now() + 5000; const look = () => "
            f"({condition}) ? done(true) : performance.now() > end ? fail(new Error('it never came to be')) "
            ": requestAnimationFrame(look); look(); })"
        )

    def frames(self, count: int = 3) -> None:
        """Let so many frames pass."""
        self.run(f"new Promise((done) => {{ let left = {count}; const next = () => left-- ? "
                 "requestAnimationFrame(next) : done(true); next(); })")  # fmt: skip

    def press(self, *keys: str) -> None:
        """Press keys one after the other, as a person would."""
        for key in keys:
            about = {"key": key, **KEYS[key]}
            self.ask("Input.dispatchKeyEvent", type="keyDown" if "text" in about else "rawKeyDown", **about)
            self.ask("Input.dispatchKeyEvent", type="keyUp", key=key, code=about["code"])

    def shoot(self, out: Path, whole: bool = True) -> Path:
        """Write a picture of the page."""
        found = self.ask("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        out.write_bytes(base64.b64decode(found["data"]))
        return out

    def _heard(self, event: dict[str, Any]) -> None:
        method, about = event.get("method", ""), event.get("params", {})
        if method == "Runtime.exceptionThrown":
            self.complaints.append(str(about["exceptionDetails"]))
        elif method == "Log.entryAdded" and about["entry"]["level"] in ("error", "warning"):
            self.complaints.append(str(about["entry"]))
        elif method == "Runtime.consoleAPICalled":
            self.complaints.append(str(about["args"]))
        elif method == "Network.requestWillBeSent":
            address = about["request"]["url"]
            if not address.startswith(("data:", "file:")):
                self.requests.append(address)
        self._events.append(event)

    def _next(self) -> dict[str, Any]:
        end = time.monotonic() + PATIENCE
        while b"\0" not in self._buffer:
            ready, _, _ = select.select([self._read], [], [], max(0.0, end - time.monotonic()))
            part = os.read(self._read, 1 << 20) if ready else b""
            if not part:
                raise TimeoutError("the browser does not answer, or has ended")
            self._buffer += part
        line, _, self._buffer = self._buffer.partition(b"\0")
        return dict(json.loads(line))


def _pipe() -> Sequence[int]:
    """Both ends of a pipe, under numbers that the browser's own two do not have."""
    ends = []
    for end in os.pipe():
        ends.append(fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 10))
        os.close(end)
    return ends
