"""Our own packages: each component with a spec, given what its release is called and signed with."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import rpm_rs

from bluejacket.definition import Component, ComponentKind, Release
from bluejacket.foundation.metadata import Evr
from bluejacket.package.bootkey import BootKey
from bluejacket.package.keys import KEY_TIME, Signer
from bluejacket.package.made import Made
from bluejacket.package.signed import find_signed, make_signed
from bluejacket.package.spec import Recipe, build_spec
from bluejacket.package.uki import UKI, Kernel, find_kernel, make_uki
from bluejacket.store import Store
from bluejacket.tools import Sandbox

KEY_SOURCE = "signing-key.asc"


@dataclass(frozen=True, slots=True)
class Workshop:
    """Where own packages are built: `tools` is the key of the tools tree of `box`.

    Without a `boot_key` nothing that the firmware is to start can be built.
    """

    store: Store
    box: Sandbox
    tools: str
    signer: Signer
    epoch: int  # seconds since 1970; dates what is built
    boot_key: BootKey | None = None


def build_plain(shop: Workshop, release: Release, materials: Mapping[str, Path]) -> list[Made]:
    """Build the components that are made by their spec alone, in the order of their definitions.

    `materials` has the foundation's packages that some are built from (`build_from`), by name.
    """
    plain = [c for c in release.components if c.kind is ComponentKind.SPEC]
    return [made for component in plain for made in _build(shop, release, component, materials)]


def build_for_boot(shop: Workshop, release: Release, imported: Sequence[Made]) -> list[Made]:
    """Build what the firmware starts, of the foundation's packages as they were `imported`.

    That is unified kernel images, and loaders with our signature.
    """
    found: list[Made] = []
    for component in release.components:
        if component.kernel is not None:
            found += build_uki(shop, release, component, find_kernel(imported, component.kernel))
        if component.signs is not None:
            found += build_signed(shop, release, component, find_signed(imported, component.signs))
    return found


def build_signed(shop: Workshop, release: Release, component: Component, origin: Made) -> list[Made]:
    """Build the package with the firmware's programs of `origin`, signed, in the component's revision."""
    assert component.spec is not None
    assert shop.boot_key is not None
    programs, key = make_signed(shop.store, shop.box, shop.tools, origin, shop.boot_key, _dated(origin))
    evr = Evr.parse(_evr(origin))
    macros = {
        "bj_signed_version": evr.version,
        "bj_signed_release": f"{evr.release}.{component.tag}{component.revision}",
        "bj_signed_requirement": f"{origin.name} = {_evr(origin)}",
    }
    recipe = Recipe(
        component.name,
        release.path(component.spec),
        component,
        shop.epoch,
        macros_of(release) | macros,
        {path.name: path for path in sorted(programs.glob("*.signed"))},
        (key,),
    )
    return build_spec(shop.store, shop.box, shop.tools, recipe, shop.signer)


def build_uki(shop: Workshop, release: Release, component: Component, kernel: Kernel) -> list[Made]:
    """Build one unified kernel image and its package, in the component's revision."""
    assert component.spec is not None
    assert shop.boot_key is not None
    folder = release.path(component.spec).parent
    version, number = kernel.evr.version, f"{kernel.evr.release}.{component.tag}{component.revision}"
    os_release = "".join(
        f"{name}={value}\n"
        for name, value in (
            ("ID", release.distribution.id),
            ("NAME", f'"{release.distribution.name}"'),
            ("PRETTY_NAME", f'"{release.pretty_name}, Linux {version}-{number}"'),
            ("VERSION_ID", release.version),
            # systemd-boot sorts by it: the newest kernel comes first
            ("IMAGE_ID", release.distribution.id),
            ("IMAGE_VERSION", f"{version}-{number}"),
        )
    )
    dated = _dated(kernel.image)
    made, key = make_uki(shop.store, shop.box, shop.tools, kernel, folder, os_release, shop.boot_key, dated)
    macros = {
        "bj_kernel": kernel.version,
        "bj_kernel_version": version,
        "bj_kernel_release": number,
        "bj_modules_requirement": f"{kernel.modules.name} = {_evr(kernel.modules)}",
    }
    recipe = Recipe(
        component.name,
        release.path(component.spec),
        component,
        shop.epoch,
        macros_of(release) | macros,
        {UKI: made / UKI},
        (key,),
    )
    return build_spec(shop.store, shop.box, shop.tools, recipe, shop.signer)


def _dated(origin: Made) -> int:
    """Give the time of a package of the foundation: what is made of it changes with it, not with the lock."""
    return max(KEY_TIME, int(rpm_rs.PackageMetadata.open(str(origin.rpm)).build_time))


def _evr(made: Made) -> str:
    assert made.package is not None
    return made.package.evr


def _build(
    shop: Workshop, release: Release, component: Component, materials: Mapping[str, Path]
) -> list[Made]:
    assert component.spec is not None
    spec = release.path(component.spec)
    brings_keys = spec.is_file() and KEY_SOURCE in spec.read_text("utf-8")
    recipe = Recipe(
        component.name,
        spec,
        component,
        shop.epoch,
        macros_of(release) | (_macros_of_keys(shop.signer) if brings_keys else {}),
        {KEY_SOURCE: shop.signer.certificate().encode("ascii")},
        unpacked=tuple(materials[name] for name in component.build_from),
    )
    signer = shop.signer.bridge if brings_keys else shop.signer
    return build_spec(shop.store, shop.box, shop.tools, recipe, signer)


def _macros_of_keys(signer: Signer) -> dict[str, str]:
    """Give what the package that brings the keys is told of them; nothing while there was only ever one."""
    values = {"generation": str(signer.generation or ""), "revoked": " ".join(signer.revoked)}
    return {f"bj_keys_{name}": value for name, value in values.items() if value}


def macros_of(release: Release) -> dict[str, str]:
    """Give what a spec may ask about its release, as `%{bj_…}`; an optional value is left out."""
    who, feed, patch = release.distribution, release.feed, release.patch
    values = {
        "version": release.version,
        "codename": release.codename,
        "codename_id": re.sub(r"[^a-z0-9._-]+", "-", release.codename.lower()),
        "name": who.name,
        "id": who.id,
        "id_like": who.id_like,
        "vendor": who.vendor,
        "home": who.home,
        "bug_url": who.bug_url,
        "support_url": who.support_url or "",
        "ansi_color": who.ansi_color,
        "cpe": f"cpe:/o:{who.cpe_vendor}:{who.id}:{release.version}" if who.cpe_vendor else "",
        "support_end": release.support_end.isoformat(),
        "feed_id": feed.name,
        "feed_description": feed.description,
        "feed_variable": feed.variable,
        "feed_address": feed.address_of(release.version),
        "metadata_expire_s": str(feed.metadata_expire_s),
        "patch_mode": patch.mode.value,
        "patch_hours": patch.hours,
        "patch_delay_minutes": str(patch.delay_minutes),
        "patch_reboot": patch.reboot.value,
        "kernels_kept": str(max((image.kernels_kept for image in release.images.values()), default=2)),
    }
    return {f"bj_{name}": value for name, value in values.items() if value}
