"""A repository made by createrepo_c, served by mirrors that are slow, broken, stale or lying."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import createrepo_c
import pytest
import rpm_rs
import solv
from pysequoia import Cert, Tsk

from bluejacket.errors import BluejacketError, OutsideError, UserError
from bluejacket.foundation.fetch import Fetcher, Limits, NotThere, Proxies
from bluejacket.foundation.openpgp import BadSignature, Keyring, spelled
from bluejacket.foundation.rpmmd.accepted import Rollback
from bluejacket.foundation.rpmmd.package import BadPackage, verify_package
from bluejacket.foundation.rpmmd.refresh import refresh
from bluejacket.foundation.rpmmd.reopen import reopen
from bluejacket.foundation.rpmmd.repository import Repository, hide
from bluejacket.foundation.rpmmd.source import Source
from bluejacket.foundation.rpmmd.xml import Malformed
from bluejacket.foundation.solve import missing_paths
from bluejacket.foundation.solvfile import new_pool
from bluejacket.store import Store
from keys import detached, expired, key, revoked
from rpmrepo import ONLY_A_COMMENT, Spec, metalink, package, repository
from told import Told
from webserver import Act, Site, body, drip, endless, redirect, serve, stall, status, truncated

pytestmark = pytest.mark.integration

OURS, FOREIGN = key("Ours"), key("Foreign")
REPOMD = "/repodata/repomd.xml"
QUICK = Limits(
    connect_s=2,
    silence_s=0.5,
    answer_s=1,
    slow_bytes_s=1000,
    slow_window_s=0.3,
    whole_s=5,
    tries=2,
    backoff_s=0.01,
)
SPECS = (
    Spec("app", requires=["lib", "/usr/share/data/deep"], recommends=["extra"]),
    Spec("lib", "2.0", epoch=1, files={"/usr/lib64/lib.so": b"\x7fELF lib"}),
    Spec("data", files={"/usr/share/data/deep": b"far from any bin\n"}),
    Spec("extra", requires=["(lib if app)"]),
)


def ring(*keys: Tsk | Cert) -> Keyring:
    certs = [one.extract_certificate() if isinstance(one, Tsk) else one for one in keys]
    return Keyring(certs, "test.gpg")


@dataclass
class World:
    """Two mirrors of one repository, and the machine that fetches from them."""

    one: Site
    two: Site
    store: Store
    indexes: Path
    told: Told
    fetcher: Fetcher

    @property
    def bases(self) -> tuple[str, str]:
        return self.one.url("/"), self.two.url("/")

    @property
    def repomd(self) -> bytes:
        return (self.one.folder / REPOMD[1:]).read_bytes()

    def publish(self, *, revision: str = "100", only_first: bool = False, **options: object) -> bytes:
        repository(self.one.folder, revision=revision, signer=OURS, **options)  # type: ignore[arg-type]
        if not only_first:
            self.mirror()
        return self.repomd

    def mirror(self) -> None:
        shutil.copytree(self.one.folder, self.two.folder, dirs_exist_ok=True)

    def write_metalink(self, timestamp: int, *alternates: tuple[bytes, int]) -> None:
        (self.one.folder / "metalink").write_bytes(metalink(self.bases, self.repomd, timestamp, alternates))

    @property
    def by_metalink(self) -> Source:
        return Source("test", ring(OURS), metalink=self.one.url("/metalink"), metadata_signed=False)

    @property
    def by_base(self) -> Source:
        return Source("test", ring(OURS), baseurls=self.bases)

    def refresh(self, source: Source) -> Repository:
        return refresh(source, self.fetcher, self.store, self.indexes, self.told)

    def refusal(self, source: Source, kind: type[BluejacketError]) -> str:
        """Expect a refusal that leaves no record of anything accepted."""
        before = {file.name: file.read_bytes() for file in self.indexes.glob("*.json")}
        with pytest.raises(kind) as caught:
            self.refresh(source)
        assert before == {file.name: file.read_bytes() for file in self.indexes.glob("*.json")}
        return str(caught.value)


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("original")
    for spec in SPECS:
        package(spec, folder / "Packages", [OURS])
    repository(folder, signer=OURS)
    return folder


@pytest.fixture
def world(tmp_path: Path, original: Path) -> Iterator[World]:
    folders = tmp_path / "one", tmp_path / "two"
    for folder in folders:
        shutil.copytree(original, folder)
    told, store = Told(), Store(tmp_path / "store")
    (tmp_path / "indexes").mkdir()
    with (
        serve(folders[0]) as one,
        serve(folders[1]) as two,
        Fetcher(store, told, proxies=Proxies(), limits=QUICK) as fetcher,
    ):
        made = World(one, two, store, tmp_path / "indexes", told, fetcher)
        made.write_metalink(1000)
        yield made


def solved(loaded: Repository, *names: str, filelists: bool = False) -> tuple[list[str], tuple[str, ...]]:
    """Give the chosen packages, and the paths that nothing provides."""
    pool = new_pool()
    hide(pool, [loaded.load(pool, filelists=filelists)])
    pool.addfileprovides()
    pool.createwhatprovides()
    jobs = []
    for name in names:
        jobs += pool.select(name, solv.Selection.SELECTION_NAME).jobs(solv.Job.SOLVER_INSTALL)
    solver = pool.Solver()
    problems = solver.solve(jobs)
    if problems:
        return [], missing_paths(problems)
    return sorted(str(s) for s in solver.transaction().newsolvables()), ()


# -- what works ------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["metalink", "mirrorlist", "baseurl"])
def test_three_ways_to_a_mirror(world: World, way: str) -> None:
    (world.one.folder / "list").write_text(
        f"# mirrors\n{world.bases[1]}\nftp://mirror.example/\n{world.bases[0]}\n"
    )
    source = {
        "metalink": world.by_metalink,
        "mirrorlist": Source("test", ring(OURS), mirrorlist=world.one.url("/list")),
        "baseurl": world.by_base,
    }[way]
    found = world.refresh(source)
    assert found.repomd.revision == "100"
    assert solved(found, "lib") == (["lib-1:2.0-1.x86_64"], ())
    assert world.told.warnings == (
        ["the metalink of test comes without TLS: only the packages' signatures vouch for them"]
        if way == "metalink"
        else []
    )


@pytest.mark.parametrize("compression", ["ZSTD", "GZ", "XZ", "BZ2", "NO_COMPRESSION"])
def test_compressions(world: World, compression: str) -> None:
    world.publish(compression=getattr(createrepo_c, compression))
    assert solved(world.refresh(world.by_base), "lib")[0] == ["lib-1:2.0-1.x86_64"]


def test_filelists_are_fetched_only_when_a_path_asks_for_them(world: World) -> None:
    found = world.refresh(world.by_base)
    assert solved(found, "app") == ([], ("/usr/share/data/deep",))
    assert not any("filelists" in asked.path for asked in world.one.asked)
    everything = ["app-1.0-1.x86_64", "data-1.0-1.x86_64", "extra-1.0-1.x86_64", "lib-1:2.0-1.x86_64"]
    assert solved(found, "app", filelists=True) == (everything, ())
    assert sum("filelists" in asked.path for asked in world.one.asked) == 1


def test_second_load_reads_the_cache_alone(world: World) -> None:
    found = world.refresh(world.by_base)
    assert solved(found, "lib")[0]
    found.held.clear()
    found.fetcher = None
    assert solved(found, "lib")[0] == ["lib-1:2.0-1.x86_64"]
    assert solved(reopen(world.by_base, world.store, world.indexes), "lib")[0] == ["lib-1:2.0-1.x86_64"]


def test_damaged_cache_is_made_again(world: World) -> None:
    found = world.refresh(world.by_base)
    assert solved(found, "lib")[0]
    cached = next(world.store.root.glob("steps/*/*/tree/0000.solv"))
    cached.write_bytes(cached.read_bytes()[:-7] + b"damaged")
    again = reopen(world.by_base, Store(world.store.root, world.told), world.indexes)
    assert solved(again, "lib")[0] == ["lib-1:2.0-1.x86_64"]
    assert "damaged" in "\n".join(world.told.warnings)


def test_packages_are_fetched_with_hash_and_signature(world: World) -> None:
    found = world.refresh(world.by_base)
    pool = new_pool()
    loaded = found.load(pool)
    got = found.fetch_packages(loaded.repo.solvables)
    assert sorted(got) == [
        "app-1.0-1.x86_64",
        "data-1.0-1.x86_64",
        "extra-1.0-1.x86_64",
        "lib-1:2.0-1.x86_64",
    ]
    path, signed = got["lib-1:2.0-1.x86_64"]
    assert path.read_bytes() == (world.one.folder / "Packages/lib-2.0-1.x86_64.rpm").read_bytes()
    assert signed.fingerprints == (spelled(OURS.extract_certificate().fingerprint),)


def test_excluded_packages_are_hidden(world: World) -> None:
    found = world.refresh(world.by_base._replace(exclude=("da*",)))
    assert solved(found, "app", filelists=True)[0] == []


def test_comps_and_advisories(world: World) -> None:
    comps = b"""<?xml version="1.0"?><comps>
      <group><id>core</id><name>Core</name><name xml:lang="de">Kern</name><description>Base</description>
       <default>true</default><uservisible>false</uservisible><packagelist>
       <packagereq type="mandatory">lib</packagereq><packagereq type="optional">data</packagereq>
       <packagereq type="conditional" requires="app">extra</packagereq></packagelist></group>
      <environment><id>server</id><name>Server</name><description>S</description>
       <grouplist><groupid>core</groupid></grouplist><optionlist><groupid>web</groupid></optionlist></environment>
    </comps>"""
    update = createrepo_c.UpdateRecord()
    update.id, update.type, update.severity, update.status = (
        "FEDORA-2026-1",
        "security",
        "Important",
        "stable",
    )
    update.title = "lib-2.0-1: fixes CVE-2026-12345"
    collection, fixed = createrepo_c.UpdateCollection(), createrepo_c.UpdateCollectionPackage()
    fixed.name, fixed.epoch, fixed.version, fixed.release, fixed.arch = "lib", "1", "2.0", "1", "x86_64"
    fixed.reboot_suggested = True
    collection.append(fixed)
    update.append_collection(collection)
    world.publish(extra={"group": comps}, updates=[update])
    found = world.refresh(world.by_base)
    groups = found.comps()
    assert groups is not None
    assert groups.groups["core"].packages() == ("lib",)
    assert groups.groups["core"].name == "Core"
    assert [m.requires for m in groups.groups["core"].members if m.kind == "conditional"] == ["app"]
    assert groups.environments["server"].options == ("web",)
    (advisory,) = found.advisories()
    assert (advisory.kind, advisory.severity, advisory.cves) == ("security", "Important", ("CVE-2026-12345",))
    assert [(p.nevra, p.reboot_suggested) for p in advisory.packages] == [("lib-1:2.0-1.x86_64", True)]


def test_default_module_streams_are_respected(world: World) -> None:
    for stream, version in (("old", "1.0"), ("new", "2.0")):
        package(Spec("tool", version, f"1.{stream}"), world.one.folder / "Packages", [OURS])
    package(Spec("tool", "9.0"), world.one.folder / "Packages", [OURS])
    text = "".join(
        f"---\ndocument: modulemd\nversion: 2\ndata:\n  name: tool\n  stream: {stream}\n  version: 1\n"
        f"  context: c0ffee\n  arch: x86_64\n  artifacts:\n"
        f"    rpms:\n    - tool-0:{version}-1.{stream}.x86_64\n...\n"
        for stream, version in (("old", "1.0"), ("new", "2.0"))
    )
    text += "---\ndocument: modulemd-defaults\nversion: 1\ndata:\n  module: tool\n  stream: old\n...\n"
    world.publish(extra={"modules": text.encode()})
    assert solved(world.refresh(world.by_base), "tool")[0] == ["tool-1.0-1.old.x86_64"]
    enabled = world.by_base._replace(streams=("tool:new",))
    assert solved(world.refresh(enabled), "tool")[0] == ["tool-2.0-1.new.x86_64"]
    with pytest.raises(UserError, match=r"no module stream tool:none .the repository has tool:new, tool:old"):
        solved(world.refresh(world.by_base._replace(streams=("tool:none",))), "tool")


# -- mirrors that are slow, broken, stale -----------------------------------------------------------


@pytest.mark.parametrize(
    "fault",
    [
        status(500),
        status(404),
        truncated(50),
        stall(50),
        drip(),
        endless(),
        redirect(REPOMD),
        body(b"<html/>"),
    ],
    ids=["500", "404", "truncated", "stalled", "dripping", "endless", "redirect loop", "captive portal"],
)
@pytest.mark.parametrize("way", ["metalink", "baseurl"])
def test_broken_mirror_is_left_for_the_next(world: World, fault: Act, way: str) -> None:
    world.one.always(REPOMD, fault)
    found = world.refresh(world.by_metalink if way == "metalink" else world.by_base)
    assert found.repomd.revision == "100"
    assert world.two.count(REPOMD) >= 1


def test_new_repomd_with_old_data(world: World) -> None:
    """The first mirror has synchronised its index but not its data."""
    primary = world.refresh(world.by_metalink).repomd.data["primary"].href
    package(Spec("fresh"), world.one.folder / "Packages", [OURS])
    world.publish(revision="101")
    world.write_metalink(1001)
    found = reopen(world.by_metalink, world.store, world.indexes)
    assert found.repomd.data["primary"].href == primary
    fresh = next(world.one.folder.glob("repodata/*primary*"))
    fresh.unlink()
    assert solved(world.refresh(world.by_metalink), "fresh")[0] == ["fresh-1.0-1.x86_64"]
    assert world.one.count(f"/repodata/{fresh.name}") == 1


def test_stale_mirror_is_known_by_the_hash(world: World) -> None:
    world.publish(revision="101", only_first=True)
    world.one.always(REPOMD, status(500))
    world.write_metalink(1001)
    told = world.refusal(world.by_metalink, OutsideError)
    assert "wrong hash" in told or "the index says" in told


def test_alternate_serves_while_mirrors_synchronise(world: World) -> None:
    old = world.repomd
    world.publish(revision="101", only_first=True)
    world.one.always(REPOMD, status(500))
    world.write_metalink(1001, (old, 1000), (b"ancient", 900))
    assert world.refresh(world.by_metalink).repomd.revision == "100"
    assert "test: no mirror has the newest state yet; taking that of 1000" in world.told.warnings


def test_alternate_older_than_the_last_accepted_is_refused(world: World) -> None:
    old = world.repomd
    world.publish(revision="101", only_first=True)
    world.write_metalink(1001, (old, 1000))
    assert world.refresh(world.by_metalink).repomd.revision == "101"
    world.publish(revision="102", only_first=True)
    world.write_metalink(1002, (old, 1000))
    world.one.always(REPOMD, status(500))
    assert "none of 2 mirrors gave it" in world.refusal(world.by_metalink, OutsideError)


def test_older_metalink_is_refused(world: World) -> None:
    world.refresh(world.by_metalink)
    world.write_metalink(999)
    told = world.refusal(world.by_metalink, Rollback)
    assert told == (
        "the metalink of test offers timestamp 999, older than the 1000 accepted before (try again later; "
        f"if the repository really went back, remove {world.indexes / 'rpmmd-test.json'})"
    )


def test_older_revision_is_refused_though_it_is_signed(world: World) -> None:
    world.publish(revision="101")
    world.refresh(world.by_base)
    world.publish(revision="99")
    told = world.refusal(world.by_base, Rollback)
    assert f"test at {world.bases[0]} offers revision 99, older than the 101 accepted before" in told
    assert world.bases[1] in told


def test_one_stale_mirror_of_two(world: World) -> None:
    world.refresh(world.by_base)
    package(Spec("fresh"), world.one.folder / "Packages", [OURS])
    world.publish(revision="101")
    world.refresh(world.by_base)
    stale = world.one.folder / "stale"
    world.one.always(REPOMD, body(world.repomd.replace(b"<revision>101<", b"<revision>100<")))
    (stale).mkdir()
    assert world.refresh(world.by_base).bases[0] == world.bases[1]


def test_damaged_record_of_the_last_time(world: World) -> None:
    world.refresh(world.by_base)
    record = world.indexes / "rpmmd-test.json"
    record.write_text("{")
    assert f"{record}: the record of what was accepted last is damaged" in world.refusal(
        world.by_base, OutsideError
    )


# -- mirrors that lie ---------------------------------------------------------------------------------


@pytest.mark.parametrize("content", [ONLY_A_COMMENT, b"", b"<metalink>", b"<html><body>Log in</body></html>"])
def test_metalink_that_is_none(world: World, content: bytes) -> None:
    (world.one.folder / "metalink").write_bytes(content)
    told = world.refusal(world.by_metalink, Malformed)
    assert told.startswith("the metalink of test ")
    if content == ONLY_A_COMMENT:
        assert told == "the metalink of test names no repomd.xml; the server says: repo fedora-43 is disabled"


def test_metalink_with_weak_hashes_only(world: World) -> None:
    text = (world.one.folder / "metalink").read_text()
    text = text.replace('type="sha256"', 'type="sha224"').replace('type="sha512"', 'type="sha384"')
    (world.one.folder / "metalink").write_text(text)
    assert "neither SHA-256 nor SHA-512" in world.refusal(world.by_metalink, Malformed)


def test_source_that_nothing_vouches_for(world: World) -> None:
    told = world.refusal(world.by_base._replace(metadata_signed=False), UserError)
    assert told == (
        "test: nothing vouches for its repomd.xml (give a metalink, or demand a signature "
        "(metadata_signed = true))"
    )


def _sign(world: World, by: Tsk) -> None:
    for site in (world.one, world.two):
        (site.folder / "repodata/repomd.xml.asc").write_bytes(detached(by, world.repomd))


def test_signature_by_a_foreign_key(world: World) -> None:
    _sign(world, FOREIGN)
    told = world.refusal(world.by_base, BadSignature)
    assert told.count("repomd.xml of test has no good signature: signed by ") == 2
    assert f"expected: a key of test.gpg ({spelled(OURS.extract_certificate().fingerprint)})" in told


@pytest.mark.parametrize(
    ("state", "reason"), [(expired, "which expired on 20"), (revoked, "which is revoked")]
)
def test_signature_by_a_key_that_ended(world: World, state: object, reason: str) -> None:
    owner = key("Ended")
    _sign(world, owner)
    assert callable(state)
    assert reason in world.refusal(world.by_base._replace(keyring=ring(state(owner))), BadSignature)


def test_tampered_repomd(world: World) -> None:
    for site in (world.one, world.two):
        site.always(REPOMD, body(world.repomd.replace(b"100", b"777")))
    told = world.refusal(world.by_base, BadSignature)
    assert "does not fit the content" in told
    assert "wrong hash: expected SHA-256" in world.refusal(world.by_metalink, OutsideError)


def test_missing_signature(world: World) -> None:
    for site in (world.one, world.two):
        (site.folder / "repodata/repomd.xml.asc").unlink()
    assert "repomd.xml.asc could not be fetched" in world.refusal(world.by_base, NotThere)


def test_tampered_metadata(world: World) -> None:
    for site in (world.one, world.two):
        primary = next(site.folder.glob("repodata/*primary*"))
        data = bytearray(primary.read_bytes())
        data[len(data) // 2] ^= 1
        primary.write_bytes(data)
    told = world.refusal(world.by_base, OutsideError)
    assert told.count("wrong hash: expected SHA-256") == 2


def _rewritten(world: World, old: bytes, new: bytes) -> None:
    """Change repomd.xml and sign it: the signer itself errs, or its build host is taken over."""
    changed = world.repomd.replace(old, new)
    assert changed != world.repomd
    for site in (world.one, world.two):
        (site.folder / REPOMD[1:]).write_bytes(changed)
    _sign(world, OURS)


def test_bomb_is_bounded_by_the_announced_size(world: World) -> None:
    size = _tag(world.repomd, b"open-size")
    _rewritten(world, b"<open-size>" + size, b"<open-size>100")
    found = world.refresh(world.by_base)
    with pytest.raises(Malformed, match="unpacks to more than the 100 bytes announced"):
        found.load(new_pool())


def test_wrong_open_checksum(world: World) -> None:
    text = world.repomd
    start = text.index(b'<open-checksum type="sha256">', text.index(b'type="primary"')) + 29
    _rewritten(world, text[start : start + 64], b"0" * 64)
    with pytest.raises(
        Malformed, match=f"unpacks to sha256 {text[start : start + 64].decode()}, expected 0000"
    ):
        world.refresh(world.by_base).load(new_pool())


def _tag(text: bytes, name: bytes) -> bytes:
    primary = text[text.index(b'type="primary"') :]
    return primary.partition(b"<" + name + b">")[2].partition(b"<")[0]


@pytest.mark.parametrize("href", ["../../etc/passwd", "/etc/passwd", "http://evil.example/x", "a/../../x"])
def test_location_outside_the_repository(world: World, href: str) -> None:
    text = world.repomd
    start = text.index(b'href="', text.index(b'type="primary"')) + 6
    _rewritten(world, text[start : text.index(b'"', start)], href.encode())
    assert f"primary is at {href!r}, which is not inside the repository" in world.refusal(
        world.by_base, Malformed
    )


def test_entities_are_refused(world: World) -> None:
    bomb = b'<?xml version="1.0"?><!DOCTYPE r [<!ENTITY a "aaaa">]><repomd>&a;</repomd>'
    for site in (world.one, world.two):
        (site.folder / REPOMD[1:]).write_bytes(bomb)
    _sign(world, OURS)
    assert "a document type (r) is not allowed here" in world.refusal(world.by_base, Malformed)


# -- packages ----------------------------------------------------------------------------------------


def _fetched(world: World, name: str) -> None:
    found = world.refresh(world.by_base)
    loaded = found.load(new_pool())
    found.fetch_packages([s for s in loaded.repo.solvables if s.name == name])


def test_tampered_package_is_refused_by_its_hash(world: World) -> None:
    for site in (world.one, world.two):
        file = site.folder / "Packages/lib-2.0-1.x86_64.rpm"
        file.write_bytes(file.read_bytes()[:-1] + b"!")
    with pytest.raises(OutsideError, match="wrong hash: expected SHA-256"):
        _fetched(world, "lib")


@pytest.mark.parametrize("v6", [False, True], ids=["V4", "V6"])
@pytest.mark.parametrize(
    ("how", "kind", "reason"),
    [
        ("good", None, ""),
        ("both", None, ""),
        ("unsigned", BadSignature, "is not signed"),
        ("foreign", BadSignature, "which is not in the keyring"),
        ("expired", BadSignature, "which expired on 20"),
        ("revoked", BadSignature, "which is revoked"),
        ("header", BadSignature, "does not fit the content"),
        ("payload", BadPackage, "the payload of"),
        ("truncated", BadPackage, "the payload of"),
        ("appended", BadPackage, "the payload of"),
        ("beheaded", BadPackage, "is no whole RPM"),
        ("no rpm", BadPackage, "is no whole RPM"),
    ],
)
def test_package_signatures(
    tmp_path: Path, v6: bool, how: str, kind: type[BluejacketError] | None, reason: str
) -> None:
    owner = key("Signer", v6=v6)
    signers = {"unsigned": [], "foreign": [FOREIGN], "both": [FOREIGN, owner]}.get(how, [owner])
    spec = Spec("lib", files={"/usr/share/lib/text": b"a text that can be changed\n" * 50})
    file = package(spec, tmp_path, signers, v6=v6)
    data = file.read_bytes()
    changed = {
        "header": data.replace(b"lib of a test", b"lib of a jest"),
        "payload": data[:-3] + bytes([data[-3] ^ 1]) + data[-2:],
        "truncated": data[:-1],
        "appended": data + b"\0",
        "beheaded": data[:2000],
        "no rpm": b"<html>Log in</html>",
    }
    file.write_bytes(changed.get(how, data))
    keys = {"expired": expired, "revoked": revoked}.get(how, Tsk.extract_certificate)(owner)
    if kind is None:
        signed = verify_package(file, ring(keys))
        assert signed.fingerprints == (spelled(owner.extract_certificate().fingerprint),)
        assert signed.nevra == "lib-1.0-1.x86_64"
        return
    with pytest.raises(kind) as caught:
        verify_package(file, ring(keys))
    assert reason in str(caught.value)


@pytest.mark.parametrize("v6", [False, True], ids=["V4", "V6"])
def test_no_changed_byte_of_header_or_payload_passes(tmp_path: Path, v6: bool) -> None:
    """What stands before the header is the lead and the signatures themselves."""
    file = package(Spec("lib", files={"/usr/share/lib/text": b"a text\n" * 50}), tmp_path, [OURS], v6=v6)
    data = file.read_bytes()
    header = rpm_rs.PackageMetadata.open(str(file)).package_segment_offsets().header
    assert verify_package(file, ring(OURS))
    for place in range(header, len(data), 7):
        for flip in (1, 0x80):
            file.write_bytes(data[:place] + bytes([data[place] ^ flip]) + data[place + 1 :])
            with pytest.raises((BadPackage, BadSignature)):
                verify_package(file, ring(OURS))


def test_index_that_names_another_package(world: World) -> None:
    """All signatures are good, but under lib's name the index gives an older, vulnerable app."""
    folder = world.one.folder / "Packages"
    (folder / "lib-2.0-1.x86_64.rpm").unlink()
    shutil.copy(folder / "data-1.0-1.x86_64.rpm", folder / "lib-2.0-1.x86_64.rpm")
    primary = world.publish()
    assert primary
    unpacked = createrepo_c.decompress_file
    file = next(world.one.folder.glob("repodata/*primary*"))
    plain = world.one.folder / "plain.xml"
    unpacked(str(file), str(plain), createrepo_c.ZSTD)
    text = plain.read_bytes()
    at = text.index(b"lib-2.0-1.x86_64.rpm")
    start = text.rindex(b"<name>data</name>", 0, at)
    changed = text[:start] + b"<name>lib</name>" + text[start + 17 :]
    found = world.refresh(world.by_base)
    pool = new_pool()
    repo = pool.add_repo("test")
    plain.write_bytes(changed)
    repo.add_rpmmd(solv.xfopen(str(plain)), None)
    repo.internalize()
    with pytest.raises(
        BadPackage, match=r"test says lib-1\.0-1\.x86_64, the package itself data-1\.0-1\.x86_64"
    ):
        found.fetch_packages([s for s in repo.solvables if s.name == "lib"])
