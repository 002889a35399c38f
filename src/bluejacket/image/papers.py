"""What comes with an image: its packages, an SPDX bill of materials, and where all of it came from."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import rpm_rs

from bluejacket.foundation.lock import Lock, lock_file
from bluejacket.image.choose import Chosen
from bluejacket.image.plan import Plan
from bluejacket.package.purl import package_url
from bluejacket.store.blobs import sha256_of

MANIFEST, SBOM, PROVENANCE = "packages.json", "sbom.spdx.json", "provenance.intoto.json"
_BUILD_TYPE = "https://bluejacket.example/build/image/v1"


def as_text(table: object) -> str:
    """Give JSON that is the same for equal tables."""
    return json.dumps(table, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def manifest(plan: Plan) -> list[dict[str, object]]:
    """Give the image's packages, one row each."""
    return [asdict(package) | {"rpm": package.rpm.name} for package in plan.packages]


def sbom(plan: Plan) -> dict[str, object]:
    """Give the bill of materials as an SPDX 2.3 document (ISO/IEC 5962:2021 and its successor, JSON form)."""
    who = plan.release.distribution
    name = f"{who.id}-{plan.release.version}-{plan.image.name}"
    identifiers = _identifiers(plan.packages)
    image = {
        "SPDXID": "SPDXRef-image",
        "name": name,
        "versionInfo": plan.release.version,
        "supplier": f"Organization: {who.vendor}",
        "downloadLocation": "NOASSERTION",
        "filesAnalyzed": False,
        "primaryPackagePurpose": "OPERATING-SYSTEM",
    }
    relations = [("SPDXRef-DOCUMENT", "DESCRIBES", "SPDXRef-image")]
    relations += [("SPDXRef-image", "CONTAINS", identifiers[package.nevra]) for package in plan.packages]
    return {
        "spdxVersion": "SPDX-2.3",
        "dataLicense": "CC0-1.0",
        "SPDXID": "SPDXRef-DOCUMENT",
        "name": name,
        "documentNamespace": f"{who.home.rstrip('/')}/spdx/{name}-{plan.seed}",
        "creationInfo": {
            "created": datetime.fromtimestamp(plan.epoch, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "creators": ["Tool: bluejacket", f"Organization: {who.vendor}"],
        },
        "packages": [image, *(_spdx_package(plan, p, identifiers[p.nevra]) for p in plan.packages)],
        "relationships": [
            {"spdxElementId": one, "relationshipType": kind, "relatedSpdxElement": other}
            for one, kind, other in relations
        ],
    }


def _identifiers(packages: Iterable[Chosen]) -> dict[str, str]:
    # SPDX 2.3, 3.2: letters, numbers, "." and "-"
    return {
        package.nevra: f"SPDXRef-{re.sub(r'[^A-Za-z0-9.-]', '-', package.nevra)}-{package.sha256[:12]}"
        for package in packages
    }


def _spdx_package(plan: Plan, package: Chosen, identifier: str) -> dict[str, object]:
    who = plan.release.distribution
    addresses = [package_url(plan.release, package.name, package.evr, package.arch)]
    addresses += [origin] if (origin := origin_of(package.rpm)) else []
    return {
        "SPDXID": identifier,
        "name": package.name,
        "versionInfo": package.evr,
        "packageFileName": package.rpm.name,
        "supplier": f"Organization: {who.vendor}",
        "downloadLocation": "NOASSERTION",
        "filesAnalyzed": False,
        "checksums": [{"algorithm": "SHA256", "checksumValue": package.sha256}],
        "licenseConcluded": "NOASSERTION",
        "licenseDeclared": package.licence if _is_spdx(package.licence) else "NOASSERTION",
        "licenseComments": f"The package says: {package.licence or 'nothing'}",
        "copyrightText": "NOASSERTION",
        "externalRefs": [
            {"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl", "referenceLocator": address}
            for address in addresses
        ],
    }


def origin_of(rpm: Path) -> str:
    """Give the package URL of what a converted package came from, or an empty string for one of our own."""
    try:
        cookie = rpm_rs.PackageMetadata.open(str(rpm)).cookie
    except RuntimeError:  # rpmbuild writes none
        return ""
    return cookie if cookie.startswith("pkg:") else ""


@cache
def _is_spdx(expression: str) -> bool:
    """Say whether a licence is an SPDX expression of known identifiers (SPDX 2.3, annex D)."""
    from license_expression import get_spdx_licensing

    return bool(expression) and not get_spdx_licensing().validate(expression).errors


def provenance(plan: Plan, lock: Lock, feed: str, step: str, outputs: Mapping[str, str]) -> dict[str, object]:
    """Give an in-toto statement (v1) with SLSA provenance (v1): what was made of what, all by SHA-256.

    `feed` is the hash of the feed's repomd.xml, `step` the key of the build's step, `outputs` the hash of
    each file of the image. What was accepted although it was wrong (see `Lock.tolerated`) is told as well.
    """
    materials = [_material("repomd.xml", "feed", feed)]
    materials += [_material(package.rpm.name, "package", package.sha256) for package in plan.packages]
    materials += [_material(name, "file", digest) for name, digest in sources_of(plan).items()]
    materials += [_material(name, "lock", digest) for name, digest in locks_of(plan).items()]
    for kind, locked in (("upstream", lock.packages), ("tool", lock.tools), ("source", lock.materials)):
        materials += [_material(one.package.nevra, kind, one.package.sha256) for one in locked]
    materials += [_material(f"{i.archive}/{i.suite}", "index", i.sha256) for i in lock.indexes]
    return {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": name, "digest": {"sha256": digest}} for name, digest in sorted(outputs.items())],
        "predicateType": "https://slsa.dev/provenance/v1",
        "predicate": {
            "buildDefinition": {
                "buildType": _BUILD_TYPE,
                "externalParameters": {
                    "release": plan.release.version,
                    "image": plan.image.model_dump(mode="json", by_alias=True),
                    "profile": plan.profile.model_dump(mode="json", by_alias=True),
                },
                "internalParameters": {
                    "epoch": plan.epoch,
                    "seed": str(plan.seed),
                    "tolerated": lock.tolerated,
                },
                "resolvedDependencies": materials,
            },
            "runDetails": {
                "builder": {"id": "https://bluejacket.example/builder/local"},
                "metadata": {"invocationId": step},
            },
        },
    }


def sources_of(plan: Plan) -> dict[str, str]:
    """Give the SHA-256 of each file of the definitions that the image puts in, by its name there."""
    names = dict.fromkeys(file.source for file in plan.image.files if file.source is not None)
    return {name: sha256_of(plan.release.path(name)) for name in names}


def locks_of(plan: Plan) -> dict[str, str]:
    """Give the SHA-256 of the locks behind the image, by their names below the definitions' folder.

    These are the release's own and that of the release whose tools make it, which may be the same.
    """
    own = lock_file(plan.release)
    files = {own, own.with_name(f"{plan.release.tools_release}.json")}
    return {file.relative_to(plan.release.folder).as_posix(): sha256_of(file) for file in sorted(files)}


def tolerated(folder: Path) -> list[str]:
    """Give what was accepted although it was wrong (see `Lock.tolerated`) for the image in `folder`."""
    statement = json.loads((folder / PROVENANCE).read_text("utf-8"))
    parameters = statement["predicate"]["buildDefinition"].get("internalParameters", {})
    return list(parameters.get("tolerated", ()))


def _material(name: str, kind: str, digest: str) -> dict[str, object]:
    return {"name": name, "digest": {"sha256": digest}, "annotations": {"kind": kind}}
