"""The whole cloud put together: every room's kinds, endpoints and services, in one application.

Here and only here it is said who gets what. `assemble` starts nothing; `Running.start` makes the world
agree with the records, begins again what a killed cloud left, and lets machines ask; `close` ends it all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Host, Route

from bluejacket.cloud import access, compute, deploy, network, vault
from bluejacket.cloud.access.graph import Graph
from bluejacket.cloud.access.identities import Identities
from bluejacket.cloud.access.principals import Principals
from bluejacket.cloud.access.roles import Roles
from bluejacket.cloud.arm import kinds as arm
from bluejacket.cloud.arm.account import Account
from bluejacket.cloud.arm.app import make_app
from bluejacket.cloud.arm.auth import caller_of
from bluejacket.cloud.arm.ca import Authority
from bluejacket.cloud.arm.cloud import LocalCloud
from bluejacket.cloud.arm.database import open_store
from bluejacket.cloud.arm.endpoint import Endpoint, EndpointTable
from bluejacket.cloud.arm.errors import CloudError
from bluejacket.cloud.arm.kind import Kind, KindTable
from bluejacket.cloud.arm.metadata import metadata_routes
from bluejacket.cloud.arm.signin import sts_routes
from bluejacket.cloud.arm.sts import TokenService
from bluejacket.cloud.arm.tokens import Tokens
from bluejacket.cloud.compute.machines import CloudMachines
from bluejacket.cloud.guest.agents import Agents
from bluejacket.cloud.guest.reports import Reports
from bluejacket.cloud.guest.seams import Pair
from bluejacket.cloud.guest.services import GuestServices, Offer
from bluejacket.cloud.network.host import Networks
from bluejacket.cloud.page import Sessions, page_routes
from bluejacket.cloud.vault.app import VaultApp
from bluejacket.cloud.vault.hosts import HostNames
from bluejacket.cloud.vault.objects import Objects
from bluejacket.cloud.vault.seal import Seal
from bluejacket.cloud.vault.service import SUFFIX, SUFFIXES, KeyVaults
from bluejacket.cloud.vault.template import secret_reader
from bluejacket.feed.serve import Site
from bluejacket.report import Report
from bluejacket.tools import Sandbox

GRAPH = "/graph"


@dataclass(frozen=True, slots=True)
class Grounds:
    """What a cloud stands on. `state` is its own folder; `box` has the tools tree at `tools`.

    `feeds` are the package feeds that machines see, by the path at which the first of `feed_hosts` has them.
    With `outside`, machines are let out into the network.
    """

    state: Path
    tools: Path
    box: Sandbox
    feeds: Mapping[str, Site] = field(default_factory=dict)
    feed_hosts: Sequence[str] = ()
    database: str = ""  # PostgreSQL's URL; SQLite in `state` without one
    outside: bool = False


@dataclass(frozen=True, slots=True)
class Running:
    """A cloud that is put together."""

    cloud: LocalCloud
    app: Starlette
    authority: Authority
    _guests: GuestServices

    def start(self) -> int:
        """Take up where the last one left off; gives how many operations are begun again."""
        self.cloud.service(Networks).settle()
        self._guests.start()
        return self.cloud.resume()

    def close(self) -> None:
        """End every machine, process and network of the cloud."""
        self._guests.close()
        self.cloud.service(CloudMachines).close()
        self.cloud.service(Networks).close()
        self.cloud.service(KeyVaults).names.clear()
        self.cloud.store.close()


class _Certificates:
    """The authority as the guest services know it."""

    def __init__(self, authority: Authority) -> None:
        self._authority = authority

    @property
    def certificate(self) -> bytes:
        """The authority's own certificate, PEM."""
        return self._authority.certificate

    def issue(self, names: Sequence[str]) -> Pair:
        """Give a certificate for host names."""
        issued = self._authority.issue(names)
        return Pair(issued.certificate, issued.key)


def kinds() -> list[Kind]:
    """Give the kinds of all rooms, in the order in which they are settled: networks before machines."""
    rooms = (arm.KINDS, deploy.KINDS, access.KINDS, network.KINDS, vault.KINDS, compute.KINDS)
    return [kind for room in rooms for kind in room]


def endpoints() -> list[Endpoint]:
    """Give the endpoints of all rooms, in the order in which they are tried."""
    own = compute.ENDPOINTS
    rooms = (deploy.ENDPOINTS, access.ENDPOINTS, network.ENDPOINTS, vault.ENDPOINTS, own, arm.ENDPOINTS)
    return [one for room in rooms for one in room]


def assemble(grounds: Grounds, base: str, report: Report) -> Running:
    """Put a cloud together that is reached at `base` (`https://localhost:8443`)."""
    state = grounds.state
    account = Account.of(state / "account.json")
    store = open_store(state, account, grounds.database)
    cloud = LocalCloud(state, base, account, store, KindTable(kinds()), EndpointTable(endpoints()), report)

    authority = Authority(state / "ca")
    tokens = Tokens(state / "token-key.pem", account.tenant, base)
    roles = Roles(store, account.subscription)
    principals = Principals(store, account.subscription, account.tenant)
    for owner in (account.principal, account.user):
        principals.know(owner)
    identities = Identities(store, principals, account.subscription)
    cloud.access = roles
    networks = Networks(cloud, grounds.tools, outside=grounds.outside)
    objects = Objects(store, Seal(state / "vaults.key"))
    vaults = KeyVaults(store, objects, roles, tokens, HostNames(account.subscription, report))
    machines = CloudMachines(state, grounds.box, report)
    for service in (tokens, authority, roles, principals, identities, networks, vaults, machines):
        cloud.provide(service)
    cloud.provide(secret_reader(vaults))
    cloud.provide(Reports(state / "machines"))
    cloud.provide(Agents(state / "machines"))

    data_plane = VaultApp(vaults)
    offer = Offer(grounds.feeds, grounds.feed_hosts, data_plane, [f"*.{suffix}" for suffix in SUFFIXES])
    guests = GuestServices(cloud, networks, identities, tokens, _Certificates(authority), offer)
    cloud.provide(guests)

    routes: list[BaseRoute] = [
        Host(f"{{vault}}.{SUFFIX}", data_plane, name="vaults"),
        *page_routes(cloud, Sessions(state)),
        *metadata_routes(cloud),
        *sts_routes(TokenService(account, tokens, (principals,))),
        *_graph_routes(Graph(principals), tokens),
        *compute.routes(cloud),
    ]
    return Running(cloud, make_app(cloud, tokens, routes), authority, guests)


def _graph_routes(graph: Graph, tokens: Tokens) -> list[BaseRoute]:
    """Give the routes of Microsoft Graph, which checks who asks as Resource Manager does."""

    async def answer(request: Request) -> Response:
        body = await request.body()
        query = {key.lower(): value for key, value in request.query_params.items()}

        def work() -> tuple[int, dict[str, object]]:
            audiences = (tokens.base, f"{tokens.base}{GRAPH}", "https://graph.microsoft.com")
            try:
                caller = caller_of(tokens, request.headers.get("authorization", ""), audiences)
            except CloudError as error:
                return error.status, {"error": error.body()}
            return graph.answer(request.method, request.path_params["path"], query, body, caller)

        status, found = await run_in_threadpool(work)
        return Response(status_code=204) if status == 204 else JSONResponse(found, status)

    return [Route(GRAPH + "/{path:path}", answer, methods=["GET", "POST", "PATCH", "DELETE"])]
