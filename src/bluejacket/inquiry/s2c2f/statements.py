"""What people state about their own work, signed: the only evidence for what no program sees.

`records/statements/ID.json` in the state folder, with `ID.json.asc`, a signature by the distribution's
key:  {"requirement": "INV-2", "by": "…", "until": "2027-06-30", "documents": {"incidents.md": "<SHA-256>"},
"covers": ["<SHA-256>", …]}. Documents lie below the definitions' folder; `covers` are the hashes of the
upstream files that were looked at.
"""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

from bluejacket.errors import OutsideError
from bluejacket.inquiry.s2c2f.ground import Ground, NotApplicable, Unproven, refuse
from bluejacket.inquiry.trust import sha256_of_file


def stated(ground: Ground, requirement: str, *, covering: bool = False) -> list[str]:
    """Give the evidence of a signed statement that still holds, with `covering` about all that is taken in.

    Raises Unproven for a statement that is missing, unsigned, outdated, or whose documents have changed.
    """
    file = ground.state.root / "records" / "statements" / f"{requirement}.json"
    if not file.is_file():
        raise Unproven(f"nobody states it in {file}")
    try:
        signer = ground.key.signed(file, Path(f"{file}.asc"))
        table = json.loads(file.read_text("utf-8"))
        about, by, until = table["requirement"], str(table["by"]), date.fromisoformat(table["until"])
        documents, covers = dict(table["documents"]), set(table.get("covers", ()))
    except (OutsideError, OSError, ValueError, KeyError, TypeError) as error:
        raise Unproven(f"{file} is no statement that counts: {error}") from error
    if about != requirement:
        raise Unproven(f"{file} is about {about}")
    if until < ground.today:
        raise Unproven(f"{file} held until {until}")
    if not documents:
        raise Unproven(f"{file} names no document")
    refuse(
        "documents are not as they were stated", _changed(ground.release.folder, documents), len(documents)
    )
    if covering:
        wanted = {one.upstream.sha256: one.nevra for one in ground.taken_in if one.upstream}
        left = [nevra for digest, nevra in wanted.items() if digest not in covers]
        refuse("packages are not covered by the statement", left, len(wanted))
    return [f"{file}, by {by} until {until}, signed by {signer}, on {', '.join(sorted(documents))}"]


def _changed(folder: Path, documents: dict[str, str]) -> list[str]:
    found = []
    for name, digest in documents.items():
        file = (folder / name).resolve()
        inside = file.is_relative_to(folder.resolve()) and file.is_file()
        if not inside or sha256_of_file(file) != digest:
            found.append(name)
    return found


def malware_scan(ground: Ground) -> list[str]:
    """SCA-4: somebody states that all that is taken in was looked at for malware."""
    return stated(ground, "SCA-4", covering=True)


def source_review(ground: Ground) -> list[str]:
    """SCA-5: somebody states that the source of all that is taken in was reviewed."""
    return stated(ground, "SCA-5", covering=True)


def incident_plan(ground: Ground) -> list[str]:
    """INV-2: somebody states which document is the plan for incidents."""
    return stated(ground, "INV-2")


def review_comments(ground: Ground) -> list[str]:
    """UPD-3: somebody states how vulnerabilities are shown to the two people who review a change."""
    return stated(ground, "UPD-3")


def upstream_bills(ground: Ground) -> list[str]:
    """AUD-4: somebody states that the bills of materials of all that is taken in were checked."""
    if not ground.taken_in:
        raise NotApplicable("nothing is taken in as a binary")
    return stated(ground, "AUD-4", covering=True)


def private_fix(ground: Ground) -> list[str]:
    """FIX-1: a channel has a package that is built here with a patch, and somebody states the rest."""
    from bluejacket.feed.channel import channels

    patches = sorted((ground.release.folder / "packages").rglob("*.patch"))
    patched = {file.relative_to(ground.release.folder / "packages").parts[0] for file in patches}
    shipped = [one for one in ground.built_here if patched & {one.component, one.source}]
    if not shipped:
        raise Unproven("no package of the newest snapshot is built here with a patch")
    try:
        pointing = [
            one.name for one in channels(ground.state, ground.release) if one.snapshot == ground.snapshot.id
        ]
    except OutsideError as error:
        raise Unproven(str(error)) from error
    if not pointing:
        raise Unproven(f"no channel points at {ground.snapshot.id}")
    return [f"{shipped[0].nevra} with {patches[0].name}, in {', '.join(pointing)}", *stated(ground, "FIX-1")]
