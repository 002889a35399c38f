"""Whatever happens inside leaves the program as one sentence on stderr and an exit status."""

from __future__ import annotations

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from bluejacket.cli.entry import Terminated, guarded, main
from bluejacket.cli.session import open_session
from bluejacket.definition.kinds import KINDS
from bluejacket.errors import Fault, OutsideError, Place, UserError

GOOD = Path(__file__).parents[1] / "definition" / "good"
FAULT = Fault("is odd", "make it even", Place("a.toml", 3, "b.c"))
KEPT = "what was finished is kept, the same command goes on from there"
BUGS = [ValueError("odd"), FileNotFoundError(errno.ENOENT, "odd"), ZeroDivisionError("odd")]
RUN = [sys.executable, "-c", "import sys; from bluejacket.cli.entry import main; sys.exit(main())"]


def raising(error: BaseException) -> Callable[[], int]:
    def work() -> int:
        raise error

    return work


@pytest.mark.parametrize(
    ("error", "status", "said"),
    [
        (
            UserError(Fault("is odd", "make it even", Place("a.toml", 3, "b.c"))),
            2,
            "a.toml:3: b.c: is odd (make it even)",
        ),
        (
            OutsideError("https://me:secret@mirror.example/x is gone"),
            1,
            "https://***@mirror.example/x is gone",
        ),
        (
            KeyboardInterrupt(),
            130,
            "interrupted; what was finished is kept, the same command goes on from there",
        ),
        (Terminated(), 143, f"terminated; {KEPT}"),
        (OSError(errno.ENOSPC, "", "/s/x"), 1, "the disk is full: /s/x"),
        (OSError(errno.EDQUOT, "", "/s/x"), 1, "the disk quota is used up: /s/x"),
        (PermissionError(errno.EACCES, "", "/s/x"), 1, "permission denied: /s/x"),
        (MemoryError(), 1, "no memory left"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else "",
)
def test_an_error_is_one_sentence(
    error: BaseException, status: int, said: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert guarded(raising(error), tmp_path) == status
    assert capsys.readouterr() == ("", f"bluejacket: {said}\n")
    assert list(tmp_path.iterdir()) == []


def test_every_fault_has_a_line_of_its_own(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert guarded(raising(UserError(Fault("one"), Fault("two"))), tmp_path) == 2
    assert capsys.readouterr().err == "bluejacket: one\nbluejacket: two\n"


@pytest.mark.parametrize("error", BUGS)
def test_a_bug_keeps_its_traceback_and_names_it(
    error: Exception, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert guarded(raising(error), tmp_path) == 1
    said = capsys.readouterr().err
    kept = next((tmp_path / "logs").glob("bug-*.txt"))
    assert said.startswith("bluejacket: this is a bug of ours, ")
    assert said.endswith(f"; please report {kept}\n")
    assert said.count("\n") == 1
    assert "Traceback (most recent call last)" in kept.read_text()
    assert "raise error" in kept.read_text()


def test_a_bug_where_nothing_can_be_kept_is_shown(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "logs").write_text("not a folder")
    assert guarded(raising(ValueError("odd")), tmp_path) == 1
    said = capsys.readouterr().err
    assert "ValueError: odd" in said
    assert said.endswith("bluejacket: this is a bug of ours; please report the lines above\n")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["chekc"], 'Unknown command "chekc". Did you mean "check"?'),
        (["check", "--relase", "4"], "Unknown option: --relase."),
        (["check", "--trace"], 'Command "check" parameter --trace requires an argument.'),
        (["why"], 'Command "why" parameter PACKAGE requires an argument.'),
    ],
)
def test_a_wrong_argument_is_the_persons_mistake(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == 2
    err = capsys.readouterr().err
    assert err.startswith("bluejacket: ")
    assert said in err
    assert err.count("\n") == 1
    assert "--help" in err


def call(*words: str, cwd: Path, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    whole = os.environ | {"BLUEJACKET_STATE": str(cwd / "state")} | (env or {})
    return subprocess.run(
        [*RUN, *words], cwd=cwd, env=whole, text=True, capture_output=True, timeout=60, check=False
    )


def test_check_of_good_definitions(tmp_path: Path) -> None:
    done = call("--distro", str(GOOD), "check", "--json", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["faults"] == []
    assert json.loads(done.stdout)["count"]["release"] == 2
    assert not (tmp_path / "state").exists()


def test_check_of_bad_definitions_names_file_line_and_key(tmp_path: Path) -> None:
    shutil.copytree(GOOD, tmp_path / "distro")
    (tmp_path / "distro" / "feeds" / "main.toml").write_text('[feed]\ndescripton = "x"\n')
    done = call("check", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    way_out = 'the nearest known one is "description"'
    first = f"bluejacket: distro/feeds/main.toml:2: feed.descripton: unknown key ({way_out})"
    assert first in done.stderr.splitlines()
    told = json.loads(call("--json", "check", cwd=tmp_path).stdout)["faults"]
    assert {
        "file": "distro/feeds/main.toml",
        "line": 2,
        "key": "feed.descripton",
        "what": "unknown key",
        "way_out": way_out,
    } in told
    assert call("check", "--json", cwd=tmp_path).returncode == 2


def test_global_options_stand_before_or_after_the_command(tmp_path: Path) -> None:
    before = call("--distro", str(GOOD), "--json", "check", "--trace", "bash", "--release", "1", cwd=tmp_path)
    after = call("check", "--trace", "bash", "--release", "1", "--json", "--distro", str(GOOD), cwd=tmp_path)
    by_environment = call(
        "check", "--trace=bash", "--release=1", "--json", cwd=tmp_path, env={"BLUEJACKET_DISTRO": str(GOOD)}
    )
    assert before.stdout == after.stdout == by_environment.stdout
    told = [(row["option"], row["value"]) for row in json.loads(before.stdout)]
    assert {("revision", "3"), ("exclude", '"rsh"'), ("macros", '"one 1"')} < set(told)


def test_definitions_are_found_from_a_folder_below(tmp_path: Path) -> None:
    shutil.copytree(GOOD, tmp_path / "distro")
    below = tmp_path / "a" / "b"
    below.mkdir(parents=True)
    done = call("check", cwd=below)
    assert done.returncode == 0
    assert "Harbour Linux 1 (Pier)" in done.stdout


def test_no_reader_is_no_error(tmp_path: Path) -> None:
    read, write = os.pipe()
    os.close(read)
    env = os.environ | {"BLUEJACKET_STATE": str(tmp_path / "state")}
    done = subprocess.run(
        [*RUN, "--distro", str(GOOD), "schema"],
        stdout=write,
        stderr=subprocess.PIPE,
        env=env,
        timeout=60,
        check=False,
    )
    os.close(write)
    assert (done.returncode, done.stderr) == (141, b"")


def test_an_interrupt_while_the_program_loads_is_one_sentence() -> None:
    """As from a person who is quicker than the imports."""
    struck = """if 1:
        import builtins, os, signal
        from bluejacket import cli
        load = builtins.__import__
        def strike(name, *rest):
            if name == "bluejacket.cli.entry":
                os.kill(os.getpid(), signal.SIGINT)
            return load(name, *rest)
        builtins.__import__ = strike
        cli.run()
    """
    done = subprocess.run([sys.executable, "-c", struck], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (130, "")
    assert done.stderr == "bluejacket: interrupted before anything was begun\n"


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_it_with_one_sentence(number: int, status: int, tmp_path: Path) -> None:
    """The program reads definitions that never end: a pipe whose other side stays open."""
    pipe = tmp_path / "distribution.toml"
    os.mkfifo(pipe)
    command = [*RUN, "--distro", str(tmp_path), "check"]
    with subprocess.Popen(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:
        writer = opened_when_read(pipe)
        child.send_signal(number)
        # Should the signal come just before the read, the end of the file lets Python see it.
        os.close(writer)
        out, err = child.communicate(timeout=60)
    assert (child.returncode, out) == (status, "")
    assert err.endswith("what was finished is kept, the same command goes on from there\n")
    assert err.count("\n") == 1


def opened_when_read(pipe: Path, limit_s: float = 60) -> int:
    """Give a writing end, as soon as somebody reads (fifo(7): until then ENXIO)."""
    end = time.monotonic() + limit_s
    while True:
        try:
            return os.open(pipe, os.O_WRONLY | os.O_NONBLOCK)
        except OSError as error:
            if error.errno != errno.ENXIO or time.monotonic() > end:
                raise
            time.sleep(0.01)


def test_help_imports_no_room_that_is_heavy() -> None:
    program = (
        "import sys\n"
        "from bluejacket.cli.entry import main\n"
        "status = main(['--help'])\n"
        "heavy = {'pydantic', 'httpx', 'solv', 'rpm_rs', 'createrepo_c', 'spdx_tools'} & set(sys.modules)\n"
        "sys.exit(f'{status} {heavy}' if status or heavy else 0)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], text=True, capture_output=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "check" in done.stdout


def test_help_names_every_kind_of_file_and_its_tables(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schema", "--help"]) == 0
    told = capsys.readouterr().out
    for kind in KINDS:
        assert kind.where in told
        assert all((field.alias or name) in told for name, field in kind.model.model_fields.items())


def test_the_next_commands_lead_to_the_same_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BLUEJACKET_DISTRO", str(GOOD))
    monkeypatch.setenv("BLUEJACKET_STATE", str(tmp_path))
    assert open_session(None, None, False, False).options() == []
    assert open_session(GOOD, tmp_path, False, False).options() == []
    other = open_session(tmp_path / "my distro", tmp_path / "state", False, False)
    assert other.options() == ["--distro", f"'{tmp_path}/my distro'", "--state", f"{tmp_path}/state"]
