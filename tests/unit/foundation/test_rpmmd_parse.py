"""Metadata from outside is understood, or refused by name; nothing else happens."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bluejacket.foundation.rpmmd.comps import parse_comps
from bluejacket.foundation.rpmmd.metalink import parse_metalink, parse_mirrorlist
from bluejacket.foundation.rpmmd.modules import parse_modules
from bluejacket.foundation.rpmmd.repomd import parse_repomd
from bluejacket.foundation.rpmmd.updateinfo import parse_updateinfo
from bluejacket.foundation.rpmmd.xml import Malformed
from rpmrepo import metalink

SHA256 = "ab" * 32
REPOMD = f"""<?xml version="1.0" encoding="UTF-8"?>
<repomd xmlns="http://linux.duke.edu/metadata/repo"><revision>1700000000</revision>
<data type="primary"><checksum type="sha256">{SHA256}</checksum>
<open-checksum type="sha256">{SHA256}</open-checksum><location href="repodata/primary.xml.zst"/>
<timestamp>1700000001.5</timestamp><size>10</size><open-size>100</open-size></data>
<data type="primary_zck"><checksum type="sha256">{SHA256}</checksum><location href="x.zck"/></data>
<data type="primary_db"><checksum type="sha">aa</checksum><location href="x.sqlite"/></data>
<data type="news"><checksum type="sha512">{SHA256 * 2}</checksum><location href="news.txt"/></data>
</repomd>""".encode()
METALINK = metalink(["https://a.example/x/", "http://b.example/x/"], REPOMD, 1000, [(b"older", 900)])
COMPS = b"<comps><group><id>core</id><packagelist><packagereq>bash</packagereq></packagelist></group></comps>"
UPDATES = b'<updates><update type="security"><id>A-1</id><title>CVE-2026-1234</title></update></updates>'
MODULES = b"document: modulemd\ndata: {name: a, stream: '1', version: 1, artifacts: {rpms: [a-0:1-1.x]}}\n"
MIRRORS = b"# mirrors\nhttps://a.example/x/\n\nhttp://b.example/x/repodata/repomd.xml\nrsync://c.example/\n"
PARSERS: dict[str, tuple[Callable[[bytes, str], object], bytes]] = {
    "repomd": (parse_repomd, REPOMD),
    "metalink": (parse_metalink, METALINK),
    "mirrorlist": (parse_mirrorlist, MIRRORS),
    "comps": (parse_comps, COMPS),
    "updateinfo": (parse_updateinfo, UPDATES),
    "modules": (parse_modules, MODULES),
}


def test_repomd() -> None:
    repomd = parse_repomd(REPOMD, "repomd.xml")
    assert sorted(repomd.data) == ["news", "primary"], "databases and zchunk are nobody's"
    primary = repomd.data["primary"]
    assert (repomd.revision, primary.timestamp, primary.size, primary.open_size) == (
        "1700000000",
        1700000001,
        10,
        100,
    )


def test_metalink() -> None:
    found = parse_metalink(METALINK, "metalink")
    assert found.bases == ("https://a.example/x/", "http://b.example/x/")
    assert [one.timestamp for one in found.acceptable(not_before=900)] == [1000, 900]
    assert [one.timestamp for one in found.acceptable(not_before=901)] == [1000]


def test_mirrorlist() -> None:
    assert parse_mirrorlist(MIRRORS, "list") == ("https://a.example/x/", "http://b.example/x/")
    with pytest.raises(Malformed, match="list names no mirror; it says: # repo = none, error"):
        parse_mirrorlist(b"# repo = none, error\n", "list")


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        (b'type="sha256">ab', b'type="md5">ab', "gives no SHA-256 or SHA-512 of its primary metadata"),
        (
            b'<checksum type="sha256">ab',
            b'<checksum type="sha256">zz',
            "holds a sha256 of primary that is none",
        ),
        (b'"primary"', b'"secondary"', "names no primary metadata"),
        (b"repodata/primary", b"%2e%2e/primary", "which is not inside the repository"),
        (b"<repomd ", b"<metalink ", "mismatched tag"),
    ],
)
def test_repomd_faults(old: bytes, new: bytes, told: str) -> None:
    with pytest.raises(Malformed) as caught:
        parse_repomd(REPOMD.replace(old, new, 1), "repomd.xml")
    assert told in str(caught.value)


@pytest.mark.parametrize("name", PARSERS)
@given(data=st.data())
def test_rubbish_is_refused(name: str, data: st.DataObject) -> None:
    parse, good = PARSERS[name]
    at = data.draw(st.integers(0, len(good)))
    cut = data.draw(st.integers(0, 30))
    piece = data.draw(
        st.one_of(st.binary(max_size=20), st.text("[]<>&;:/%\x85é'\"{}-", max_size=8).map(str.encode))
    )
    with suppress(Malformed):
        parse(good[:at] + piece + good[at + cut :], name)
