"""A headless Chromium, driven by its DevTools protocol over a pipe: no library, no port, no download.

with browser(tmp_path) as chromium:
    page = chromium.open("file:///…/index.html")
    page.run("document.title")
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import select
import shutil
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

LIMIT_S = 60.0
_OPTIONS = (
    "--headless=new", "--no-sandbox", "--remote-debugging-pipe", "--disable-gpu", "--disable-dev-shm-usage",
    "--no-first-run", "--disable-background-networking", "--disable-extensions", "--disable-sync",
    "--ignore-certificate-errors", "--hide-scrollbars", "--force-color-profile=srgb", "--lang=en-US",
)  # fmt: skip


@dataclass
class Chromium:
    """The browser; messages are JSON, each ended by a zero byte."""

    send_to: int
    read_from: int
    number: int = 0
    left: bytes = b""
    events: list[dict[str, Any]] = field(default_factory=list)

    def call(self, method: str, session: str = "", /, **parameters: Any) -> dict[str, Any]:
        """Ask for something and wait for the answer; what else comes is kept as an event."""
        self.number += 1
        message = {"id": self.number, "method": method, "params": parameters}
        if session:
            message["sessionId"] = session
        os.write(self.send_to, json.dumps(message).encode() + b"\0")
        end = time.monotonic() + LIMIT_S
        while True:
            answer = self._next(end)
            if answer.get("id") == self.number:
                assert "error" not in answer, f"{method}: {answer['error']}"
                result: dict[str, Any] = answer["result"]
                return result
            self.events.append(answer)

    def wait_for(self, method: str) -> None:
        """Wait until an event has come."""
        end = time.monotonic() + LIMIT_S
        while not any(event.get("method") == method for event in self.events):
            self.events.append(self._next(end))

    def _next(self, end: float) -> dict[str, Any]:
        while b"\0" not in self.left:
            ready, _, _ = select.select([self.read_from], [], [], max(0.0, end - time.monotonic()))
            assert ready, f"the browser did not answer within {LIMIT_S:g} s"
            piece = os.read(self.read_from, 1 << 16)
            assert piece, "the browser has ended"
            self.left += piece
        message, _, self.left = self.left.partition(b"\0")
        found: dict[str, Any] = json.loads(message)
        return found

    def open(self, url: str, width: int = 1280, height: int = 800, dark: bool = False) -> Page:
        """Open a page in a window of its own, with so many CSS pixels."""
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        page = Page(self, session)
        for domain in ("Page", "Runtime", "Log", "Accessibility"):
            page.call(f"{domain}.enable")
        page.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=width < 600,
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        page.call("Emulation.setEmulatedMedia", features=[scheme])
        page.go(url)
        return page


@dataclass
class Page:
    browser: Chromium
    session: str

    def call(self, method: str, /, **parameters: Any) -> dict[str, Any]:
        return self.browser.call(method, self.session, **parameters)

    def go(self, url: str) -> None:
        """Go to an address, and wait until the page is there with all its parts."""
        self.browser.events.clear()
        self.call("Page.navigate", url=url)
        self.browser.wait_for("Page.loadEventFired")

    def run(self, script: str) -> Any:
        """Give the value of an expression in the page."""
        answer = self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def type(self, selector: str, text: str) -> None:
        """Type into a field, in place of what is there, as a keyboard would."""
        self.run(f"document.querySelector({json.dumps(selector)}).select()")
        self.call("Input.insertText", text=text)

    def choose(self, selector: str, value: str) -> None:
        """Choose from a list."""
        self.run(
            f"(() => {{ const list = document.querySelector({json.dumps(selector)});"
            f" list.value = {json.dumps(value)};"
            ' list.dispatchEvent(new Event("input", {bubbles: true})); })()'
        )

    def complaints(self) -> list[str]:
        """Every error that the page or the browser told since `go`."""
        self.run("0")  # what is under way comes first
        found = []
        for event in self.browser.events:
            what, said = event.get("method"), event.get("params", {})
            if what == "Runtime.exceptionThrown":
                found.append(str(said["exceptionDetails"].get("text")))
            elif what == "Log.entryAdded" and said["entry"]["level"] in ("error", "warning"):
                found.append(said["entry"]["text"])
            elif what == "Runtime.consoleAPICalled" and said["type"] in ("error", "assert", "warning"):
                found.append(str(said["args"]))
            elif what == "Page.javascriptDialogOpening":
                found.append(f"a dialog: {said['message']}")
        return found

    def outline(self) -> list[tuple[str, str]]:
        """Role and name of everything that assistive programs are told of."""
        nodes = self.call("Accessibility.getFullAXTree")["nodes"]
        return [
            (node["role"]["value"], node.get("name", {}).get("value", ""))
            for node in nodes
            if not node.get("ignored")
        ]

    def picture(self) -> bytes:
        """A PNG of what the window shows."""
        return base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"])


@contextlib.contextmanager
def browser(work: Path) -> Iterator[Chromium]:
    """Start the machine's Chromium with an empty profile below `work`."""
    program = shutil.which("chromium")
    assert program, "there is no chromium: ./test installs it from the archive"
    there, send_to = os.pipe()
    read_from, here = os.pipe()
    # The protocol wants file descriptors 3 and 4.
    start = f'exec "$@" 3<&{there} 4>&{here}'
    command = ["bash", "-c", start, "bash", program, *_OPTIONS, f"--user-data-dir={work / 'profile'}"]
    with (work / "chromium.log").open("wb") as log:
        child = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            pass_fds=(there, here),
            process_group=0,
            env=os.environ | {"HOME": str(work), "DBUS_SESSION_BUS_ADDRESS": "disabled:"},
        )
    os.close(there)
    os.close(here)
    chromium = Chromium(send_to, read_from)
    try:
        yield chromium
        chromium.call("Browser.close")
        child.wait(20)
    finally:
        if child.poll() is None:
            os.killpg(child.pid, 9)
            child.wait()
        os.close(send_to)
        os.close(read_from)
