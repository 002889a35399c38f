"""Package URLs of a distribution's packages (purl-spec, type rpm), the same in every paper that names one."""

from __future__ import annotations

from urllib.parse import quote

from bluejacket.definition import Release


def release_name(release: Release) -> str:
    """Give the release's name as `/etc/os-release` has it: ID and VERSION_ID, as package URLs join them."""
    return f"{release.distribution.id}-{release.version}"


def package_url(release: Release, name: str, evr: str, arch: str) -> str:
    """Give a binary package's URL, the same in advisories and in bills of materials.

    The epoch is a qualifier and no part of the version (purl-spec, type rpm).
    """
    epoch, _, version = evr.rpartition(":")
    mark = f"&epoch={epoch}" if epoch not in ("", "0") else ""
    return (
        f"{_package(release, name)}@{quote(version, safe='')}"
        f"?arch={arch}&distro={release_name(release)}{mark}"
    )


def source_url(release: Release, source: str) -> str:
    """Give the package URL of a source package, whatever its version."""
    return f"{_package(release, source)}?arch=src&distro={release_name(release)}"


def _package(release: Release, name: str) -> str:
    return f"pkg:rpm/{quote(release.distribution.id, safe='')}/{quote(name, safe='')}"
