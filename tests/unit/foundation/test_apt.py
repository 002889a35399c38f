"""What this machine's apt is set to, asked of the real `apt-config` with a configuration of our own."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from bluejacket.foundation.debian.apt import Apt, switch
from bluejacket.foundation.fetch import Proxies

# apt.conf(5): $APT_CONFIG is read first, so that the machine's own files are left out of it.
ALONE = 'Dir::Etc::main "/dev/null";\nDir::Etc::parts "/dev/null";\n'


@pytest.fixture
def configure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file that apt reads, with nothing set in it yet."""
    file = tmp_path / "apt.conf"
    file.write_text(ALONE)
    monkeypatch.setenv("APT_CONFIG", str(file))
    return file


STALE = """Origin: example
Suite: example
Date: Sat, 01 Nov 2025 00:00:00 UTC
Valid-Until: Sun, 02 Nov 2025 00:00:00 UTC
SHA256:
 e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855 0 Packages
"""
PLACES = """Dir::State "{0}";
Dir::State::status "{0}/status";
Dir::Cache "{0}/cache";
Dir::Etc::sourcelist "{0}/sources.list";
Dir::Etc::sourceparts "/dev/null";
APT::Sandbox::User "";
"""
SAID = ["false", "no", "off", "without", "disable", "true", "yes", "on", "with", "enable"]
NUMBERS = [
    "0",
    "1",
    "00",
    "01",
    "0x0",
    "0X1",
    "+0",
    "-0",
    " 1",
    "\t0",
    "2",
    "-1",
    "08",
    "0x",
    "+",
    "1.",
    "0 ",
]
VAST = ["4294967296", "4294967297", "0x100000000", "99999999999999999999", "-99999999999999999999"]


def apt_checks(configure: Path) -> bool:
    """Have apt itself read an expired index, with what is set in its configuration."""
    top = configure.parent
    for folder in ("index", "lists/partial", "cache/archives/partial"):
        (top / folder).mkdir(parents=True, exist_ok=True)
    (top / "index/Release").write_text(STALE)
    for empty in ("index/Packages", "status"):
        (top / empty).touch()
    (top / "sources.list").write_text(f"deb [trusted=yes] copy:{top}/index ./\n")
    configure.write_text(configure.read_text() + PLACES.format(top))
    done = subprocess.run(["apt-get", "update"], capture_output=True, text=True, check=False)
    assert done.returncode == (100 if "is expired" in done.stderr else 0), done.stderr
    return "is expired" in done.stderr


def test_by_default_an_expired_index_is_refused(configure: Path) -> None:
    assert Apt().checks_valid_until()
    assert apt_checks(configure)


@pytest.mark.parametrize("value", [*SAID, *NUMBERS, *VAST, "FALSE", "No", "", "no ", "maybe", "none", "n"])
def test_a_switch_is_what_apt_takes_it_for(configure: Path, value: str) -> None:
    configure.write_text(f'{ALONE}acquire::check-valid-until "{value}";\n')
    assert Apt().checks_valid_until() == apt_checks(configure)


def test_words_for_on_and_off_are_known_as_such() -> None:
    """Both ways, whatever stands where a value says neither."""
    for default in (False, True):
        assert [switch(word, default=default) for word in SAID] == [False] * 5 + [True] * 5
        assert switch("maybe", default=default) is default


@pytest.mark.parametrize("value", [*SAID, "0", "1", "2", "No", "maybe"])
def test_a_source_is_enabled_if_apt_takes_it_for_that(configure: Path, value: str) -> None:
    parts = configure.parent / "etc/apt/sources.list.d"
    parts.mkdir(parents=True)
    (parts / "one.sources").write_text(
        f"Types: deb\nURIs: http://deb.example/debian\nSuites: forky\nComponents: main\nEnabled: {value}\n"
    )
    configure.write_text(
        f'{ALONE}Dir::State "{configure.parent}";\nDir::Cache "{configure.parent}/cache";\n'
        f'Dir::Etc::sourcelist "/dev/null";\nDir::Etc::sourceparts "{parts}";\n'
    )
    for folder in ("lists/partial", "cache/archives/partial"):
        (configure.parent / folder).mkdir(parents=True)
    command = ["apt-get", "update", "--print-uris"]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert set(Apt(configure.parent).uris()) == set(re.findall("'(.*)/dists/", told))


def test_the_last_word_counts(configure: Path, tmp_path: Path) -> None:
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts/90late").write_text("Acquire { Check-Valid-Until no; };\n")
    parts = f'Dir::Etc::main "/dev/null";\nDir::Etc::parts "{tmp_path}/parts";\n'
    configure.write_text(f'{parts}Acquire::Check-Valid-Until "true";\n')
    assert not Apt().checks_valid_until()
    assert not apt_checks(configure)


def test_proxies_are_those_of_apt(configure: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://of-the-environment.example:1/")
    configure.write_text(
        f'{ALONE}Acquire::http::Proxy "http://proxy.example:3128/";\n'
        'Acquire::http::Proxy::near.example "DIRECT";\n'
    )
    proxy = "http://proxy.example:3128/"
    assert Apt().proxies() == Proxies(http=proxy, https=proxy, direct=("near.example",))
    configure.write_text(ALONE)
    assert Apt().proxies() == Proxies.from_environment()
