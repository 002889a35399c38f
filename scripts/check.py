"""Runs every check and ends with one line that counts them: `N passed, N failed`.

./test                     all of it, within half an hour
./test --long              with the full counts of kills, power cuts and tampering
./test --update            rewrites the generated reference pages first
./test tests/unit -k lines only what pytest's arguments choose, without the linters
"""

from __future__ import annotations

import signal
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from time import monotonic

BIN = Path(sys.executable).parent
PYTEST = [sys.executable, "-m", "pytest", "-q", "--durations=30", "--durations-min=10"]
LANES = ["-n", "2", "--dist", "loadscope"]  # see tests/lanes.py
MYPY = ["mypy", "--strict", "--no-error-summary"]
LINTERS = {
    "ruff check": ["ruff", "check", "--quiet", "."],
    "ruff format": ["ruff", "format", "--check", "--quiet", "."],
    "mypy": [*MYPY, "src", "scripts", "bench"],
    # What runs in a machine, by the Python that each release has
    "mypy, guests, 3.13": [*MYPY, "--python-version=3.13", "distro/packages"],
    "mypy, guests, 3.14": [*MYPY, "--python-version=3.14", "distro/packages"],
    "import-linter": ["lint-imports", "--no-logo"],
}


def main(arguments: Sequence[str]) -> int:
    """Run the checks. Gives 0 when all passed."""
    # A shell has what it puts into the background ignore this signal, which tests send to their programs.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    long = "--long" in arguments
    update = ["--update"] if "--update" in arguments else []
    chosen = [word for word in arguments if word not in ("--long", "--update")]
    tally: Counter[str] = Counter()
    marks = [] if long else ["-m", "not long"]
    if chosen:
        run_pytest("tests", [*marks, *update, *chosen], tally)
    else:
        for name, command in LINTERS.items():
            run_linter(name, [str(BIN / command[0]), *command[1:]], tally)
        check_shell_scripts(tally)
        run_pytest("unit tests", ["tests/unit", "-n", "2", *marks, *update], tally)
        run_pytest("integration tests", ["tests/integration", *LANES, *marks, *update], tally)
    skipped = f", {tally['skipped']} skipped" if tally["skipped"] else ""
    print(f"{tally['passed']} passed, {tally['failed']} failed{skipped}", flush=True)
    return 1 if tally["failed"] else 0


def run_linter(name: str, command: Sequence[str], tally: Counter[str]) -> None:
    """Run one linter; its words are shown only when it complains."""
    started = monotonic()
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    tell(name, done.returncode == 0, started, done.stdout, tally)


def check_shell_scripts(tally: Counter[str]) -> None:
    """Have bash read every shell script of the repository, without running it."""
    started = monotonic()
    listed = subprocess.run(["git", "ls-files", "-z"], stdout=subprocess.PIPE, text=True, check=True)
    complaints = ""
    for name in filter(None, listed.stdout.split("\0")):
        first = first_line(Path(name))
        if name.endswith(".sh") or (first.startswith("#!") and first.rstrip().endswith(("bash", "/sh"))):
            read = subprocess.run(
                ["bash", "-n", name], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
            )
            complaints += read.stdout
    tell("bash -n", not complaints, started, complaints, tally)


def first_line(file: Path) -> str:
    """Give a file's first line, or nothing where it is not text or gone."""
    try:
        with file.open(encoding="utf-8") as stream:
            return stream.readline(200)
    except (OSError, UnicodeDecodeError):
        return ""


def run_pytest(name: str, arguments: Sequence[str], tally: Counter[str]) -> None:
    """Run pytest with its own output and add what it counted."""
    print(f"== {name}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        result = Path(folder, "result.xml")
        done = subprocess.run([*PYTEST, f"--junitxml={result}", *arguments], check=False)
        if done.returncode not in (0, 1, 5) or not result.exists():
            tally["failed"] += 1
            return
        for suite in ElementTree.parse(result).getroot().iter("testsuite"):
            count = {key: int(suite.get(key, "0")) for key in ("tests", "failures", "errors", "skipped")}
            bad = count["failures"] + count["errors"]
            tally["failed"] += bad
            tally["skipped"] += count["skipped"]
            tally["passed"] += count["tests"] - bad - count["skipped"]


def tell(name: str, passed: bool, started: float, complaints: str, tally: Counter[str]) -> None:
    """Print one check's verdict and count it."""
    tally["passed" if passed else "failed"] += 1
    print(f"{'ok  ' if passed else 'FAIL'} {name} ({monotonic() - started:.1f} s)", flush=True)
    if not passed:
        print(complaints.rstrip(), flush=True)


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        sys.exit(130)
