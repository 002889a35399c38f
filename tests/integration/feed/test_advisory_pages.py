"""The advisories' pages in a real browser: they search, fit a phone, and run nothing but their own script."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from advisories import ADVISORIES, HOSTILE, SECURITY
from bluejacket.definition import Release, load
from bluejacket.feed.advisory.files import write_advisories
from browser import Chromium, Page, browser
from webserver import serve

LIGHT, DARK = "rgb(255, 255, 255)", "rgb(18, 24, 30)"
SHOWN = 'Array.from(document.querySelectorAll("tbody tr")).filter(r => !r.hidden).map(r => r.dataset.id)'


@pytest.fixture(scope="module")
def release(distro: Path) -> Release:
    return load(distro).release("4")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, release: Release) -> Path:
    """Advisories of every kind, one of them with as many CVEs as a kernel's update has."""
    folder = tmp_path_factory.mktemp("site")
    many = tuple(f"CVE-2026-{number}" for number in range(40_000, 40_300))
    kernel = dataclasses.replace(SECURITY, id="BJSA-2026:0006", title="linux: many faults", cves=many)
    write_advisories(folder, [*ADVISORIES, kernel], release)
    return folder


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chromium]:
    with browser(tmp_path_factory.mktemp("browser")) as started:
        yield started


def address(site: Path, name: str = "index.html") -> str:
    return (site / "advisories" / name).as_uri()


def pages(site: Path) -> list[str]:
    return sorted(file.name for file in (site / "advisories").glob("*.html"))


def count(page: Page) -> str:
    return str(page.run('document.querySelector(".count").textContent'))


@pytest.mark.parametrize(
    ("words", "severity", "kind", "expected"),
    [
        ("CVE-2026-1111", "", "", ["BJSA-2026:0001"]),
        ("cve-2026-40299", "", "", ["BJSA-2026:0006"]),
        ("libssl3t64", "", "", ["BJSA-2026:0006", "BJSA-2026:0001"]),
        ("OPENSSL faults two", "", "", ["BJSA-2026:0001"]),
        ("openssl", "low", "", []),
        ("", "high", "", ["BJSA-2026:0006", "BJSA-2026:0001"]),
        ("", "", "bugfix", ["BJBA-2026:0004"]),
        ("tar", "unknown", "enhancement", ["BJEA-2026:0005"]),
        ("nothing of it", "", "", []),
        (".*", "", "", []),
        ("bash", "", "", ["BJSA-2026:0003"]),
    ],
)
def test_search_narrows(
    words: str, severity: str, kind: str, expected: list[str], chromium: Chromium, site: Path
) -> None:
    page = chromium.open(address(site))
    assert count(page) == "6 of 6 advisories"
    page.type("input[name=q]", words)
    page.choose("select[name=severity]", severity)
    page.choose("select[name=kind]", kind)
    assert page.run(SHOWN) == expected
    assert count(page) == f"{len(expected)} of 6 advisories"
    page.type("input[name=q]", "")
    page.choose("select[name=severity]", "")
    page.choose("select[name=kind]", "")
    assert len(page.run(SHOWN)) == 6
    assert page.complaints() == []


def test_a_search_has_an_address(chromium: Chromium, site: Path) -> None:
    """Over HTTP, too: a link to a search finds the same."""
    with serve(site) as server:
        page = chromium.open(server.url("/advisories/index.html"))
        page.type("input[name=q]", "CVE-2026-1111")
        found = page.run("location.href")
        assert found.endswith("#q=CVE-2026-1111")
        other = chromium.open(found)
        assert other.run(SHOWN) == ["BJSA-2026:0001"]
        assert other.run('document.querySelector("input").value') == "CVE-2026-1111"
        other.run('location.hash = "#severity=unknown&kind=security"')
        assert other.run("new Promise(done => setTimeout(() => done(" + SHOWN + "), 50))") == [
            "BJSA-2026:0002",
            "BJSA-2026:0003",
        ]
        odd = chromium.open(server.url("/advisories/index.html#severity=odd&x=%FF"))
        assert len(odd.run(SHOWN)) == 6
        assert other.complaints() == odd.complaints() == []
        assert {asked.path for asked in server.asked} == {"/advisories/index.html"}  # and no more


@pytest.mark.parametrize(("width", "dark"), [(320, False), (390, True), (768, False), (1280, True)])
def test_every_page_fits(width: int, dark: bool, chromium: Chromium, site: Path) -> None:
    page = chromium.open(address(site), width, 800, dark)
    for name in [*pages(site), "csaf/index.html"]:
        page.go(address(site, name))
        over = page.run("document.documentElement.scrollWidth - window.innerWidth")
        assert over <= 0, f"{name} is {over} pixels wider than the window"
        assert page.complaints() == [], name
    page.go(address(site))
    assert page.run("getComputedStyle(document.body).backgroundColor") == (DARK if dark else LIGHT)
    is_card = page.run('getComputedStyle(document.querySelector("tbody tr")).display') == "block"
    assert is_card == (width < 736)
    small = page.run(
        'Array.from(document.querySelectorAll("input, select")).filter(e => e.offsetHeight < 44).length'
    )
    assert small == 0  # WCAG 2.2, 2.5.5: fingers need 44 pixels


@pytest.mark.parametrize("width", [320, 1280])
def test_assistive_programs_are_told_all(width: int, chromium: Chromium, site: Path) -> None:
    """Also where the table has become cards."""
    page = chromium.open(address(site), width)
    outline = page.outline()
    assert ("searchbox", "CVE, package or word") in outline
    assert ("combobox", "Severity") in outline
    assert ("status", "") in outline or any(role == "status" for role, _ in outline)
    assert any(role == "heading" and name.startswith("Advisories of") for role, name in outline)
    assert [name for role, name in outline if role == "columnheader"] == [
        "Advisory", "Severity", "Components", "CVEs", "Title", "Issued"
    ]  # fmt: skip
    assert sum(role == "row" for role, _ in outline) == 7
    assert page.run("document.documentElement.lang") == "en"


def luminance(color: str) -> float:
    """WCAG 2.2, relative luminance."""
    parts = [int(part) / 255 for part in re.findall(r"\d+", color)[:3]]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("dark", [False, True])
def test_contrast(width: int, dark: bool, chromium: Chromium, site: Path) -> None:
    """WCAG 2.2, 1.4.3: at least 4.5 to 1, for every severity and all other text."""
    page = chromium.open(address(site), width, 800, dark)
    page.run(
        'document.querySelectorAll(".severity").forEach((e, i) => e.className ='
        ' "severity " + ["critical", "high", "medium", "low", "unknown", "high"][i])'
    )
    pairs = page.run(
        """(() => {
          const under = e => { for (; e; e = e.parentElement) {
            const c = getComputedStyle(e).backgroundColor; if (c !== "rgba(0, 0, 0, 0)") return c; } };
          return Array.from(document.querySelectorAll("h1, a, p, label, input, th, td, .severity, footer"),
            e => [e.tagName + "." + e.className, getComputedStyle(e).color, under(e)]); })()"""
    )
    assert len(pairs) > 30
    for what, ink, paper in pairs:
        one, other = sorted((luminance(ink), luminance(paper)))
        assert (other + 0.05) / (one + 0.05) >= 4.5, f"{what}: {ink} on {paper}"


def test_a_hostile_title_does_not_run(chromium: Chromium, site: Path) -> None:
    page = chromium.open(address(site))
    for name in pages(site):
        page.go(address(site, name))
        assert page.run("new Promise(done => setTimeout(() => done(document.title), 20))") != "owned"
        assert page.run('document.querySelectorAll("img, [onerror]").length') == 0
        assert page.run('document.querySelectorAll("script").length') == (name == "index.html")
    page.go(address(site, "bjsa-2026_0002.html"))
    assert page.run("document.querySelector('[data-field=title]').textContent") == HOSTILE
    page.go(address(site, "bjsa-2026_0001.html"))
    links = page.run('Array.from(document.querySelectorAll("a"), a => a.protocol)')
    assert set(links) <= {"file:", "https:"}


def test_the_policy_stops_what_escaping_would_miss(chromium: Chromium, site: Path, tmp_path: Path) -> None:
    """Were a title written as it is, the browser would still refuse to run it or to fetch for it."""
    text = (site / "advisories/index.html").read_text("utf-8")
    worse = text.replace("<main>", f'<main>{HOSTILE}<b onclick="x()" style="color: red">b</b>')
    (tmp_path / "index.html").write_text(worse, "utf-8")
    page = chromium.open((tmp_path / "index.html").as_uri())
    assert page.run("document.title").startswith("Advisories of")
    assert sum("Content Security Policy" in complaint for complaint in page.complaints()) >= 3
    page.type("input[name=q]", "CVE-2026-1111")
    assert page.run(SHOWN) == ["BJSA-2026:0001"]  # its own script runs as ever


def test_without_a_script_everything_is_there(chromium: Chromium, site: Path) -> None:
    page = chromium.open("about:blank")
    page.call("Emulation.setScriptExecutionDisabled", value=True)
    page.go(address(site))
    roles = [role for role, _ in page.outline()]
    assert roles.count("row") == 7
    assert "searchbox" not in roles
