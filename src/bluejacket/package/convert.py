"""Turning a Debian package into an RPM: the same files, the same relations, no script.

Reads top to bottom in `convert`. The result depends on its arguments alone. All times in it are that of
the Debian package's own build: a later lock with the same package gives the same bytes.
"""

from __future__ import annotations

import json
from pathlib import Path

import rpm_rs

from bluejacket.definition.options import Options
from bluejacket.definition.overlay import Overlay
from bluejacket.errors import Fault, OutsideError, Place
from bluejacket.foundation.debian.control import Stanza, stanzas
from bluejacket.foundation.debian.deb import Deb, Entry, Kind, read_deb
from bluejacket.foundation.debian.version import to_evr
from bluejacket.foundation.metadata import Evr, Package, Relation
from bluejacket.foundation.overlaid import overlaid
from bluejacket.package import changelog
from bluejacket.package.changes import change_entries, no_place, remove
from bluejacket.package.header import SOURCERPM, set_strings
from bluejacket.package.licence import UNKNOWN, licence_of
from bluejacket.package.scripts import notes_of

BUILD_HOST = "bluejacket"
NOTES = "scripts.json"
# The static users and groups of Debian (base-passwd's own description): what is owned by one of them
# must find it when it is unpacked.
_ACCOUNTS = "base-passwd"
_MERGED = ("/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libo32", "/libx32")
_DOC = tuple(f"/usr/share/{name}/" for name in ("doc", "man", "info", "doc-base", "gtk-doc"))
_CHANGELOGS = tuple(f"changelog.{tail}gz" for tail in ("Debian.", "Debian.amd64.", "Debian.arm64.", ""))
_D = rpm_rs.DependencyFlags
_SENSE = {
    "": 0,
    "<": _D.LESS,
    "<=": _D.LESS | _D.EQUAL,
    "=": _D.EQUAL,
    ">=": _D.GREATER | _D.EQUAL,
    ">": _D.GREATER,
}
_COMPRESSIONS = {
    "zstd": rpm_rs.CompressionType.Zstd,
    "gzip": rpm_rs.CompressionType.Gzip,
    "xz": rpm_rs.CompressionType.Xz,
    "none": rpm_rs.CompressionType.NONE,
}


def convert(
    deb: Path,
    package: Package,
    overlay: Overlay | None,
    options: Options,
    into: Path,
    *,
    sources: Path | None = None,
    overlay_file: Path | None = None,
) -> Path:
    """Write one unsigned RPM and `scripts.json` into the folder `into`; gives the RPM's path.

    `sources` is the definitions' folder, where an overlay's files lie, and `overlay_file` what
    messages name. Raises OutsideError for a package that is damaged or not the one described, and
    UserError for an overlay that fits it no more.
    """
    source = read_deb(deb)
    stanza = _stanza(deb, source, package)
    entries = _merged_usr(deb, source.entries)
    _mark_config(source, entries)
    history = _history(entries, package.upstream_name, source.built)
    licence = _licence(entries, package.upstream_name)
    remove(entries, options.remove)
    if overlay:
        package = overlaid(package, overlay)
        change_entries(entries, overlay, sources, no_place(package.name, overlay_file))
    _settle_twins(entries)
    builder = _builder(package, stanza, licence, options, source.built)
    _relate(builder, package, entries)
    for change in history:
        builder.add_changelog_entry(change.name, change.text, change.when)
    _fill(builder, entries)
    result = into / f"{package.name}-{_version_release(package.evr)}.{package.arch}.rpm"
    _write(builder, package, result)
    notes = notes_of(package.name, package.upstream_version, source)
    _write_text(into / NOTES, json.dumps(notes.as_json(), indent=1))
    return result


def _stanza(file: Path, deb: Deb, package: Package) -> Stanza:
    stanza = next(iter(stanzas(deb.control)), {})
    found = (stanza.get("package"), stanza.get("version"))
    wanted = (package.upstream_name, package.upstream_version)
    if found != wanted:
        what = f"holds {found[0]} {found[1]}, but the index says {wanted[0]} {wanted[1]}"
        raise OutsideError(Fault(what, "renew the lock", Place(file)))
    return stanza


def _merged_usr(file: Path, entries: dict[str, Entry]) -> dict[str, Entry]:
    """Move what lies in /bin, /sbin and /lib* below /usr, where the links of those names point."""
    merged: dict[str, Entry] = {}
    for path, entry in sorted(entries.items()):
        top = "/" + path.split("/", 2)[1]
        if top in _MERGED and (path != top or entry.kind is Kind.FOLDER):
            entry.path = "/usr" + path
        if entry.twin:
            entry.twin = "/usr" + entry.twin if "/" + entry.twin.split("/", 2)[1] in _MERGED else entry.twin
        before = merged.get(entry.path)
        if before and not before.kind is entry.kind is Kind.FOLDER:
            raise OutsideError(Fault(f"holds {entry.path} both in / and in /usr", "", Place(file)))
        merged[entry.path] = entry
    return merged


def _mark_config(deb: Deb, entries: dict[str, Entry]) -> None:
    for path in deb.conffiles:
        for candidate in (path, "/usr" + path):
            found = entries.get(candidate)
            if found and found.kind is Kind.FILE:
                found.config = True


def _history(entries: dict[str, Entry], name: str, built: int) -> list[changelog.Change]:
    for file in _CHANGELOGS:
        entry = entries.get(f"/usr/share/doc/{name}/{file}")
        if entry and entry.kind is Kind.FILE:
            found = changelog.changes(changelog.unpack(entry.content), built)
            if found:
                return found
    return []


def _licence(entries: dict[str, Entry], name: str) -> str:
    entry = entries.get(f"/usr/share/doc/{name}/copyright")
    if entry is None or entry.kind is not Kind.FILE:
        return UNKNOWN
    return licence_of(entry.content.decode("utf-8", "replace"))


def _settle_twins(entries: dict[str, Entry]) -> None:
    """Name each set of hard links after its first member still there; a set of one is no set."""
    sets: dict[str, list[Entry]] = {}
    for _, entry in sorted(entries.items()):
        if entry.twin:
            sets.setdefault(entry.twin, []).append(entry)
    for members in sets.values():
        for entry in members:
            entry.twin = members[0].path if len(members) > 1 else ""


def _builder(
    package: Package, stanza: Stanza, licence: str, options: Options, built: int
) -> rpm_rs.PackageBuilder:
    evr = Evr.parse(package.evr)
    method, _, level = options.compression.partition(":")
    summary, _, text = stanza.get("description", package.summary).partition("\n")
    builder = rpm_rs.PackageBuilder(package.name, evr.version, licence, package.arch, summary or package.name)
    builder.using_config(
        rpm_rs.BuildConfig(
            format=rpm_rs.RpmFormat.V4,
            compression=_COMPRESSIONS[method],
            compression_level=int(level) if level else None,
            source_date=built,
            reserved_space=0,
        )
    )
    builder.release(evr.release)
    if evr.epoch != "0":
        builder.epoch(int(evr.epoch))
    builder.build_host(BUILD_HOST)
    builder.group(package.section)
    builder.cookie(origin(package))
    builder.description(_description(text, package))
    if options.vendor:
        builder.vendor(options.vendor)
    if options.packager:
        builder.packager(options.packager)
    if package.url:
        builder.url(package.url)
    return builder


def origin(package: Package) -> str:
    """Give what a package came from as a package URL (purl-spec, type `deb`); its header's Cookie."""
    version = package.upstream_version.replace(":", "%3A").replace("+", "%2B")
    name = package.upstream_name.replace("+", "%2B")
    return f"pkg:deb/{package.archive}/{name}@{version}?checksum=sha256:{package.sha256}"


def _description(text: str, package: Package) -> str:
    """Debian indents by a blank, and writes an empty line as a dot (Debian Policy 5.6.13)."""
    lines = [line[1:] if line.startswith(" ") else line for line in text.split("\n")]
    told = "\n".join("" if line.strip() == "." else line.rstrip() for line in lines).strip()
    source = f"Origin: {package.archive}, {package.upstream_name} {package.upstream_version}"
    if package.source != package.upstream_name or package.source_version != package.upstream_version:
        source += f" from source {package.source} {package.source_version}"
    return f"{told}\n\n{source}, SHA-256 {package.sha256}".lstrip()


def _relate(builder: rpm_rs.PackageBuilder, package: Package, entries: dict[str, Entry]) -> None:
    own = Relation(package.name, "=", package.evr)
    before = package.requires_pre
    if package.name != _ACCOUNTS and _needs_accounts(entries):
        before = (*before, _ACCOUNTS)
    rich = False
    for add, relations, extra in (
        (builder.provides, package.provides, 0),
        (builder.requires, before, _D.SCRIPT_PRE),
        (builder.requires, package.requires, 0),
        (builder.conflicts, package.conflicts, 0),
        (builder.obsoletes, package.obsoletes, 0),
        (builder.recommends, package.recommends, 0),
        (builder.suggests, package.suggests, 0),
    ):
        for text in dict.fromkeys(relations):
            relation = Relation.parse(text)
            if relation == own and add == builder.provides:
                continue  # rpm-rs gives it by itself
            rich = rich or relation.name.startswith("(")
            add(relation.name, relation.evr, _D(_SENSE[relation.op] | extra))
    if rich:  # rpm-dependencies(7); what rpmbuild adds
        builder.requires("rpmlib(RichDependencies)", "4.12.0-1", _D.LESS | _D.EQUAL | _D.RPMLIB)


def _needs_accounts(entries: dict[str, Entry]) -> bool:
    """Say whether a package has files of others than root, or makes users itself (sysusers.d(5)).

    rpm makes those when it unpacks the package: into a user database that is there already.
    """
    return any(
        entry.owner != "root" or entry.group != "root" or path.startswith("/usr/lib/sysusers.d/")
        for path, entry in entries.items()
    )


def _fill(builder: rpm_rs.PackageBuilder, entries: dict[str, Entry]) -> None:
    options = rpm_rs.FileOptions
    for path, entry in sorted(entries.items()):
        own = {"user": entry.owner, "group": entry.group, "permissions": entry.mode}
        match entry.kind:
            case Kind.FILE:
                is_doc = path.startswith(_DOC)
                is_licence = path.startswith("/usr/share/doc/") and path.endswith("/copyright")
                own |= {"config": entry.config, "noreplace": entry.config, "hardlink": entry.twin or None}
                own |= {"doc": is_doc and not is_licence, "license": is_licence}
                own |= {"caps": entry.capabilities or None}
                builder.with_file_contents(entry.content, options.new(path, **own))
                entry.content = b""  # the builder has its own copy
            case Kind.FOLDER:
                builder.with_dir_entry(options.dir(path, **own))
            case Kind.LINK:
                builder.with_symlink(options.symlink(path, entry.target, user=entry.owner, group=entry.group))
            case Kind.FIFO:
                builder.with_special_file(options.fifo(path, **own))
            case Kind.CHARACTER:
                builder.with_special_file(options.character_device(path, *entry.device, **own))
            case Kind.BLOCK:
                builder.with_special_file(options.block_device(path, *entry.device, **own))


def _version_release(text: str) -> str:
    evr = Evr.parse(text)
    return f"{evr.version}-{evr.release}"


def _write(builder: rpm_rs.PackageBuilder, package: Package, file: Path) -> None:
    source = f"{package.source}-{_version_release(to_evr(package.source_version))}.src.rpm"
    try:
        file.write_bytes(set_strings(builder.build().to_bytes(), {SOURCERPM: source}))
    except RuntimeError as error:
        raise OutsideError(Fault(f"cannot be made into an RPM: {error}", "", Place(file.name))) from error
    file.chmod(0o644)  # whatever the umask


def _write_text(file: Path, text: str) -> None:
    file.write_text(text + "\n", "utf-8")
    file.chmod(0o644)
