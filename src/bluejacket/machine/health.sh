# What a machine says of itself, as "@@name" lines with the answer below each; run once, as root, over ssh.
# Its first argument is the id of a boot that is not meant: then it ends at once with status 75.
# It must not change anything, and must not fail: a question without an answer has none below its name.
export LC_ALL=C.UTF-8 SYSTEMD_COLORS=0 SYSTEMD_PAGER=
say() { printf '\n@@%s\n' "$1"; }
if [ "$(cat /proc/sys/kernel/random/boot_id)" = "$1" ]; then exit 75; fi
say state; systemctl is-system-running --wait
say failed; systemctl list-units --failed --plain --no-legend --full
say times; systemctl show -p FirmwareTimestampMonotonic -p LoaderTimestampMonotonic \
    -p KernelTimestampMonotonic -p InitRDTimestampMonotonic -p UserspaceTimestampMonotonic -p FinishTimestampMonotonic
say selinux; cat /sys/fs/selinux/enforce
say denials
{ journalctl -b -q -o cat --no-pager _TRANSPORT=kernel; journalctl -b -q -o cat --no-pager _TRANSPORT=audit; } |
    grep -E 'avc: +denied'
say memory; cat /proc/meminfo
say cloud-init; cat /run/cloud-init/status.json
say cloud-init-ds; cat /run/cloud-init/result.json
say release; cat /etc/os-release
say kernel; uname -r
say kernel-arguments; cat /proc/cmdline
say root; findmnt -n -b -o SOURCE,FSTYPE,SIZE,USED /
say disk; lsblk -n -b -d -o NAME,SIZE,TYPE
say boot; bootctl status --no-pager
say packages; rpm -qa --qf '%{name}-%{evr}.%{arch}\n'
say end
