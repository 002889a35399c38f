# Sourced by ./run and ./test from the top folder: checks the machine and makes .venv, once.
# Exit status 2: this machine cannot do it; 1: something outside failed.

fail() {
    printf 'bluejacket: %s\n' "$2" >&2
    exit "$1"
}

check_machine() {
    [ "$(id -u)" = 0 ] || fail 2 "run this as root: it works with package ownership and mounts"
    local ID='' VERSION_ID='' PRETTY_NAME=''
    # shellcheck disable=SC1091
    [ ! -r /etc/os-release ] || . /etc/os-release
    [ "$ID" = debian ] || fail 2 "this needs Debian 12 or later, and this is ${PRETTY_NAME:-an unknown system}"
    [ "${VERSION_ID:-99}" -ge 12 ] || fail 2 "this needs Debian 12 or later, and this is $PRETTY_NAME"
    [ "$(uname -m)" = x86_64 ] || fail 2 "this needs an x86-64 machine, and this is $(uname -m)"
}

# What a finished .venv was made from; a moved checkout, another lock or another Python make it a new one.
venv_key() {
    sha256sum <requirements.lock
    pwd
    readlink -f .venv/bin/python || true
}

venv_is_ready() {
    [ -x .venv/bin/python ] && [ -x .venv/bin/bluejacket ] && [ -f .venv/made-from ] &&
        [ "$(venv_key)" = "$(cat .venv/made-from)" ]
}

install_from_archive() {
    printf 'Installing %s from the archive: %s\n' "$1" "$2" >&2
    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$1" >&2 ||
        fail 1 "apt could not install $1; its message is above"
}

make_venv() {
    command -v python3 >/dev/null || fail 2 "this needs Python 3.11 or later: apt install python3"
    python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
        fail 2 "this needs Python 3.11 or later, and python3 is $(python3 -c 'import platform; print(platform.python_version())')"
    python3 -c 'import ensurepip, venv' 2>/dev/null ||
        install_from_archive python3-venv "Python's own environments, to keep our packages apart from the system's"
    printf 'Installing %s Python packages into .venv: what pyproject.toml asks for, in the versions of requirements.lock\n' \
        "$(grep -c == requirements.lock)" >&2
    # Without its stamp .venv is half made, or was: begin anew.
    if [ -f .venv/made-from ] && [ -x .venv/bin/python ]; then
        rm .venv/made-from
    else
        python3 -m venv --clear .venv || fail 1 "python3 could not make .venv; its message is above"
    fi
    .venv/bin/python -m pip install --quiet --quiet --disable-pip-version-check --no-deps --require-hashes \
        --requirement requirements.lock ||
        fail 1 "pip could not install the Python packages; its message is above, and the next run goes on from there"
    local packages
    packages=$(.venv/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
    printf '%s\n' "$PWD/src" >"$packages/bluejacket.pth"
    # Worker processes import this file again: only the first may start the program.
    printf '%s\n' "#!$PWD/.venv/bin/python" 'import sys' 'from bluejacket.cli import main' \
        'if __name__ == "__main__":' '    sys.exit(main())' >.venv/bin/bluejacket
    chmod 0755 .venv/bin/bluejacket
    venv_key >.venv/made-from.part
    mv .venv/made-from.part .venv/made-from
}

prepare() {
    check_machine
    venv_is_ready && return
    exec 9>.venv-lock
    flock 9
    venv_is_ready || make_venv
    exec 9>&-
}
