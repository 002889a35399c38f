"""Links work once and for a while, cookies for longer, and one cannot stand in for the other."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bluejacket.cloud.page.session import LINK_S, SESSION_S, Sessions

BASE = "https://localhost:8443"


class Clock:
    now = 1_790_000_000.0

    def __call__(self) -> float:
        return self.now


def word_of(link: str) -> str:
    assert link.startswith(f"{BASE}/page/enter?link=")
    return link.partition("=")[2]


def test_a_link_works_once_in_every_process(tmp_path: Path) -> None:
    link = word_of(Sessions(tmp_path).link(BASE))
    with ThreadPoolExecutor(8) as pool:
        cookies = list(pool.map(lambda _: Sessions(tmp_path).enter(link), range(16)))
    (cookie,) = [one for one in cookies if one]
    assert Sessions(tmp_path).of(cookie) is not None
    assert (tmp_path / "page.key").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "page-links.json").stat().st_mode & 0o777 == 0o600


def test_links_and_cookies_end(tmp_path: Path) -> None:
    clock = Clock()
    sessions = Sessions(tmp_path, clock)
    late, link = word_of(sessions.link(BASE)), word_of(sessions.link(BASE))
    cookie = sessions.enter(link)
    assert cookie is not None
    clock.now += LINK_S + 1
    assert sessions.enter(late) is None
    assert sessions.enter(word_of(sessions.link(BASE))) is not None
    assert link not in (tmp_path / "page-links.json").read_text()  # it would not work any more
    assert sessions.of(cookie) is not None
    clock.now += SESSION_S
    assert sessions.of(cookie) is None


def test_a_cookie_is_no_link_and_a_word_is_its_sessions(tmp_path: Path) -> None:
    sessions = Sessions(tmp_path)
    link = word_of(sessions.link(BASE))
    assert sessions.of(link) is None
    cookies = [sessions.enter(link), sessions.enter(word_of(sessions.link(BASE)))]
    one, other = (sessions.of(cookie or "") for cookie in cookies)
    assert one is not None
    assert other is not None
    assert sessions.enter(cookies[0] or "") is None
    assert sessions.fits(one, one.word)
    assert not sessions.fits(one, other.word)
    assert not sessions.fits(one, "")
    (tmp_path / "other").mkdir()
    assert Sessions(tmp_path / "other").of(cookies[0] or "") is None


@given(st.text())
def test_whatever_is_given_is_refused(text: str) -> None:
    sessions = SESSIONS[0]
    assert sessions.of(text) is None
    assert sessions.enter(text) is None


SESSIONS: list[Sessions] = []


@pytest.fixture(autouse=True, scope="module")
def some_sessions(tmp_path_factory: pytest.TempPathFactory) -> None:
    SESSIONS.append(Sessions(tmp_path_factory.mktemp("sessions")))
