"""A PostgreSQL server of the test's own, on a socket in a temporary folder, as somebody without any rights.

with postgresql() as server:
    Store(server.database())
"""

from __future__ import annotations

import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import psycopg

USER = "nobody"
_LIBRARY = Path("/usr/lib/postgresql")


@dataclass
class Postgresql:
    """The server in `folder`; its user `crew` logs in on the socket, and at the loopback by password."""

    folder: Path
    port: int
    password: str = "be$t/kept: 100%"
    _numbers: Iterator[int] = field(default_factory=count)

    def database(self) -> str:
        """Make an empty database, and give its URL."""
        name = f"d{next(self._numbers)}"
        with psycopg.connect(self.address("postgres"), autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}"'.encode())
        return self.address(name)

    def emptied(self) -> str:
        """Give the URL of the one database of those who need no other, without anything in it."""
        with psycopg.connect(self.address("postgres")) as connection:
            connection.execute("DROP SCHEMA IF EXISTS bluejacket CASCADE")
        return self.address("postgres")

    def address(self, name: str) -> str:
        return f"postgresql://crew@/{name}?host={self.folder}&port={self.port}"

    def tables(self, url: str) -> list[str]:
        """Give the tables of a database, with their schemas."""
        query = (
            "SELECT schemaname || '.' || tablename FROM pg_tables WHERE schemaname !~ '^(pg_|information)'"
        )
        with psycopg.connect(url) as connection:
            return sorted(str(row[0]) for row in connection.execute(query))

    def start(self) -> None:
        self._control("start", "--wait", "--log", str(self.folder / "log"))

    def stop(self) -> None:
        self._control("stop", "--mode=immediate")

    def _control(self, *words: str) -> None:
        run("pg_ctl", *words, "--silent", "--pgdata", str(self.folder / "data"))


def run(program: str, *words: str) -> None:
    """Run one of the server's programs as the user without rights; the server refuses to be root's."""
    newest = max(_LIBRARY.glob(f"*/bin/{program}"), key=lambda file: int(file.parts[-3]), default=None)
    assert newest, "no PostgreSQL server: apt install postgresql"
    # Not captured: a server that is started keeps the descriptors open.
    done = subprocess.run(
        [newest, *words], user=USER, group="nogroup", extra_groups=[], cwd="/", stdout=subprocess.DEVNULL
    )
    assert done.returncode == 0, f"{program} {words}"


@contextmanager
def postgresql(loopback: bool = False) -> Iterator[Postgresql]:
    """Start a server, at a free port of the loopback as well if asked for; all that it had goes with it."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    folder = Path(tempfile.mkdtemp(prefix="bluejacket-pg-"))
    server = Postgresql(folder, port)
    try:
        secret = folder / "password"
        secret.write_text(server.password)
        for one in (folder, secret):
            shutil.chown(one, USER, "nogroup")
        options = ["--username=crew", "--auth-local=trust", "--auth-host=scram-sha-256", "--no-sync"]
        options += ["--encoding=UTF8", "--locale=C.UTF-8", f"--pwfile={secret}"]
        run("initdb", *options, f"--pgdata={folder / 'data'}")
        with (folder / "data" / "postgresql.conf").open("a") as settings:
            settings.write(
                f"unix_socket_directories = '{folder}'\nport = {server.port}\nfsync = off\n"
                f"listen_addresses = '{'127.0.0.1' if loopback else ''}'\n"
            )
        server.start()
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder)
