"""A repository whose metadata is verified: what it has, for the solver and for people."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import IO, TYPE_CHECKING, NamedTuple, TypeVar

import solv

from bluejacket.errors import Fault, OutsideError
from bluejacket.foundation.rpmmd.parts import load_into, load_part, opened
from bluejacket.foundation.rpmmd.repomd import Data, Repomd, check_href
from bluejacket.foundation.rpmmd.source import Source
from bluejacket.foundation.rpmmd.xml import Malformed
from bluejacket.report import SILENT, Report
from bluejacket.store import Step, Store, code_of
from bluejacket.store.steps import canonical

if TYPE_CHECKING:
    from bluejacket.foundation.fetch import Fetcher, Wanted
    from bluejacket.foundation.rpmmd.comps import Comps
    from bluejacket.foundation.rpmmd.modules import Modules
    from bluejacket.foundation.rpmmd.package import Signed
    from bluejacket.foundation.rpmmd.updateinfo import Advisory

T = TypeVar("T")

_CODE = tuple(f"bluejacket.foundation.rpmmd.{name}" for name in ("compiled", "part", "parts"))


class Loaded(NamedTuple):
    """A repository in a pool. `hidden` are the ids that exclusion and modules take away."""

    pool: solv.Pool  # libsolv's objects do not keep it alive, and are garbage without it
    repo: solv.Repo
    hidden: tuple[int, ...]


class Repository:
    """Verified metadata of one repository, and the mirrors that have the rest.

    `held` are the SHA-256 in the store of the fetched pieces of metadata, by kind; others are fetched
    when they are needed, if there is a `fetcher`.
    """

    def __init__(
        self,
        source: Source,
        repomd: Repomd,
        bases: tuple[str, ...],
        sha256: str,
        store: Store,
        fetcher: Fetcher | None = None,
        report: Report = SILENT,
        held: Mapping[str, str] | None = None,
    ) -> None:
        self.source = source
        self.repomd = repomd
        self.bases = bases
        self.sha256 = sha256  # of repomd.xml
        self.store = store
        self.fetcher = fetcher
        self.report = report
        self.held = dict(held or {})

    # -- for the solver ------------------------------------------------------------------------

    def load(self, pool: solv.Pool, *, filelists: bool = False) -> Loaded:
        """Add the repository to a pool.

        primary lists only files below /etc, in */bin and /usr/lib/sendmail; `filelists` adds all,
        at ten times the cost, so ask for them only when a dependency on another path fails.
        Call `hide` once all repositories are loaded. Raises OutsideError.
        """
        repo = pool.add_repo(self.source.id)
        hidden, _ = self.load_into(repo, filelists=filelists)
        repo.priority = -self.source.priority  # the highest of libsolv wins, the lowest of DNF
        return Loaded(pool, repo, hidden)

    def load_into(self, repo: solv.Repo, *, filelists: bool = False) -> tuple[tuple[int, ...], range]:
        """Add the packages to a repository of a pool; gives the ids to hide, and those of all."""
        kinds = ("primary", "filelists") if filelists and "filelists" in self.repomd.data else ("primary",)
        step = Step(
            "rpmmd-solv",
            code_of(*_CODE),
            canonical({"kinds": kinds, "libsolv": _libsolv()}),
            tuple(self.repomd.data[kind].checksum for kind in kinds),
        )
        tree = self.store.step(step)
        ids = self._load_new(repo, step, kinds) if tree is None else load_into(repo, tree)
        return tuple(self._hidden(repo.pool, ids)), ids

    def _load_new(self, repo: solv.Repo, step: Step, kinds: tuple[str, ...]) -> range:
        """Compile the metadata, and load each part while others are still being compiled."""
        from concurrent.futures import ThreadPoolExecutor
        from queue import SimpleQueue

        first = len(repo.pool.solvables)
        parts: SimpleQueue[tuple[solv.SolvFp, Path] | None] = SimpleQueue()

        def ready(file: Path) -> None:
            parts.put((opened(file), file))

        with ThreadPoolExecutor(1) as pool:
            early = ready if len(kinds) == 1 else None  # more kinds change the parts
            made = pool.submit(self.store.obtain, step, lambda folder: self._compile(kinds, folder, early))
            made.add_done_callback(lambda _: parts.put(None))
            while found := parts.get():
                load_part(repo, *found)
        tree = made.result()
        if len(repo.pool.solvables) == first:  # another process was quicker, or there is nothing
            load_into(repo, tree)
        return range(first, len(repo.pool.solvables))

    def _compile(
        self, kinds: tuple[str, ...], folder: Path, ready: Callable[[Path], None] | None
    ) -> dict[str, str]:
        from tempfile import TemporaryFile

        from bluejacket.foundation.rpmmd.compiled import compile_primary, extend
        from bluejacket.foundation.rpmmd.unpack import unpack

        name = self.source.id

        def unpack_primary(into: IO[bytes]) -> None:
            unpack(self.data("primary"), self.repomd.data["primary"], into)

        primary = f"primary of {name}"
        hashes = compile_primary(
            unpack_primary, folder, primary, self.repomd.data["primary"].open_size, ready
        )
        for kind in kinds[1:]:
            with TemporaryFile(dir=folder) as plain:
                unpack(self.data(kind), self.repomd.data[kind], plain)
                plain.flush()
                plain.seek(0)
                extend(folder, kind, plain, name)
            hashes = {}
        return hashes

    def _hidden(self, pool: solv.Pool, ids: range) -> Iterator[int]:
        modular = "modules" in self.repomd.data
        if not (modular or self.source.exclude):
            return
        import fnmatch
        import re

        shown, hidden = self.modules().split(self.source.streams) if modular else (frozenset(), frozenset())
        names = {nevra.rsplit("-", 2)[0] for nevra in shown}
        excluded = re.compile(
            "|".join(fnmatch.translate(pattern) for pattern in self.source.exclude) or "(?!)"
        )
        for solvable in map(pool.id2solvable, ids):
            name, nevra = solvable.name, _full_nevra(solvable)
            outside = name in names and nevra not in shown
            if (
                outside
                or nevra in hidden
                or excluded.match(name)
                or excluded.match(f"{name}.{solvable.arch}")
            ):
                yield solvable.id

    # -- packages ----------------------------------------------------------------------------------

    def wanted(self, solvable: solv.XSolvable) -> Wanted:
        """Say where the mirrors have a package, and its size and hash. Raises Malformed."""
        from bluejacket.foundation.fetch import Wanted

        location = solvable.lookup_location()[0] or ""
        check_href(location, f"{self.source.id}: {solvable}")
        checksum = solvable.lookup_checksum(solv.SOLVABLE_CHECKSUM)
        kind = "" if checksum is None else checksum.typestr()
        if checksum is None or kind not in ("sha256", "sha512"):
            raise Malformed(Fault(f"{self.source.id} gives no SHA-256 or SHA-512 of {solvable}"))
        return Wanted(
            name=str(solvable),
            urls=tuple(base + location for base in self.bases),
            size=solvable.lookup_num(solv.SOLVABLE_DOWNLOADSIZE) or None,
            sha256=checksum.hex() if kind == "sha256" else None,
            sha512=checksum.hex() if kind == "sha512" else None,
        )

    def fetch_packages(self, solvables: Iterable[solv.XSolvable]) -> dict[str, tuple[Path, Signed]]:
        """Fetch packages and verify each one's own signature; by name-evr.arch.

        Raises BadPackage, also when a package is another one than its index says, BadSignature,
        and what a Fetcher raises.
        """
        from bluejacket.foundation.rpmmd.package import BadPackage, verify_package

        if self.fetcher is None:
            raise OutsideError(Fault(f"{self.source.id}: packages are wanted, but nothing may be fetched"))
        wanted = {str(solvable): (solvable, self.wanted(solvable)) for solvable in solvables}
        paths = self.fetcher.fetch_all([want for _, want in wanted.values()], f"Packages of {self.source.id}")
        verified: dict[str, tuple[Path, Signed]] = {}
        for name, (solvable, want) in wanted.items():
            signed = verify_package(paths[want.hash], self.source.keys, name)
            if signed.nevra != _header_nevra(solvable):
                raise BadPackage(Fault(f"{self.source.id} says {name}, the package itself {signed.nevra}"))
            verified[name] = (paths[want.hash], signed)
        return verified

    # -- metadata ----------------------------------------------------------------------------------

    def data(self, kind: str) -> Path:
        """Give one piece of metadata, verified and still compressed, fetched now if need be.

        Raises OutsideError if the repository has none, or what a Fetcher raises.
        """
        if kind not in self.repomd.data:
            raise OutsideError(Fault(f"{self.source.id} has no {kind} metadata"))
        held = self.store.blob(self.held[kind]) if kind in self.held else None
        if held is None:
            if self.fetcher is None:
                raise OutsideError(
                    Fault(f"{self.source.id}: {kind} metadata is wanted, but nothing may be fetched")
                )
            held = self.fetcher.fetch(data_wanted(self.repomd.data[kind], self.bases, self.source.id))
            self.held[kind] = held.name
        return held

    def comps(self) -> Comps | None:
        """Give the groups and environments, None if the repository has none."""
        from bluejacket.foundation.rpmmd.comps import parse_comps

        return self._parsed("group", parse_comps) if "group" in self.repomd.data else None

    def advisories(self) -> tuple[Advisory, ...]:
        """Give the advisories, if there are any."""
        from bluejacket.foundation.rpmmd.updateinfo import parse_updateinfo

        return self._parsed("updateinfo", parse_updateinfo) if "updateinfo" in self.repomd.data else ()

    def modules(self) -> Modules:
        """Give the module streams, if there are any."""
        from bluejacket.foundation.rpmmd.modules import Modules, parse_modules

        return self._parsed("modules", parse_modules) if "modules" in self.repomd.data else Modules()

    def _parsed(self, kind: str, parse: Callable[[bytes, str], T]) -> T:
        import io

        from bluejacket.foundation.rpmmd.unpack import unpack

        plain = io.BytesIO()
        unpack(self.data(kind), self.repomd.data[kind], plain)
        return parse(plain.getvalue(), f"{self.source.id}: {kind}")


def hide(pool: solv.Pool, loaded: Iterable[Loaded]) -> None:
    """Take excluded packages and inactive module streams away from the solver, once for all."""
    ids = [number for one in loaded for number in one.hidden]
    if ids:
        pool.set_disabled_list(ids)


def data_wanted(data: Data, bases: Iterable[str], name: str) -> Wanted:
    """Say where one piece of metadata is."""
    from bluejacket.foundation.fetch import Wanted

    return Wanted(
        name=f"{data.kind} of {name}",
        urls=tuple(base + data.href for base in bases),
        size=data.size,
        sha256=data.checksum if data.algorithm == "sha256" else None,
        sha512=data.checksum if data.algorithm == "sha512" else None,
    )


def _libsolv() -> str:
    return str(getattr(solv, "__version__", ""))


def _full_nevra(solvable: solv.XSolvable) -> str:
    """Name, epoch (also 0), version, release, architecture, as modulemd writes them."""
    evr = solvable.evr
    return f"{solvable.name}-{evr if ':' in evr else '0:' + evr}.{solvable.arch}"


def _header_nevra(solvable: solv.XSolvable) -> str:
    evr = solvable.evr
    return f"{solvable.name}-{evr.removeprefix('0:')}.{solvable.arch}"
