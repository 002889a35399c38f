"""Bluejacket for cloud-init: RPM packages through DNF, network through systemd-networkd."""

from collections.abc import Sequence
from typing import Any

from cloudinit import subp, util
from cloudinit.distros import azurelinux


class Distro(azurelinux.Distro):  # type: ignore[misc] # cloud-init is on the machine alone
    hostname_conf_fn = "/etc/hostname"

    def __init__(self, name: str, cfg: dict[str, Any], paths: Any) -> None:
        super().__init__(name, cfg, paths)
        self.default_locale = "C.UTF-8"
        # The unit as OpenSSH's package names it here; `sshd` is its alias.
        cfg["ssh_svcname"] = "ssh"

    def package_command(
        self, command: str, args: str | list[str] | None = None, pkgs: Sequence[str | list[str]] | None = None
    ) -> None:
        words = ["dnf", "-y"]
        if isinstance(args, str):
            words.append(args)
        elif args:
            words.extend(args)
        words.append(command)
        words.extend(util.expand_package_list("%s-%s", pkgs or []))
        # What DNF says goes to cloud-init's own log.
        subp.subp(words, capture=False)

    def _write_hostname(self, hostname: str, filename: str) -> None:
        # hostnamectl speaks over D-Bus, which is not there yet in cloud-init's first stage.
        util.write_file(filename, f"{hostname}\n", 0o644)

    def _read_hostname(self, filename: str, default: str | None = None) -> str | None:
        try:
            return util.load_text_file(filename).strip() or default
        except OSError:
            return default
