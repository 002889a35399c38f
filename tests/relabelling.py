"""What SELinux's policy lets an administrator do, asked of a guest's kernel."""

from __future__ import annotations

from guests import Guest

SEMANAGE = "unconfined_u:unconfined_r:semanage_t:s0-s0:c0.c1023"
POLICY_FILES = ("semanage_store_t", "file_context_t", "policy_config_t", "selinux_config_t")


def policy_files_kept_from_change(guest: Guest) -> set[str]:
    """Give the types of the policy's files that semodule may not relabel; empty for a good policy."""
    told = guest.python(f"""
import selinux
kind = selinux.string_to_security_class("file")
for name in {POLICY_FILES}:
    found = selinux.av_decision()
    target = f"unconfined_u:object_r:{{name}}:s0"
    selinux.security_compute_av_raw({SEMANAGE!r}, target, kind, 0, found)
    wanted = [selinux.string_to_av_perm(kind, word) for word in ("relabelfrom", "relabelto")]
    may = all(found.allowed & one for one in wanted)
    target = f"system_u:object_r:{{name}}:s0"
    selinux.security_compute_av_raw({SEMANAGE!r}, target, kind, 0, found)
    if may and found.allowed & wanted[1]:
        print(name)
""")
    return set(POLICY_FILES) - set(told.split())
