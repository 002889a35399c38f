"""Our own packages: each component with a spec, given what its release is called and signed with."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from bluejacket.definition import Component, ComponentKind, Release
from bluejacket.package.imported import Made
from bluejacket.package.keys import Signer
from bluejacket.package.spec import Recipe, build_spec
from bluejacket.package.uki import UKI, Kernel, find_kernel, make_uki
from bluejacket.store import Store
from bluejacket.tools import Sandbox

KEY_SOURCE = "signing-key.asc"


@dataclass(frozen=True, slots=True)
class Workshop:
    """Where own packages are built: `tools` is the key of the tools tree of `box`."""

    store: Store
    box: Sandbox
    tools: str
    signer: Signer
    epoch: int  # seconds since 1970; dates what is built


def build_plain(shop: Workshop, release: Release) -> list[Made]:
    """Build the components that need nothing but their spec, in the order of their definitions."""
    plain = [c for c in release.components if c.kind is ComponentKind.SPEC]
    return [made for component in plain for made in _build(shop, release, component)]


def build_ukis(shop: Workshop, release: Release, imported: Sequence[Made]) -> list[Made]:
    """Build the unified kernel images, from the foundation's kernel as it was `imported`."""
    found: list[Made] = []
    for component in release.components:
        if component.kind is ComponentKind.UKI:
            assert component.kernel is not None
            found += build_uki(shop, release, component, find_kernel(imported, component.kernel))
    return found


def build_uki(shop: Workshop, release: Release, component: Component, kernel: Kernel) -> list[Made]:
    """Build one unified kernel image and its package, in the component's revision."""
    assert component.spec is not None
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
    made, key = make_uki(shop.store, shop.box, shop.tools, kernel, folder, os_release, shop.epoch)
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


def _evr(made: Made) -> str:
    assert made.package is not None
    return made.package.evr


def _build(shop: Workshop, release: Release, component: Component) -> list[Made]:
    assert component.spec is not None
    recipe = Recipe(
        component.name,
        release.path(component.spec),
        component,
        shop.epoch,
        macros_of(release),
        {KEY_SOURCE: shop.signer.certificate().encode("ascii")},
    )
    return build_spec(shop.store, shop.box, shop.tools, recipe, shop.signer)


def macros_of(release: Release) -> dict[str, str]:
    """Give what a spec may ask about its release, as `%{bj_…}`; an optional value is left out."""
    who, feed = release.distribution, release.feed
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
        "feed_address": feed.address,
        "metadata_expire_s": str(feed.metadata_expire_s),
        "kernels_kept": str(max((image.kernels_kept for image in release.images.values()), default=2)),
    }
    return {f"bj_{name}": value for name, value in values.items() if value}
