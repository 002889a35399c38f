"""No change to a feed gets into a machine: rpm and DNF5 refuse it, or it changes nothing installed.

The small samples run always; `long` runs more than a thousand changes.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from bluejacket.feed.compose import KEY_FILE
from bluejacket.feed.verify import dnf, prepare_dnf
from bluejacket.tools import Sandbox
from feeds import SIGNER, STRANGER, THINGS, compose, make, small_feed
from tamper import Change, changes, content, sections

SMALL, FULL = 12, 110
counts = pytest.mark.parametrize("count", [SMALL, pytest.param(FULL, marks=pytest.mark.long)])
METADATA = ("repomd.xml", "repomd.xml.asc", "primary", "filelists", "other")
_WORK, _FEED = "/run/work", "/run/feed"


@pytest.fixture(scope="module")
def feed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_feed(tmp_path_factory.mktemp("feed"))


# -- packages, by rpm alone ---------------------------------------------------------------------


def accepted_by_rpm(box: Sandbox, work: Path, packages: Sequence[Change]) -> set[str]:
    """Give the names of those whose signature and digests rpm finds good."""
    (work / "rpms").mkdir()
    (work / "key.asc").write_text(SIGNER.certificate())
    for package in packages:
        (work / "rpms" / package.name).write_bytes(package.data)
    (work / "script").write_text(
        f"""
mkdir -p {_WORK}/db
rpmkeys --dbpath {_WORK}/db --import {_WORK}/key.asc || exit 9
cd {_WORK}/rpms
printf '%s\\n' * | while read -r name; do
    # One at a time: a package that upsets rpm must not spare the others
    if rpmkeys --dbpath {_WORK}/db --define '_pkgverify_level all' -K "$name" >out 2>&1 &&
        grep -q 'signatures OK' out; then echo "$name"; fi
    rm -f out
done >{_WORK}/accepted
"""
    )
    box.run(["bash", f"{_WORK}/script"], name="tamper-rpm", binds={work: _WORK})
    return set((work / "accepted").read_text().split())


@counts
def test_rpm_refuses_every_change_of_content(
    sandbox: Sandbox, feed: Path, tmp_path: Path, count: int
) -> None:
    originals = {rpm.name: rpm.read_bytes() for rpm in sorted(feed.glob("packages/*/*.rpm"))}
    assert len(originals) == 3
    changed = [
        Change(f"{name}-{change.name}", change.data)
        for name, data in originals.items()
        for section, where in sections(data).items()
        for change in changes(data, where, count, section)
    ]
    assert len(changed) == 3 * 4 * count
    whole = [Change(name, data) for name, data in originals.items()]
    accepted = accepted_by_rpm(sandbox, tmp_path, [*whole, *changed])
    assert accepted >= originals.keys()  # the control: it is the change that is refused
    for change in changed:
        original = originals[next(name for name in originals if change.name.startswith(name))]
        if change.name in accepted:
            assert content(change.data) == content(original), f"{change.name} was accepted"
        elif content(change.data) == content(original):
            continue  # refused for its lead or signature alone, which is as good
    refused = [change for change in changed if change.name not in accepted]
    assert len(refused) > len(changed) // 2


def test_rpm_refuses_another_key_and_no_key(sandbox: Sandbox, tmp_path: Path) -> None:
    import rpm_rs

    good = make(THINGS[0], tmp_path / "good").rpm
    unsigned = rpm_rs.Package.open(str(good))
    unsigned.clear_signatures()
    packages = [
        Change("good", good.read_bytes()),
        Change("strange", make(THINGS[0], tmp_path / "strange", STRANGER).rpm.read_bytes()),
        Change("unsigned", unsigned.to_bytes()),
    ]
    (tmp_path / "work").mkdir()
    assert accepted_by_rpm(sandbox, tmp_path / "work", packages) == {"good"}


# -- feeds, by DNF5 -----------------------------------------------------------------------------


def accepted_by_dnf(
    box: Sandbox, work: Path, feed: Path, variants: dict[str, Callable[[Path], object]], *command: str
) -> set[str]:
    """Give the names of the variants of `feed` with which DNF5 carries out `command`."""
    (work / "feeds").mkdir()
    for name, harm in variants.items():
        shutil.copytree(feed, work / "feeds" / name)
        harm(work / "feeds" / name)
    options = prepare_dnf(work, feed, SIGNER.certificate())
    line = " ".join(dnf(*command))
    (work / "script").write_text(
        f"""
cd {_WORK}/feeds
sed -i 's#^baseurl=.*#baseurl=file:///run/now#' {_WORK}/repos/feed.repo
for name in *; do
    rm -rf {_WORK}/cache /run/now
    ln -s "$PWD/$name" /run/now
    if {line} >{_WORK}/last 2>&1; then echo "$name"; fi
done >{_WORK}/accepted
"""
    )
    box.run(["bash", f"{_WORK}/script"], name="tamper-dnf5", **options)
    return set((work / "accepted").read_text().split())


def put(name: str, data: bytes) -> Callable[[Path], object]:
    def harm(folder: Path) -> None:
        (folder / name).unlink()  # another hard link of it may be the store's
        (folder / name).write_bytes(data)

    return harm


def metadata(feed: Path, kind: str) -> str:
    (found,) = (p.name for p in (feed / "repodata").iterdir() if p.name == kind or f"-{kind}." in p.name)
    return f"repodata/{found}"


@counts
def test_dnf_refuses_changed_metadata(sandbox: Sandbox, feed: Path, tmp_path: Path, count: int) -> None:
    variants: dict[str, Callable[[Path], object]] = {"whole": lambda _: None}
    signed: set[str] = set()
    for kind in METADATA:
        name = metadata(feed, kind)
        data = (feed / name).read_bytes()
        for change in changes(data, (0, len(data)), count, kind):
            variants[change.name] = put(name, change.data)
            if kind == "repomd.xml.asc":
                signed.add(change.name)
    accepted = accepted_by_dnf(sandbox, tmp_path, feed, variants, "makecache")
    assert "whole" in accepted
    # Armour may be laid out otherwise; what it signs is then the same repomd.xml, and all below it.
    assert accepted - {"whole"} <= signed
    assert len(accepted) - 1 < count // 2
    assert len(variants) == len(METADATA) * count + 1


def test_dnf_refuses_what_is_not_signed_by_the_key(sandbox: Sandbox, feed: Path, tmp_path: Path) -> None:
    other = compose(tmp_path / "other", make(THINGS[0], tmp_path / "other"))
    strange = compose(tmp_path / "strange", make(THINGS[0], tmp_path / "strange"), signer=STRANGER)
    asc = "repodata/repomd.xml.asc"
    variants: dict[str, Callable[[Path], object]] = {
        "whole": lambda _: None,
        "unsigned": lambda f: (f / asc).unlink(),
        "other-signature": put(asc, (other / asc).read_bytes()),
        "other-key": lambda f: (shutil.rmtree(f), shutil.copytree(strange, f)),
        "empty-signature": put(asc, b""),
        "key-for-signature": put(asc, (feed / "repodata" / KEY_FILE).read_bytes()),
    }
    assert accepted_by_dnf(sandbox, tmp_path, feed, variants, "makecache") == {"whole"}


@counts
def test_dnf_refuses_changed_packages(sandbox: Sandbox, feed: Path, tmp_path: Path, count: int) -> None:
    """Here every change counts, also one of padding: the metadata have the hash of the whole file."""
    name = "packages/s/second-2.0-1.noarch.rpm"
    data = (feed / name).read_bytes()
    first = (feed / "packages/f/first-1.0-1.noarch.rpm").read_bytes()
    variants: dict[str, Callable[[Path], object]] = {"whole": lambda _: None, "swapped": put(name, first)}
    for section, where in sections(data).items():
        for change in changes(data, where, max(count // 4, 3), section):
            variants[change.name] = put(name, change.data)
    accepted = accepted_by_dnf(sandbox, tmp_path, feed, variants, "install", "--downloadonly", "second")
    assert accepted == {"whole"}


@pytest.mark.parametrize("signer", [SIGNER, STRANGER], ids=["our key", "another key"])
def test_dnf_installs_only_what_our_key_has_signed(sandbox: Sandbox, tmp_path: Path, signer: object) -> None:
    """A feed whose metadata are signed by us does not make up for a package that is not."""
    assert signer in (SIGNER, STRANGER)
    feed = compose(tmp_path, make(THINGS[0], tmp_path, SIGNER if signer is SIGNER else STRANGER))
    (tmp_path / "work").mkdir()
    accepted = accepted_by_dnf(
        sandbox, tmp_path / "work", feed, {"whole": lambda _: None}, "install", "first"
    )
    assert accepted == ({"whole"} if signer is SIGNER else set())
    assert (tmp_path / "work/root/usr/lib/first/data").exists() is (signer is SIGNER)
