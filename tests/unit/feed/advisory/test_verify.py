"""Whatever one format says otherwise than the others, the packages or the images, is named."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from advisories import CVE, HOSTILE, Laid, images_of, lay, put, put_updateinfo
from bluejacket.definition import Release
from bluejacket.feed.advisory import Advisory, NotAffected, Reference
from bluejacket.feed.advisory.held import holding
from bluejacket.feed.advisory.names import writable
from bluejacket.feed.advisory.verify import verify_advisories
from feeds import SIGNER, STRANGER

ID, STEM = "BJSA-2026:0001", "bjsa-2026_0001"
UPDATEINFO = "repodata/updateinfo.xml"
OSV = f"advisories/osv/{STEM}.json"
VEX = f"advisories/csaf/2026/{STEM}.json"
SPARED = "advisories/csaf/2025/bjsa-2026_0003.json"
PAGE = f"advisories/{STEM}.html"
INDEX = "advisories/index.html"


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory, release: Release) -> Laid:
    return lay(tmp_path_factory.mktemp("sound"), release)


@pytest.fixture
def laid(sound: Laid, tmp_path: Path) -> Laid:
    """A snapshot of one's own to damage."""
    shutil.copytree(sound.folder, tmp_path / "snapshot")
    return dataclasses.replace(
        sound, folder=tmp_path / "snapshot", manifest=[dict(r) for r in sound.manifest]
    )


def told(laid: Laid, **options: Any) -> list[tuple[str, str, str]]:
    """Where and about what there are disagreements."""
    found = verify_advisories(laid.folder, images_of(laid), **options)
    return [(one.file, one.id, one.field) for one in found]


def issue(laid: Laid, release: Release, *advisories: Advisory) -> None:
    """Write others in all formats."""
    shutil.rmtree(laid.folder / "advisories")
    put(laid.folder, advisories, release)


def change(file: Path, old: str, new: str) -> None:
    text = file.read_text("utf-8")
    assert old in text, f"{old!r} is not in {file.name}"
    file.write_text(text.replace(old, new), "utf-8")


def rewrite(file: Path, edit: Callable[[Any], object]) -> None:
    """Change a JSON file, and whatever is only a copy or a digest of it."""
    table = json.loads(file.read_text("utf-8"))
    edit(table)
    data = json.dumps(table).encode()
    file.write_bytes(data)
    for kind in ("sha256", "sha512"):
        if Path(f"{file}.{kind}").exists():
            Path(f"{file}.{kind}").write_text(f"{hashlib.new(kind, data).hexdigest()}  {file.name}\n")
    (file.parent / "all.zip").unlink(missing_ok=True)


def test_what_is_written_agrees(sound: Laid) -> None:
    certificate = SIGNER.certificate()
    assert verify_advisories(sound.folder, images_of(sound), certificate=certificate) == []


@pytest.mark.parametrize(
    ("field", "old", "new"),
    [
        ("id", "<id>BJSA-2026:0001</id>", "<id>BJSA-2026:0009</id>"),
        ("kind", 'type="security"', 'type="bugfix"'),
        ("severity", "<severity>Important", "<severity>Low"),
        ("title", "two faults in TLS", "three faults in TLS"),
        ("description", "crash a server", "crash a client"),
        ("issued", '<issued date="2026-09-21 14:13:20"', '<issued date="2026-09-21 14:13:21"'),
        ("updated", '<updated date="2026-09-22', '<updated date="2026-09-23'),
        ("cves", f'id="{CVE}"', 'id="CVE-2026-99999"'),
        ("references", "https://www.cve.org", "https://cve.example"),
        ("fixed", 'version="2.0"', 'version="2.1"'),
        ("fixed", 'epoch="1"', 'epoch="2"'),
        ("fixed", 'name="second"', 'name="second2"'),
        ("fixed", 'arch="noarch"', 'arch="x86_64"'),
        ("files", '<sum type="sha256">', '<sum type="sha256">0'),
        ("files", "<filename>first-1.0-1", "<filename>first-1.0-2"),
        ("reboot", "          <reboot_suggested>True</reboot_suggested>\n", ""),
        ("reboot", "</description>\n    <reboot_suggested>True</reboot_suggested>", "</description>"),
        ("relogin", "<relogin_suggested>True</relogin_suggested>", ""),
    ],
)
def test_updateinfo(field: str, old: str, new: str, laid: Laid) -> None:
    change(laid.folder / UPDATEINFO, old, new)
    found = told(laid)
    assert field in {one[2] for one in found}
    assert {one[0] for one in found} == {UPDATEINFO}


def first(table: Any) -> Any:
    return table["affected"][0]


@pytest.mark.parametrize(
    ("field", "edit"),
    [
        ("severity", lambda t: t["database_specific"].update(severity="low")),
        ("severity_source", lambda t: t["database_specific"].update(severity_source="nobody")),
        ("title", lambda t: t.update(summary="less")),
        ("description", lambda t: t.update(details="less")),
        ("issued", lambda t: t.update(published="2026-09-21T14:13:21Z")),
        ("updated", lambda t: t.update(modified="2026-09-21T14:13:21Z")),
        ("cves", lambda t: t["upstream"].append("CVE-2026-99999")),
        ("components", lambda t: first(t)["ranges"][0]["events"][1].update(fixed="9-1")),
        ("components", lambda t: first(t)["package"].update(name="other", purl="pkg:rpm/b/other?arch=src")),
        ("content", lambda t: first(t)["package"].update(name="other")),
        ("components", lambda t: t["affected"].pop()),
        ("binaries", lambda t: first(t)["ecosystem_specific"]["binaries"][0].update(first="9-1")),
        ("files", lambda t: first(t)["database_specific"]["sha256"].update({"first-1.0-1.noarch.rpm": "0"})),
        ("references", lambda t: t["references"].append({"type": "WEB", "url": "https://else.example/"})),
        ("content", lambda t: first(t)["ranges"][0]["events"][0].update(introduced="1")),
        ("content", lambda t: t.pop("affected")),
    ],
)
def test_osv(field: str, edit: Callable[[Any], object], laid: Laid) -> None:
    rewrite(laid.folder / OSV, edit)
    assert (OSV, "" if field == "content" else ID, field) in told(laid)


def fix(table: Any) -> Any:
    return table["vulnerabilities"][0]


def helper(table: Any) -> Any:
    """How the first package is identified."""
    branches = table["product_tree"]["branches"][0]["branches"]
    architecture = next(branch for branch in branches if branch["category"] == "architecture")
    return architecture["branches"][0]["product"]["product_identification_helper"]


@pytest.mark.parametrize(
    ("field", "edit"),
    [
        ("severity", lambda t: t["document"]["aggregate_severity"].update(text="low")),
        ("severity", lambda t: t["document"].pop("aggregate_severity")),
        ("severity_source", lambda t: t["document"]["notes"].pop()),
        ("title", lambda t: t["document"].update(title="less")),
        ("description", lambda t: t["document"]["notes"][0].update(text="less")),
        ("issued", lambda t: t["document"]["tracking"].update(initial_release_date="2026-01-01T00:00:00Z")),
        ("updated", lambda t: t["document"]["tracking"].update(current_release_date="2026-01-01T00:00:00Z")),
        ("cves", lambda t: fix(t).update(cve="CVE-2026-99999")),
        ("fixed", lambda t: fix(t)["product_status"]["fixed"].pop()),
        ("fixed", lambda t: t["product_tree"]["relationships"][0].update(product_reference="nowhere")),
        ("files", lambda t: helper(t)["hashes"][0].update(filename="x")),
        ("not_affected", lambda t: t["vulnerabilities"][1]["flags"][0].update(label="component_present")),
        ("not_affected", lambda t: t["vulnerabilities"][1].pop("flags")),
        ("references", lambda t: t["document"]["references"].pop()),
        ("reboot", lambda t: fix(t)["remediations"][0]["restart_required"].update(category="none")),
        ("reboot", lambda t: t["vulnerabilities"][0]["remediations"].append(
            t["vulnerabilities"][0]["remediations"][0] | {"restart_required": {"category": "none"}})),
        ("content", lambda t: helper(t).update(purl="pkg:rpm/bluejacket/x@1?arch=x86_64")),
        ("content", lambda t: t.pop("product_tree")),
        ("content", lambda t: t.update(document=[])),
    ],
)  # fmt: skip
def test_csaf(field: str, edit: Callable[[Any], object], laid: Laid) -> None:
    rewrite(laid.folder / VEX, edit)
    found = told(laid)
    where = {one[2] for one in found if one[0] == VEX}
    assert field in where or ("content" in where and field == "fixed")


@pytest.mark.parametrize(
    ("file", "field", "old", "new"),
    [
        (PAGE, "title", "two faults", "three faults"),
        (PAGE, "description", "crash a server", "crash a client"),
        (PAGE, "kind", 'data-value="security"', 'data-value="bugfix"'),
        (PAGE, "severity", '"severity">high', '"severity">low'),
        (PAGE, "severity_source", '"severity_source">Debian', '"severity_source">nobody'),
        (PAGE, "issued", 'datetime="2026-09-21T14', 'datetime="2026-09-21T15'),
        (PAGE, "updated", 'datetime="2026-09-22T14', 'datetime="2026-09-22T15'),
        (PAGE, "reboot", 'data-field="reboot"', 'data-field="later"'),
        (PAGE, "cves", f'<code data-field="cve">{CVE}', '<code data-field="cve">CVE-2026-99999'),
        (PAGE, "sources", '"sources">first', '"sources">fist'),
        (PAGE, "fixed", "first-1.0-1.noarch", "first-1.0-2.noarch"),
        (PAGE, "components", "first 1.0-1", "first 1.0-2"),
        (PAGE, "digests", "<code>", "<code>0"),
        (PAGE, "not_affected", "component_not_present", "vulnerable_code_not_present"),
        (PAGE, "references", 'href="https://www.cve.org', 'href="https://cve.example'),
        (PAGE, "content", 'data-field="severity"', 'data-field="severities"'),
        (INDEX, "severity", 'data-severity="high"', 'data-severity="low"'),
        (INDEX, "severity", '"severity">high', '"severity">low'),
        (INDEX, "kind", 'data-kind="security"', 'data-kind="bugfix"'),
        (INDEX, "title", "two faults", "three faults"),
        (INDEX, "issued", 'datetime="2026-09-21T14', 'datetime="2026-09-21T15'),
        (INDEX, "sources", '"sources">first', '"sources">fist'),
        (INDEX, "id", f'data-id="{ID}"', 'data-id="BJSA-2026:0002"'),
        (INDEX, "content", f'href="{STEM}.html"', 'href="elsewhere.html"'),
    ],
)
def test_pages(file: str, field: str, old: str, new: str, laid: Laid) -> None:
    change(laid.folder / file, old, new)
    assert (file, "" if field == "content" else ID, field) in told(laid)


@pytest.mark.parametrize(
    ("field", "edit", "extra"),
    [
        ("severity", lambda row: row.update(severity="low"), {OSV, INDEX}),
        ("cves", lambda row: row["cves"].append("CVE-2026-99999"), {OSV, "advisories.json"}),
        ("fixed", lambda row: row["fixed"].pop(), set()),
        ("not_affected", lambda row: row.pop("not_affected"), set()),
    ],
)
def test_the_record_itself(field: str, edit: Callable[[Any], object], extra: set[str], laid: Laid) -> None:
    """Then all formats disagree with it."""
    rewrite(laid.folder / "advisories.json", lambda table: edit(table["advisories"][0]))
    files = {one[0] for one in told(laid) if one[2] == field}
    assert files == {VEX, PAGE} | (set() if field == "not_affected" else {UPDATEINFO}) | extra


def test_a_number_used_twice(laid: Laid) -> None:
    rewrite(
        laid.folder / "advisories.json",
        lambda table: table["advisories"].append(table["advisories"][0] | {"id": "BJSA-2026#0001"}),
    )
    assert ("advisories.json", "BJSA-2026#0001", "id") in told(laid)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"advisories": [{}]}', b"\xff", b"null"])
def test_a_record_that_is_none(content: bytes, laid: Laid) -> None:
    (laid.folder / "advisories.json").write_bytes(content)
    assert told(laid) == [("advisories.json", "", "content")]


@pytest.mark.parametrize(
    ("file", "expected"),
    [
        (OSV, ("advisories/osv", ID, "id")),
        (VEX, ("advisories/csaf", ID, "id")),
        (PAGE, ("advisories", ID, "id")),
        (INDEX, (INDEX, "BJSA-2026:0002", "id")),
        (UPDATEINFO, ("repodata/updateinfo.xml", "", "content")),
        ("repodata/repomd.xml", ("repodata/repomd.xml", "", "content")),
        ("advisories/osv/all.zip", ("advisories/osv/all.zip", "", "content")),
        ("advisories/csaf/index.txt", ("advisories/csaf/index.txt", "", "content")),
        ("advisories/csaf/changes.csv", ("advisories/csaf/changes.csv", "", "content")),
        (f"{VEX}.sha512", (f"{VEX}.sha512", "", "content")),
        (f"{VEX}.asc", (f"{VEX}.asc", "", "signature")),
    ],
)
def test_a_missing_file(file: str, expected: tuple[str, str, str], laid: Laid) -> None:
    (laid.folder / file).unlink()
    assert expected in told(laid, certificate=SIGNER.certificate())


@pytest.mark.parametrize("file", [OSV, VEX, PAGE, UPDATEINFO])
@pytest.mark.parametrize("content", [b"", b"{}", b"\xff\xfe", b"<a>", b"null"])
def test_a_file_that_is_none(file: str, content: bytes, laid: Laid) -> None:
    (laid.folder / file).write_bytes(content)
    assert file in {one[0] for one in told(laid)}


@pytest.mark.parametrize(
    ("file", "other"),
    [
        (OSV, "advisories/osv/bjsa-2026_0009.json"),
        (VEX, f"advisories/csaf/2025/{STEM}.json"),
        (PAGE, "advisories/other.html"),
    ],
)
def test_a_file_in_the_wrong_place(file: str, other: str, laid: Laid) -> None:
    (laid.folder / file).rename(laid.folder / other)
    assert (other, ID, "file name") in told(laid)


def test_an_advisory_that_nobody_issued(laid: Laid) -> None:
    rewrite(laid.folder / OSV, lambda table: table.update(id="BJSA-2026:0077"))
    found = told(laid)
    assert (OSV, "BJSA-2026:0077", "id") in found
    assert ("advisories/osv", ID, "id") in found


def test_an_advisory_in_a_format_that_it_has_no_place_in(laid: Laid) -> None:
    rewrite(laid.folder / OSV, lambda table: table.update(id="BJBA-2026:0004"))
    assert (OSV, "BJBA-2026:0004", "id") in told(laid)


def test_the_archive_of_osv(laid: Laid) -> None:
    change(laid.folder / OSV, "high", "high ")
    assert ("advisories/osv/all.zip", "", f"{STEM}.json") in told(laid)


@pytest.mark.parametrize(("file", "old"), [("index.txt", STEM), ("changes.csv", "2026-09-22T14")])
def test_the_lists_of_csaf(file: str, old: str, laid: Laid) -> None:
    change(laid.folder / "advisories/csaf" / file, old, "2027-09-22T14")
    assert told(laid) == [(f"advisories/csaf/{file}", "", "documents")] * 2


def test_hashes_and_signatures(laid: Laid) -> None:
    change(laid.folder / f"{SPARED}.sha256", "  ", "0  ")
    assert told(laid) == [(f"{SPARED}.sha256", "", "sha256")]
    change(laid.folder / f"{SPARED}.sha256", "0  ", "  ")
    found = told(laid, certificate=STRANGER.certificate())
    assert {one[2] for one in found} == {"signature"}
    assert len(found) == 3


@pytest.mark.parametrize("what", [{"sha256": "0" * 64}, {"filename": "other-1.0-1.noarch.rpm"}], ids=str)
def test_another_file_than_the_fixed_one(what: dict[str, str], laid: Laid, release: Release) -> None:
    one, *others = laid.advisories
    worse = dataclasses.replace(one.fixed[0], **what)  # type: ignore[arg-type]
    issue(laid, release, dataclasses.replace(one, fixed=(worse, one.fixed[1])), *others)
    assert told(laid) == [("advisories.json", ID, "file")]


def test_cves_that_are_not_fixed_alike(laid: Laid, release: Release) -> None:
    """All packages of an advisory fix all of its CVEs; a document in which one does less is told."""
    one, *others = laid.advisories
    issue(laid, release, with_another_cve(one), *others)
    rewrite(laid.folder / VEX, lambda table: fix(table)["product_status"]["fixed"].pop())
    assert (VEX, "", "content") in told(laid, written=[ID])


@pytest.mark.parametrize(("version", "agrees"), [("0.9", True), ("1.1", False)])
def test_superseded_or_absent(version: str, agrees: bool, laid: Laid, release: Release) -> None:
    """What the feed holds is newer than what is fixed, or it has no fix."""
    one, *others = laid.advisories
    moved = dataclasses.replace(
        one.fixed[0], version=version, filename=f"first-{version}-1.noarch.rpm", source_evr=f"{version}-1"
    )
    issue(laid, release, dataclasses.replace(one, fixed=(moved, one.fixed[1])), *others)
    expected = [("advisories.json", ID, "fixed"), ("image vm", ID, "fixed")]
    assert told(laid) == ([] if agrees else expected)


@pytest.mark.parametrize(
    ("source", "version", "agrees"),
    [
        ("first", "0.9-1", True),
        ("first", "1.0-1", False),
        ("gone", "0.9-1", False),
        ("second", "1:1.9-1", True),  # SOURCERPM has no epoch
        ("second", "1:2.0-1", False),
    ],
)
def test_renamed(source: str, version: str, agrees: bool, laid: Laid, release: Release) -> None:
    """A library's package gets another name with each ABI; its component goes on."""
    one, *others = laid.advisories
    moved = dataclasses.replace(one.fixed[0], name="libfirst0", source=source, source_evr=version)
    issue(laid, release, dataclasses.replace(one, fixed=(moved, one.fixed[1])), *others)
    assert told(laid) == ([] if agrees else [("advisories.json", ID, "fixed")])


def test_a_component_that_goes_on_excuses_no_older_package(laid: Laid, release: Release) -> None:
    """A package of the fixed one's very name is older: machines would keep the fault."""
    one, *others = laid.advisories
    moved = dataclasses.replace(
        one.fixed[0], version="1.1", filename="first-1.1-1.noarch.rpm", source="third", source_evr="2-1"
    )
    issue(laid, release, dataclasses.replace(one, fixed=(moved, one.fixed[1])), *others)
    assert ("advisories.json", ID, "fixed") in told(laid)


def test_a_component_that_is_gone_is_told_once(laid: Laid, release: Release) -> None:
    one, *others = laid.advisories
    gone = dataclasses.replace(one.fixed[0], name="gone", source="gone", filename="gone-1.0-1.noarch.rpm")
    issue(laid, release, dataclasses.replace(one, fixed=(gone,)), *others)
    assert told(laid) == [("advisories.json", ID, "fixed")]


def withdrawn(laid: Laid, release: Release) -> None:
    """Withdraw the advisory of a component that is gone."""
    one, *others = laid.advisories
    gone = dataclasses.replace(one.fixed[0], name="gone", source="gone", filename="gone-1.0-1.noarch.rpm")
    told = dataclasses.replace(
        one, fixed=(gone,), withdrawn=one.updated, withdrawn_because="gone left the feed"
    )
    issue(laid, release, told, *others)


def test_what_is_withdrawn_need_not_be_there(laid: Laid, release: Release) -> None:
    withdrawn(laid, release)
    assert told(laid) == []


def revisions(table: Any) -> Any:
    return table["document"]["tracking"]["revision_history"]


@pytest.mark.parametrize(
    ("file", "field", "edit"),
    [
        (OSV, "withdrawn", lambda t: t.pop("withdrawn")),
        (OSV, "withdrawn_because", lambda t: t["database_specific"].update(withdrawn_because="so")),
        (VEX, "withdrawn", lambda t: revisions(t)[1].update(summary="Amended.")),
        (VEX, "withdrawn_because", lambda t: t["document"]["notes"].pop()),
        (VEX, "amended", lambda t: revisions(t)[1].update(date="2026-09-22T14:13:18Z")),
    ],
)
def test_a_withdrawal_that_one_format_does_not_tell(
    file: str, field: str, edit: Callable[[Any], object], laid: Laid, release: Release
) -> None:
    withdrawn(laid, release)
    rewrite(laid.folder / file, edit)
    assert (file, ID, field) in told(laid)


@pytest.mark.parametrize(
    ("file", "old"),
    [(PAGE, 'data-field="withdrawn"'), (PAGE, "gone left"), (INDEX, 'data-field="withdrawn"')],
)
def test_a_withdrawal_that_a_page_does_not_tell(file: str, old: str, laid: Laid, release: Release) -> None:
    withdrawn(laid, release)
    change(laid.folder / file, old, "gone has left")
    assert {one[:2] for one in told(laid)} == {(file, ID)}


def test_dnf_is_not_told_of_what_is_withdrawn(laid: Laid, release: Release) -> None:
    withdrawn(laid, release)
    one, *others = laid.advisories
    put_updateinfo(laid.folder, (one, *others), release)
    assert (ID, "id") in {(name, field) for _, name, field in told(laid)}


def test_what_turned_out_to_be_unaffected_is_no_fix(laid: Laid, release: Release) -> None:
    """Then DNF and OSV are told nothing."""
    one, *others = laid.advisories
    issue(laid, release, dataclasses.replace(one, cves=(), references=()), *others)
    assert told(laid) == []
    assert not (laid.folder / OSV).exists()


def with_another_cve(advisory: Advisory, *references: Reference) -> Advisory:
    more = Reference("cve", "CVE-2026-99999", "https://www.cve.org/CVERecord?id=CVE-2026-99999")
    listed = (*advisory.references, more, *references)
    return dataclasses.replace(advisory, cves=(CVE, "CVE-2026-99999"), references=listed)


def test_a_cve_that_no_changelog_names(laid: Laid, release: Release) -> None:
    one, *others = laid.advisories
    issue(laid, release, with_another_cve(one), *others)
    assert told(laid) == [("advisories.json", ID, "cves")]
    assert told(laid, written=[ID]) == []


def test_a_cve_that_the_foundation_names(laid: Laid, release: Release) -> None:
    one, *others = laid.advisories
    vendor = Reference("vendor", "FEDORA-2026-1", "https://updates.example/FEDORA-2026-1")
    issue(laid, release, with_another_cve(one, vendor), *others)
    assert told(laid) == []


def test_the_whole_changelog_counts(laid: Laid) -> None:
    """The metadata hold the newest entries only; the package itself has all, where it is there."""
    first = holding(laid.folder).by_name["first"][0]
    assert "Older" not in first.changes
    assert holding(laid.folder).mentions(first, "Older")
    assert not holding(laid.folder).mentions(first, "Oldest")
    (laid.folder / first.location).unlink()
    assert not holding(laid.folder).mentions(first, "Older")
    assert holding(laid.folder).mentions(first, CVE)


def test_a_component_that_is_there_after_all(laid: Laid, release: Release) -> None:
    one, *others = laid.advisories
    spared = (NotAffected("CVE-2026-4444", "second", "component_not_present"),)
    issue(laid, release, dataclasses.replace(one, not_affected=spared), *others)
    found = verify_advisories(laid.folder, images_of(laid))
    assert {one.field for one in found} == {"not_affected"}
    assert [one.other for one in found] == ["repodata", "image vm"]


def test_an_image_with_another_file(laid: Laid) -> None:
    laid.manifest[0]["sha256"] = "0" * 64
    assert told(laid) == [("image vm", "", "sha256 of first-1.0-1.noarch")]


def test_an_image_without_the_fix(laid: Laid) -> None:
    laid.manifest[1]["evr"] = "1:1.9-1"
    assert told(laid) == [("image vm", "", "packages"), ("image vm", ID, "fixed")]
    laid.manifest[1]["arch"] = "x86_64"  # which the fix, of no architecture, takes the place of
    assert told(laid) == [("image vm", "", "packages"), ("image vm", ID, "fixed")]


def test_a_sentence_names_both_sides(laid: Laid) -> None:
    rewrite(laid.folder / OSV, lambda table: table["database_specific"].update(severity="low"))
    found = [str(one) for one in verify_advisories(laid.folder) if one.field == "severity"]
    assert found == [f'{OSV}: {ID}: severity: "low"; advisories.json: "high"']


TEXTS = st.text(max_size=60).map(writable) | st.sampled_from(
    [
        HOSTILE,
        "",
        "]]>",
        "&lt;b&gt; &amp;amp;",
        "  two  spaces ",
        "a\r\nb",
        "\u2028",
        "\x85",
        "\ufeffx",
        "'\"<",
    ]
).map(writable)


def test_any_text_is_read_as_it_was_written(laid: Laid, release: Release) -> None:
    """Whatever a title or a description holds, no format's escaping changes it."""
    one, *others = laid.advisories

    @settings(max_examples=60)
    @given(title=TEXTS, description=TEXTS, note=TEXTS, source=TEXTS)
    def check(title: str, description: str, note: str, source: str) -> None:
        changed = dataclasses.replace(
            one,
            title=title,
            description=description,
            severity_source=source,
            not_affected=tuple(dataclasses.replace(each, note=note) for each in one.not_affected),
            references=(*one.references, Reference("other", "x", "https://a.example/?a=1&b=%22", title)),
        )
        issue(laid, release, changed, *others)
        assert [str(each) for each in verify_advisories(laid.folder, images_of(laid))] == []

    check()
