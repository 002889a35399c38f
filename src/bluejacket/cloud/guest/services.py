"""The services that a machine reaches by link-local addresses, in the namespace of every network.

One thread runs all of them but the feeds, whose files are sent from threads of their own. What has to look
into records does so in a small pool, so that nobody waits for a slow one: cloud-init gives metadata 2 s.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import tempfile
from collections.abc import Callable, Coroutine, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock, Thread
from typing import Any

from bluejacket.cloud.arm.kind import Cloud
from bluejacket.cloud.guest.agents import Agents
from bluejacket.cloud.guest.askers import Askers
from bluejacket.cloud.guest.attested import Attester
from bluejacket.cloud.guest.feeds import Feeds
from bluejacket.cloud.guest.front import Application, forward
from bluejacket.cloud.guest.http import HEAD_LIMIT, Handler, Request, Response, answer
from bluejacket.cloud.guest.identity import IdentityService
from bluejacket.cloud.guest.imds import MetadataService
from bluejacket.cloud.guest.reports import Reports
from bluejacket.cloud.guest.seams import Authority, Identities, Owners, Pair, Tokens
from bluejacket.cloud.guest.wire import ADDRESS as WIRE
from bluejacket.cloud.guest.wire import WireServer
from bluejacket.feed.serve import Site, answer_connection

METADATA, FEED, VAULT = "169.254.169.254", "169.254.169.250", "169.254.169.251"
_THREADS = 8
_FEED_CONNECTIONS = 64  # at once; the next one waits
_PATIENCE_S = 60  # with a client of the feed that says nothing


@dataclass(frozen=True)
class Offer:
    """What is offered beside metadata: feeds by their path at `feed_hosts`, and the vaults at `vault_hosts`.

    A vault host may begin with `*.`. Without an application nothing listens at the vaults' address.
    """

    feeds: Mapping[str, Site] = field(default_factory=dict)
    feed_hosts: Sequence[str] = ()
    vault: Application | None = None
    vault_hosts: Sequence[str] = ()


class GuestServices:
    """Listens in each namespace from `start` until `close`."""

    def __init__(
        self,
        cloud: Cloud,
        owners: Owners,
        identities: Identities,
        tokens: Tokens,
        authority: Authority,
        offer: Offer,
    ) -> None:
        self.offer = offer
        self._report = cloud.report
        self._owners = owners
        self._authority = authority
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="guest")
        askers = Askers(cloud.resources, owners)
        identity = IdentityService(identities, tokens, cloud.tenant)
        self._metadata = MetadataService(askers, Attester(authority.issue), identity)
        self._wire = WireServer(
            askers,
            cloud.service(Reports),
            cloud.service(Agents),
            lambda: authority.certificate,
            self._threads,
        )
        self._feeds = Feeds(offer.feeds)
        self._contexts: dict[tuple[str, ...], ssl.SSLContext] = {}
        self._places = asyncio.Semaphore(_FEED_CONNECTIONS)
        self._loop = asyncio.new_event_loop()
        self._thread: Thread | None = None
        self._listening: dict[str, list[socket.socket]] = {}
        self._tasks: dict[str, list[asyncio.Task[None]]] = {}
        self._lock = Lock()

    def start(self) -> None:
        """Begin to answer, in the namespaces that there are and in each one that comes."""
        for hosts in (self.offer.feed_hosts, self.offer.vault_hosts):
            if hosts:
                self._tls(hosts)  # to make a key takes long; the loop never does
        self._thread = Thread(target=self._loop.run_forever, name="guest services", daemon=True)
        self._thread.start()
        for host in self.offer.feed_hosts:
            self._owners.host_name(host, FEED)
        for host in self.offer.vault_hosts if self.offer.vault else ():
            self._owners.host_name(host.removeprefix("*."), VAULT)
        self._owners.on_namespace(self.open)

    def open(self, namespace: str) -> None:
        """Listen in a namespace; one of the same name that was there before is forgotten."""
        plain: list[tuple[str, int, Callable[[str, socket.socket], Coroutine[Any, Any, None]]]] = [
            (METADATA, 80, self._http(self._answer_metadata)),
            (WIRE, 80, self._http(self._wire.answer)),
        ]
        if self.offer.feeds:
            plain += [(FEED, 80, self._serve_feed)]
        if self.offer.feeds and self.offer.feed_hosts:
            plain += [(FEED, 443, self._serve_feed)]
        if self.offer.vault is not None:
            plain += [(VAULT, 443, self._http(self._answer_vault, self.offer.vault_hosts))]
        self.shut(namespace)
        for address, port, serve in plain:
            try:
                sock = self._owners.listen(namespace, address, port)
            except OSError as error:
                self._report.warn(f"network {namespace}: nothing answers at {address}:{port}: {error}")
                continue
            sock.setblocking(False)
            with self._lock:
                self._listening.setdefault(namespace, []).append(sock)
            self._on_loop(self._run(namespace, serve(namespace, sock)))

    def shut(self, namespace: str) -> None:
        """Stop listening in a namespace; nothing happens if nobody did."""
        with self._lock:
            sockets = self._listening.pop(namespace, [])
        if sockets:
            self._on_loop(self._stop(namespace))
            for sock in sockets:
                sock.close()

    def close(self) -> None:
        """Stop everything; a second call is fine."""
        for namespace in list(self._listening):
            self.shut(namespace)
        if self._thread is not None:
            self._on_loop(self._end())
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._thread = None
            self._loop.close()
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _on_loop(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(30)

    async def _run(self, namespace: str, work: Coroutine[Any, Any, None]) -> None:
        self._tasks.setdefault(namespace, []).append(self._loop.create_task(work))

    async def _stop(self, namespace: str) -> None:
        tasks = self._tasks.pop(namespace, [])
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _end(self) -> None:
        others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    def _http(
        self, handler: Handler, hosts: Sequence[str] = ()
    ) -> Callable[[str, socket.socket], Coroutine[Any, Any, None]]:
        async def serve(namespace: str, sock: socket.socket) -> None:
            async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                with contextlib.suppress(asyncio.CancelledError):  # we end: no fault of its own
                    await answer(reader, writer, namespace, handler)

            context = self._tls(hosts) if hosts else None
            server = await asyncio.start_server(connected, sock=sock, ssl=context, limit=HEAD_LIMIT)
            try:
                await server.serve_forever()
            finally:
                server.close()

        return serve

    async def _answer_metadata(self, request: Request) -> Response:
        return await self._loop.run_in_executor(self._threads, self._metadata.answer, request)

    async def _answer_vault(self, request: Request) -> Response:
        assert self.offer.vault is not None
        return await forward(self.offer.vault, request, 443)

    async def _serve_feed(self, namespace: str, sock: socket.socket) -> None:
        """Give each connection to a thread: files are read and sent there, and TLS is spoken there."""
        context = self._tls(self.offer.feed_hosts) if sock.getsockname()[1] == 443 else None
        while True:
            await self._places.acquire()
            try:
                connection, _ = await self._loop.sock_accept(sock)
            except BaseException as error:
                self._places.release()
                if not isinstance(error, OSError):
                    raise
                await asyncio.sleep(0.2)  # too many files are open, or the network is gone
                continue
            Thread(target=self._feed_connection, args=(connection, context), daemon=True).start()

    def _feed_connection(self, connection: socket.socket, context: ssl.SSLContext | None) -> None:
        try:
            with connection:
                connection.settimeout(_PATIENCE_S)
                if context is None:
                    answer_connection(connection, self._feeds)
                    return
                with context.wrap_socket(connection, server_side=True) as secure:
                    answer_connection(secure, self._feeds, "https")
        except (OSError, ValueError):
            return  # a client that went away is no event
        finally:
            with contextlib.suppress(RuntimeError):  # the loop is over
                self._loop.call_soon_threadsafe(self._places.release)

    def _tls(self, hosts: Sequence[str]) -> ssl.SSLContext:
        names = tuple(hosts)
        if names not in self._contexts:
            self._contexts[names] = context_of(self._authority.issue(names))
        return self._contexts[names]


def context_of(pair: Pair) -> ssl.SSLContext:
    """Give what a server needs to speak TLS 1.2 or later with a certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    with tempfile.TemporaryDirectory(prefix="bluejacket-") as folder:  # OpenSSL reads files, this user's only
        chain, key = Path(folder, "chain"), Path(folder, "key")
        chain.write_bytes(pair.certificate)
        key.write_bytes(pair.key)
        context.load_cert_chain(chain, key)
    return context
