"""Names of vaults on this host: the one change that a cloud makes to its environment.

glibc resolves no `*.localhost` by itself, so every vault has a line in the hosts file. Each line ends with
a mark of the cloud that wrote it, and a cloud touches none but its own. The file is written in place, because
in a container it is a mount and cannot be replaced.
"""

from __future__ import annotations

import fcntl
from collections.abc import Callable, Collection
from pathlib import Path

from bluejacket.report import Report

HOSTS = Path("/etc/hosts")


class HostNames:
    """The lines of one cloud; `mark` is a word of its own. An unwritable file is told, and no error."""

    def __init__(self, mark: str, report: Report, file: Path = HOSTS) -> None:
        self._mark = f"# bluejacket cloud {mark}"
        self._report = report
        self._file = file

    def replace(self, names: Collection[str]) -> None:
        """Have these names mean this host, and no others."""
        self._edit(lambda _: set(names))

    def add(self, name: str) -> None:
        """Have one more name mean this host."""
        self._edit(lambda names: names | {name})

    def remove(self, name: str) -> None:
        """Forget one name."""
        self._edit(lambda names: names - {name})

    def clear(self) -> None:
        """Leave the file as if the cloud had never been."""
        self._edit(lambda _: set())

    def _edit(self, change: Callable[[set[str]], set[str]]) -> None:
        try:
            with self._file.open("r+", encoding="utf-8") as stream:
                fcntl.flock(stream, fcntl.LOCK_EX)
                text = stream.read()
                lines = text.splitlines(keepends=True)
                mine = [line for line in lines if line.rstrip().endswith(self._mark)]
                names = {word for line in mine for word in line.partition("#")[0].split()[1:]}
                wanted = change(names)
                if wanted == names:
                    return
                rest = "".join(line for line in lines if line not in mine)
                rest += "" if rest.endswith("\n") or not rest else "\n"
                written = rest + "".join(f"127.0.0.1 {name} {self._mark}\n" for name in sorted(wanted))
                stream.seek(0)
                stream.write(written)
                stream.truncate()
        except OSError as error:
            what = f"{self._file} cannot be written ({error.strerror}): programs will not find the vaults"
            self._report.warn(f"{what}; add a line `127.0.0.1 NAME.vault.localhost` for each by hand")
