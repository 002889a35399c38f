"""Our own packages are built from a spec, without network, and the same wherever and whenever."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest
import rpm_rs

from bluejacket.errors import ToolFailed, UserError
from bluejacket.package.spec import Recipe, build_spec
from bluejacket.store import Store
from bluejacket.tools import Sandbox
from debarchive import deb
from debs import BUILT, options
from feeds import SIGNER

SPEC = """\
Name:      example
Version:   %{bj_version}
Release:   1
Summary:   Example of 100%%
License:   MIT
BuildArch: noarch
Source0:   here.txt
Source1:   key.asc

%description
%{bj_text}

%build
date >built-at || true
umask >umask
id -u >user
if getent hosts example.org || ip route 2>/dev/null | grep -q default; then exit 7; fi

%install
install -D -m 0644 %{SOURCE0} %{buildroot}/usr/share/example/here.txt
install -D -m 0644 %{SOURCE1} %{buildroot}/usr/share/example/key.asc
install -D -m 0755 %{_sourcedir}/tools/tool %{buildroot}/usr/share/example/tool
cp umask user %{buildroot}/usr/share/example/

%check
test "%{bj_text}" != "fail the check"

%files
/usr/share/example
"""


def recipe(folder: Path, text: str = "50% done", **changes: object) -> Recipe:
    (folder / "tools").mkdir(parents=True, exist_ok=True)
    (folder / "example.spec").write_text(SPEC)
    (folder / "here.txt").write_text("here\n")
    (folder / "tools/tool").write_text("#!/bin/sh\n")
    (folder / "tools/tool").chmod(0o755)
    values = {
        "name": "example",
        "spec": folder / "example.spec",
        "options": options(),
        "epoch": BUILT,
        "macros": {"bj_version": "4", "bj_text": text},
        "generated": {"key.asc": b"the key\n"},
    }
    return Recipe(**(values | changes))  # type: ignore[arg-type]


def test_the_same_spec_gives_the_same_bytes(
    sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    digests = []
    for number, (zone, mask) in enumerate((("UTC", 0o022), ("Asia/Tokyo", 0o077))):
        monkeypatch.setenv("TZ", zone)
        before = os.umask(mask)
        try:
            folder = tmp_path.joinpath(*["deep"] * number, f"spec{number}")
            store = Store(tmp_path / f"store{number}")
            (made,) = build_spec(store, sandbox, "tools", recipe(folder), SIGNER)
        finally:
            os.umask(before)
        digests.append((made.rpm.name, hashlib.sha256(made.rpm.read_bytes()).hexdigest()))
    assert digests[0] == digests[1]
    package = rpm_rs.Package.open(str(made.rpm))
    assert package.metadata.build_host == "bluejacket"
    assert package.metadata.build_time == BUILT
    assert package.metadata.description == "50% done"
    assert package.metadata.vendor == "Example"
    package.verify_signature(rpm_rs.Verifier(SIGNER.certificate().encode()))
    entries = {entry.path: entry for entry in package.metadata.file_entries()}
    assert entries["/usr/share/example/tool"].permissions == 0o755
    assert {(entry.user, entry.modified_at) for entry in entries.values()} == {("root", BUILT)}
    content = {file.metadata.path.rpartition("/")[2]: bytes(file.content) for file in package.files()}
    assert content["key.asc"] == b"the key\n"
    assert content["umask"] == b"0022\n"


def test_what_a_build_reads_is_in_its_key(sandbox: Sandbox, tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    (first,) = build_spec(store, sandbox, "tools", recipe(tmp_path / "spec"), SIGNER)
    again = build_spec(store, _broken(sandbox), "tools", recipe(tmp_path / "spec"), SIGNER)
    assert again == [first]  # nothing ran
    others = [
        ("tools", recipe(tmp_path / "spec", text="other")),
        ("tools", recipe(tmp_path / "spec", generated={"key.asc": b"another\n"})),
        ("tools", recipe(tmp_path / "spec", epoch=BUILT + 1)),
        ("newer tools", recipe(tmp_path / "spec")),
    ]
    keys = {build_spec(store, sandbox, tools, other, SIGNER)[0].key for tools, other in others}
    assert len(keys | {first.key}) == 5
    (tmp_path / "spec/here.txt").write_text("there\n")
    (tmp_path / "spec/here.txt").chmod(0o600)  # which is no mode that counts
    changed = Recipe(**{f: getattr(recipe(tmp_path / "x"), f) for f in Recipe.__slots__})
    assert build_spec(store, sandbox, "tools", changed, SIGNER)[0].key == first.key


def test_upstream_packages_lie_beside_the_sources(sandbox: Sandbox, tmp_path: Path) -> None:
    """As they are when the spec is built: what they hold is in the step's key."""
    store, upstream = Store(tmp_path / "store"), tmp_path / "upstream.deb"
    for content in (b"one\n", b"two\n"):
        upstream.write_bytes(deb("upstream", files={"usr/share/upstream/data": content})[1])
        wanted = recipe(tmp_path / "spec", unpacked=(upstream,))
        taken = SPEC.replace("%{SOURCE0}", "%{_sourcedir}/foundation/usr/share/upstream/data")
        (tmp_path / "spec/example.spec").write_text(taken)
        (made,) = build_spec(store, sandbox, "tools", wanted, SIGNER)
        files = rpm_rs.Package.open(str(made.rpm)).files()
        assert [bytes(f.content) for f in files if f.metadata.path.endswith("/here.txt")] == [content]


def _broken(sandbox: Sandbox) -> Sandbox:
    return Sandbox(Path("/nonexistent"), sandbox.logs)


def test_a_failed_check_names_its_log(sandbox: Sandbox, tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    with pytest.raises(ToolFailed, match="rpmbuild ended with status 1") as caught:
        build_spec(store, sandbox, "tools", recipe(tmp_path / "spec", text="fail the check"), SIGNER)
    assert caught.value.log is not None
    assert "%check" in caught.value.log.read_text()
    assert not list((tmp_path / "store/steps").glob("*/*"))
    unchecked = recipe(tmp_path / "spec", text="fail the check", options=options(check=False))
    assert len(build_spec(store, sandbox, "tools", unchecked, SIGNER)) == 1


def test_a_missing_spec_is_the_persons_mistake(sandbox: Sandbox, tmp_path: Path) -> None:
    missing = recipe(tmp_path / "spec", spec=tmp_path / "none.spec")
    with pytest.raises(UserError, match="there is no such spec file"):
        build_spec(Store(tmp_path / "store"), sandbox, "tools", missing, SIGNER)
