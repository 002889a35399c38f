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
    printf '%s\n' "#!$PWD/.venv/bin/python" 'from bluejacket.cli import run' \
        'if __name__ == "__main__":' '    run()' >.venv/bin/bluejacket
    chmod 0755 .venv/bin/bluejacket
    # Where the environment forbids Python to keep byte code, every start would compile all of it again.
    .venv/bin/python -m compileall -q src/bluejacket || fail 1 "src/bluejacket could not be compiled; the message is above"
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

# Only ./test needs it: the pages for people are tested in a real browser.
prepare_browser() {
    command -v chromium >/dev/null ||
        install_from_archive chromium "a headless browser, to test the pages in"
}

# Only ./test needs it: machines of the cloud are logged in to as a person would.
prepare_ssh() {
    command -v ssh >/dev/null || install_from_archive openssh-client "to log in to machines of the cloud, in tests"
}

# Only ./test needs it: the cloud's records are kept in a real database server as well. Tests start their own, in a
# temporary folder; the package shall start none for the whole machine (pg_createcluster(1)).
prepare_postgresql() {
    ! compgen -G '/usr/lib/postgresql/*/bin/postgres' >/dev/null || return 0
    local settings=/etc/postgresql-common/createcluster.d/bluejacket.conf
    mkdir -p "${settings%/*}"
    printf 'create_main_cluster = false\n' >"$settings"
    install_from_archive postgresql "a database server, to keep a cloud's records in, in tests"
    rm -f "$settings"
}

# Only ./test needs it: publishing to Azure Blob storage is tested against its emulator, in a folder for all checkouts.
prepare_azurite() {
    local lock=tests/azurite/package-lock.json folder
    folder=${XDG_CACHE_HOME:-$HOME/.cache}/bluejacket/azurite-$(sha256sum <"$lock" | cut -c-16)
    [ ! -d "$folder" ] || return 0
    command -v node >/dev/null || install_from_archive nodejs "to run the emulator of Azure's storage in tests"
    command -v npm >/dev/null || install_from_archive npm "to install the emulator of Azure's storage for tests"
    printf 'Installing Azurite into %s: the version of %s\n' "$folder" "$lock" >&2
    mkdir -p "$folder.part"
    cp "${lock%/*}"/*.json "$folder.part/"
    npm ci --prefix "$folder.part" --silent --omit=optional --no-audit --no-fund --no-update-notifier >&2 ||
        fail 1 "npm could not install Azurite; its message is above"
    mv -T "$folder.part" "$folder" || [ -d "$folder" ] || fail 1 "Azurite could not be put into $folder"
}
