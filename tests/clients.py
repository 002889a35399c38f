"""A machine's package manager, which follows a channel."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from bluejacket.feed.verify import prepare_dnf
from bluejacket.tools import Sandbox
from feeds import SIGNER

_WORK = "/run/work"


@dataclass
class Client:
    """A machine's package manager: `program` of the tools tree, or of the tree `root` over it."""

    box: Sandbox
    program: str
    root: Path | None
    work: Path
    runs: int = 0
    key: Path | None = None  # where the machine has the feed's keys, below its root
    cache: str = "cache"

    def run(self, url: str, *words: str, fresh: bool = True) -> str:
        """Run it on the channel `stable` of the feed at `url`; gives its output."""
        if fresh:
            self.runs += 1
            self.here.mkdir(parents=True)
            prepare_dnf(self.here, self.work, SIGNER.certificate())
        key = f"{_WORK}/root/{self.key}" if self.key else f"{_WORK}/key.asc"
        (self.here / "repos/feed.repo").write_text(
            f"[feed]\nname=feed\nmetalink={url}channels/stable.metalink\nenabled=1\ngpgcheck=1\n"
            f"repo_gpgcheck=1\ngpgkey=file://{key}\nmetadata_expire=0\n"
        )
        own = ("--setopt=varsdir=",) if self.program == "dnf5" else (f"--setopt=persistdir={_WORK}/persist",)
        line = [
            self.program, "-y", f"--installroot={_WORK}/root", f"--setopt=reposdir={_WORK}/repos",
            f"--setopt=cachedir={_WORK}/{self.cache}", f"--setopt=logdir={_WORK}/log", "--setopt=plugins=0",
            "--setopt=retries=1", "--releasever=0", *own, *words,
        ]  # fmt: skip
        return self.tool(*line)

    def tool(self, *line: str) -> str:
        """Run a program of the same tree, which sees the machine's folder at the same place."""
        shown = {self.root / name: f"/{name}" for name in ("usr", "etc")} if self.root else {}
        return self.box.output(
            line, name=line[0], binds={self.here: _WORK}, ro_binds=shown, network=True, limit_s=120
        )

    @property
    def here(self) -> Path:
        return self.work / f"run-{self.runs}"

    def installed(self, name: str) -> str:
        """Give the number that the package `name` brought."""
        return (self.here / "root/usr/share" / name).read_text().strip()
