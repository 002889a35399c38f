"""The packages that say what a release is and how it is hardened, as rpmbuild makes them."""

from __future__ import annotations

import stat
from configparser import ConfigParser
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from bluejacket.definition import Release
from bluejacket.feed.built import Built
from bluejacket.package.own import Workshop, build_plain
from bluejacket.store import Store
from bluejacket.tools import Sandbox
from debs import BUILT
from feeds import SIGNER

_INSIDE = "/run/package"


@dataclass(frozen=True)
class Unpacked:
    """A package's files below `folder`, and what it provides and configures, as rpm tells it."""

    folder: Path
    provides: list[str]
    configuration: list[str]

    def text(self, path: str) -> str:
        return (self.folder / path.lstrip("/")).read_text("utf-8")

    def words(self, path: str) -> dict[str, str]:
        """Give the settings of a file: the first word of each line (or what is before "=") and the rest."""
        lines = (line for line in self.text(path).splitlines() if line and not line.startswith("#"))
        pairs = (line.split("=" if "=" in line else None, 1) for line in lines)
        return {name.strip(): value.strip() for name, value in pairs}


def unpacked(release: Release, sandbox: Sandbox, top: Path, name: str) -> Unpacked:
    """Build a component of ours alone, and unpack it with rpm's own tools."""
    only = tuple(one for one in release.components if one.name == name)
    shop = Workshop(Store(top / "store"), sandbox, "tools", SIGNER, BUILT)
    (made,) = build_plain(shop, replace(release, components=only), {})
    folder = top / "package"
    folder.mkdir()
    (folder / "package.rpm").write_bytes(made.rpm.read_bytes())
    script = f"""
set -eu
cd {_INSIDE}
rpm2cpio package.rpm | cpio -idm --quiet
rpm -qp --nosignature --provides package.rpm >provides
rpm -qp --nosignature --configfiles package.rpm >configuration
"""
    sandbox.run(["sh", "-c", script], name="unpack", binds={folder: _INSIDE})
    lists = [(folder / part).read_text().splitlines() for part in ("provides", "configuration")]
    return Unpacked(folder, *lists)


@pytest.fixture
def identity(release: Release, sandbox: Sandbox, tmp_path: Path) -> Unpacked:
    return unpacked(release, sandbox, tmp_path, "bluejacket-release")


@pytest.fixture
def hardening(release: Release, sandbox: Sandbox, tmp_path: Path) -> Unpacked:
    return unpacked(release, sandbox, tmp_path, "bluejacket-hardening")


def test_the_release_package_is_what_dnf_and_a_login_ask(identity: Unpacked, release: Release) -> None:
    """Identity, end of support, the repository with both checks and its key, and what runs by default."""
    who, feed, version = release.distribution, release.feed, release.version
    assert {f"system-release = {version}", f"system-release(releasever) = {version}"} <= set(
        identity.provides
    )

    said = identity.words("/usr/lib/os-release")
    assert said["ID"] == who.id
    assert said["PRETTY_NAME"] == f'"{release.pretty_name}"'
    assert said["SUPPORT_END"] == release.support_end.isoformat()
    ours = release.path("packages/bluejacket-release")
    assert identity.text(f"/etc/profile.d/{who.id}-support-end.sh") == (ours / "support-end.sh").read_text()

    repositories = ConfigParser(interpolation=None)
    repositories.read_string(identity.text(f"/etc/yum.repos.d/{who.id}.repo"))
    (name,) = repositories.sections()
    key = f"/etc/pki/rpm-gpg/RPM-GPG-KEY-{who.id}-{version}"
    assert name == f"{who.id}-{feed.name}"
    assert dict(repositories[name]) == {
        "name": feed.description,
        "metalink": f"${feed.variable}/channels/${feed.variable.removesuffix('_feed')}_channel.metalink",
        "enabled": "1",
        "gpgcheck": "1",
        "repo_gpgcheck": "1",
        "gpgkey": f"file://{key}",
        "metadata_expire": str(feed.metadata_expire_s),
    }
    assert identity.text(key) == SIGNER.certificate()
    assert f"/etc/yum.repos.d/{who.id}.repo" in identity.configuration
    assert identity.text(f"/usr/share/dnf5/vars.d/{feed.variable}") == f"{feed.address_of(version)}\n"
    settings = ConfigParser()
    settings.read_string(identity.text(f"/usr/share/dnf5/libdnf.conf.d/50-{who.id}.conf"))
    assert settings["main"]["gpgcheck"] == settings["main"]["localpkg_gpgcheck"] == "1"
    assert settings["main"]["installonly_limit"] == "2"

    presets = "/usr/lib/systemd/system-preset"
    assert identity.text(f"{presets}/50-{who.id}.preset") == (ours / "bluejacket.preset").read_text()
    for kind in ("system", "user"):
        last = f"/usr/lib/systemd/{kind}-preset/99-default-disable.preset"
        assert identity.text(last).splitlines()[-1] == "disable *"


def test_the_hardening_package_sets_the_kernel_and_ssh(hardening: Unpacked, release: Release) -> None:
    kernel = hardening.words("/usr/lib/sysctl.d/60-bluejacket.conf")
    assert (
        kernel.items()
        >= {
            "kernel.dmesg_restrict": "1",
            "kernel.kptr_restrict": "2",
            "kernel.yama.ptrace_scope": "1",
            "kernel.unprivileged_bpf_disabled": "1",
            "kernel.kexec_load_disabled": "1",
            "fs.protected_symlinks": "1",
            "fs.protected_hardlinks": "1",
            "fs.suid_dumpable": "0",
            "net.ipv4.conf.*.accept_redirects": "0",
            "net.ipv6.conf.*.accept_redirects": "0",
            "net.ipv4.tcp_syncookies": "1",
        }.items()
    )

    file = "/etc/ssh/sshd_config.d/10-bluejacket.conf"
    ssh = hardening.words(file)
    for refused in ("PasswordAuthentication", "KbdInteractiveAuthentication", "PermitRootLogin"):
        assert ssh[refused] == "no"
    assert ssh["PermitEmptyPasswords"] == ssh["X11Forwarding"] == "no"
    assert stat.S_IMODE((hardening.folder / file.lstrip("/")).stat().st_mode) == 0o600
    assert file in hardening.configuration

    modules = hardening.text("/usr/lib/modprobe.d/60-bluejacket.conf")
    assert {f"install {name} /bin/false" for name in ("dccp", "sctp", "rds", "tipc")} <= set(
        modules.split("\n")
    )
    dumps = hardening.text("/usr/lib/systemd/system.conf.d/60-bluejacket.conf")
    assert "DefaultLimitCORE=0" in dumps.splitlines()


def test_dnf5_takes_the_settings_of_the_release(
    release: Release, feed: Built, sandbox: Sandbox, tmp_path: Path
) -> None:
    """With all that upstream's packages bring beside them; what nobody sets is DNF5's own default."""
    script = f"""
set -eu
cd {_INSIDE}
for package in /run/feed/packages/*/bluejacket-release-*.rpm /run/feed/packages/*/dnf-data-*.rpm \
    /run/feed/packages/*/libdnf5-*.rpm; do
    rpm2cpio "$package" | cpio -idm --quiet
done
dnf5 --installroot={_INSIDE} --dump-main-config
"""
    (tmp_path / "root").mkdir()
    shown = {feed.folder.resolve(): "/run/feed"}
    told = sandbox.output(
        ["sh", "-c", script], name="settings", binds={tmp_path / "root": _INSIDE}, ro_binds=shown
    )
    settings = dict(line.split(" = ", 1) for line in told.splitlines() if " = " in line)
    assert settings["installonly_limit"] == str(release.images["vm"].kernels_kept)
    assert settings["best"] == settings["pkg_gpgcheck"] == settings["clean_requirements_on_remove"] == "1"
    assert settings["skip_if_unavailable"] == settings["install_weak_deps"] == "0"
