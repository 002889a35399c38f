#!/bin/sh
# Has rpm and DNF forget the keys that /usr/lib/bluejacket/revoked-keys names; of the system below $1, if that is given.
set -eu
root=${1:-}
system() { rpmkeys ${root:+--root "$root"} "$@"; }
known=$(system --list)
while read -r key; do
    # rpm before 6 names a key by the last eight digits of its fingerprint, in small letters.
    short=$(printf %s "$key" | cut -c33-40 | tr A-F a-f)
    case $known in
    *"$short"*) system --delete "$key" || system --delete "$short" ;;
    esac
done <"$root/usr/lib/bluejacket/revoked-keys"
# DNF keeps the keys of a feed's metadata with the metadata; it reads those that are left from the feed's gpgkey again.
rm -rf "$root"/var/cache/libdnf5/*/pubring "$root"/var/cache/dnf/*/pubring
