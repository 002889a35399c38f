"""Bluejacket for cloud-init: RPM packages through DNF5, network through systemd-networkd."""

from cloudinit import subp, util
from cloudinit.distros import azurelinux


class Distro(azurelinux.Distro):
    hostname_conf_fn = "/etc/hostname"

    def __init__(self, name, cfg, paths):
        super().__init__(name, cfg, paths)
        self.default_locale = "C.UTF-8"
        # The unit as OpenSSH's package names it here; `sshd` is its alias.
        cfg["ssh_svcname"] = "ssh"

    def package_command(self, command, args=None, pkgs=None):
        words = ["dnf5", "-y"]
        if isinstance(args, str):
            words.append(args)
        elif args:
            words.extend(args)
        words.append(command)
        words.extend(util.expand_package_list("%s-%s", pkgs or []))
        # What DNF5 says goes to cloud-init's own log.
        subp.subp(words, capture=False)

    def _write_hostname(self, hostname, filename):
        # hostnamectl speaks over D-Bus, which is not there yet in cloud-init's first stage.
        util.write_file(filename, f"{hostname}\n", 0o644)

    def _read_hostname(self, filename, default=None):
        try:
            return util.load_text_file(filename).strip() or default
        except OSError:
            return default
