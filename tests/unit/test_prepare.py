"""What ./run and ./test say to a machine that cannot do it, and how they know that .venv is whole."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from time import monotonic

import pytest

TOP = Path(__file__).parents[2]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout with the scripts alone, readable for everybody."""
    top = tmp_path / "checkout"
    (top / "scripts").mkdir(parents=True)
    for name in ("run", "test", "requirements.lock", "scripts/prepare.sh"):
        shutil.copy(TOP / name, top / name)
    for above in (top, *top.parents):
        if above.stat().st_uid == os.getuid() and above != Path("/"):
            above.chmod(above.stat().st_mode | 0o055)
    return top


def said(command: list[str], checkout: Path, **options: object) -> tuple[int, str]:
    done = subprocess.run(
        command,
        cwd=checkout,
        text=True,
        capture_output=True,
        timeout=60,
        check=False,
        **options,  # type: ignore[call-overload]
    )
    assert done.stdout == ""
    return done.returncode, done.stderr


@pytest.mark.parametrize("script", ["./run", "./test"])
def test_not_root(script: str, checkout: Path) -> None:
    assert said([script], checkout, user=65534) == (
        2,
        "bluejacket: run this as root: it works with package ownership and mounts\n",
    )


@pytest.mark.parametrize(
    ("release", "name"),
    [
        ('ID=fedora\nVERSION_ID=43\nPRETTY_NAME="Fedora Linux 43"\n', "Fedora Linux 43"),
        (
            'ID=debian\nVERSION_ID="11"\nPRETTY_NAME="Debian GNU/Linux 11 (bullseye)"\n',
            "Debian GNU/Linux 11 (bullseye)",
        ),
        ("", "an unknown system"),
    ],
    ids=["another", "old", "none"],
)
def test_another_distribution(release: str, name: str, checkout: Path) -> None:
    """The real file is hidden below another one, in a mount namespace of its own."""
    (checkout / "os-release").write_text(release)
    hide = f"mount --bind {checkout}/os-release /usr/lib/os-release && exec ./run"
    assert said(["unshare", "--mount", "bash", "-c", hide], checkout) == (
        2,
        f"bluejacket: this needs Debian 12 or later, and this is {name}\n",
    )


def test_an_old_python(checkout: Path, tmp_path: Path) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    old = programs / "python3"
    old.write_text("#!/bin/sh\ncase $2 in *version_info*) exit 1 ;; *) echo 3.9.2 ;; esac\n")
    old.chmod(0o755)
    env = os.environ | {"PATH": f"{programs}:{os.environ['PATH']}"}
    assert said(["./run"], checkout, env=env) == (
        2,
        "bluejacket: this needs Python 3.11 or later, and python3 is 3.9.2\n",
    )


def ready(checkout: Path) -> bool:
    """Whether the scripts take the checkout's .venv for whole."""
    ask = ". scripts/prepare.sh; venv_is_ready"
    return subprocess.run(["bash", "-c", ask], cwd=checkout, timeout=60, check=False).returncode == 0


def test_a_half_made_venv_is_not_taken_for_a_whole_one(checkout: Path) -> None:
    assert not ready(checkout)
    programs = checkout / ".venv" / "bin"
    programs.mkdir(parents=True)
    (programs / "python").symlink_to(sys.executable)
    (programs / "bluejacket").write_text("#!/bin/sh\n")
    (programs / "bluejacket").chmod(0o755)
    assert not ready(checkout)
    stamp = subprocess.run(
        ["bash", "-c", ". scripts/prepare.sh; venv_key"],
        cwd=checkout,
        text=True,
        capture_output=True,
        check=True,
    ).stdout
    (checkout / ".venv" / "made-from").write_text(stamp)
    assert ready(checkout)
    with (checkout / "requirements.lock").open("a") as lock:
        lock.write("# another\n")
    assert not ready(checkout)


def test_a_moved_checkout_makes_a_new_venv(checkout: Path) -> None:
    test_a_half_made_venv_is_not_taken_for_a_whole_one(checkout)
    shutil.copy(TOP / "requirements.lock", checkout / "requirements.lock")
    assert ready(checkout)
    assert not ready(checkout.rename(checkout.with_name("moved")))


def test_the_second_start_is_quick() -> None:
    """A bound far above what it takes: this only finds a check that became slow, such as asking pip."""
    started = monotonic()
    subprocess.run(["bash", "-c", ". scripts/prepare.sh; check_machine; venv_is_ready"], cwd=TOP, check=True)
    assert monotonic() - started < 5


def test_ci_runs_the_tests() -> None:
    assert "/../test" in (TOP / ".ci" / "run").read_text()
    for name in ("run", "test", ".ci/run"):
        assert os.access(TOP / name, os.X_OK), name


def test_a_browser_for_the_tests(checkout: Path, tmp_path: Path) -> None:
    """It is installed where there is none, and never twice."""
    programs = tmp_path / "bin"
    programs.mkdir()
    apt = programs / "apt-get"
    apt.write_text(
        f'#!/bin/sh\necho "$@" >>{tmp_path}/asked\n'
        f"case $* in *chromium) touch {programs}/chromium; chmod 0755 {programs}/chromium ;; esac\n"
    )
    apt.chmod(0o755)
    for tool in ("bash", "touch", "chmod"):
        (programs / tool).symlink_to(str(shutil.which(tool)))
    (programs / "sh").symlink_to(str(shutil.which("sh")))
    ask = ["bash", "-c", ". scripts/prepare.sh; prepare_browser; prepare_browser"]
    status, told = said(ask, checkout, env={"PATH": str(programs)})
    assert (status, told) == (
        0,
        "Installing chromium from the archive: a headless browser, to test the pages in\n",
    )
    assert (tmp_path / "asked").read_text().splitlines() == [
        "update -qq",
        "install -y -qq --no-install-recommends chromium",
    ]
    assert "prepare_browser" in (TOP / "test").read_text()
    assert "prepare_browser" not in (TOP / "run").read_text()


def test_a_database_server_for_the_tests(checkout: Path, tmp_path: Path) -> None:
    """It is installed where there is none, without one for the whole machine, and never twice."""
    apt = tmp_path / "bin" / "apt-get"
    apt.parent.mkdir()
    made = "/usr/lib/postgresql/15/bin"
    apt.write_text(
        f'#!/bin/sh\necho "$@" >>{tmp_path}/asked\n'
        f"cat /etc/postgresql-common/createcluster.d/* >{tmp_path}/settings\n"
        f"case $* in *postgresql) mkdir -p {made} && touch {made}/postgres ;; esac\n"
    )
    apt.chmod(0o755)
    hide = "mkdir -p /usr/lib/postgresql /etc/postgresql-common && "
    hide += "mount -t tmpfs none /usr/lib/postgresql && mount -t tmpfs none /etc/postgresql-common && "
    ask = ". scripts/prepare.sh; prepare_postgresql; prepare_postgresql; ls /etc/postgresql-common/* >&2"
    env = os.environ | {"PATH": f"{apt.parent}:{os.environ['PATH']}"}
    status, told = said(["unshare", "--mount", "bash", "-c", hide + ask], checkout, env=env)
    assert (status, told) == (
        0,
        "Installing postgresql from the archive: a database server, to keep a cloud's records in, in tests\n",
    )
    assert (tmp_path / "asked").read_text().splitlines() == [
        "update -qq",
        "install -y -qq --no-install-recommends postgresql",
    ]
    assert (tmp_path / "settings").read_text() == "create_main_cluster = false\n"
    assert "prepare_postgresql" in (TOP / "test").read_text()
    assert "prepare_postgresql" not in (TOP / "run").read_text()
