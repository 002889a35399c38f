"""Working with the cloud's page in a browser."""

from __future__ import annotations

import time

from browser import Page


def wait(page: Page, what: str, limit_s: float = 60) -> None:
    end = time.monotonic() + limit_s
    while True:
        try:
            if page.run(what):
                return
        except AssertionError:  # the page goes to another one at this moment
            pass
        assert time.monotonic() < end, f"never: {what}; the page says {page.run('document.body.innerText')}"
        time.sleep(0.1)


def press(page: Page, selector: str) -> None:
    """Press a button after this call, for the page may be another one then."""
    page.run(f"setTimeout(() => document.querySelector({selector!r}).click(), 0) && true")
