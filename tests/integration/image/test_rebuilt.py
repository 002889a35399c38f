"""Release 4 built whole once more, in another place: the same files, to the last byte."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from bluejacket.definition import Release
from bluejacket.feed.built import Built
from bluejacket.foundation.lock import Lock
from bluejacket.image import BuiltImage
from bluejacket.store import State
from bluejacket.store.blobs import sha256_of
from freshstate import state_with_downloads
from longrun import LongRun

pytestmark = pytest.mark.long
LIMIT_S = 3 * 3600


def files(folder: Path) -> dict[str, str]:
    """Give mode and content of everything in a folder: the SHA-256 of a file, the target of a link."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_dir() and not path.is_symlink():
            continue
        what = os.readlink(path) if path.is_symlink() else sha256_of(path)
        found[path.relative_to(folder).as_posix()] = f"{path.lstat().st_mode:o} {what}"
    return found


def test_everything_is_built_again_elsewhere_with_the_same_bytes(
    state: State, release: Release, lock: Lock, feed: Built, image: BuiltImage, long_run: LongRun
) -> None:
    """From the downloads and the keys alone: the tools too are made anew, under another umask and clock."""
    with long_run.folder("rebuilt") as top:
        distro = top / "other place" / "definitions"
        shutil.copytree(release.folder, distro)
        elsewhere = state_with_downloads(top / "state", state, lock)
        shutil.copytree(state.keys, elsewhere.keys)
        options = ["--distro", str(distro), "--state", str(elsewhere.root)]
        words = ["image", "build", image.name, "--release", release.version]
        done = subprocess.run(
            [sys.executable, "-m", "bluejacket", *options, *words],
            env=os.environ | {"TZ": "Pacific/Kiritimati", "LC_ALL": "C", "HOME": str(top)},
            cwd=top,
            umask=0o077,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=LIMIT_S,
            check=False,
        )
        assert done.returncode == 0, done.stdout
        who = release.distribution.id
        again = elsewhere.feed_link(who, release.version).resolve()
        assert again != feed.folder
        assert files(again) == files(feed.folder)
        assert len(list(again.rglob("*.rpm"))) == feed.packages
        rebuilt = elsewhere.image_link(who, release.version, image.name).resolve()
        assert files(rebuilt) == files(image.folder)
