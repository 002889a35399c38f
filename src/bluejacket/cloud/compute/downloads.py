"""Addresses of a disk's bytes and of a machine's serial log, good for a while without a login.

The address is signed (HMAC-SHA256 with a key of the cloud's) over what it leads to and when it ends, as a
shared access signature is. `routes` gives what the cloud's web server has to answer.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Iterator
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from time import time
from urllib.parse import urlencode
from uuid import UUID

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from bluejacket.cloud.arm.ids import ResourceId
from bluejacket.cloud.arm.kind import Cloud
from bluejacket.cloud.arm.resource import Resource
from bluejacket.image.vhd import footer
from bluejacket.machine.volumes import DOWNLOAD
from bluejacket.store import locked, replace_text

PATH = "/downloads"
_SERIAL, _BYTES = "serial", "bytes"


class Downloads:
    """Signs and checks addresses with the key in `file`, which is made when it is first needed."""

    def __init__(self, file: Path) -> None:
        with locked(file.with_name(f".{file.name}.lock")):
            if not file.exists():
                replace_text(file, secrets.token_hex(32), mode=0o600)
        self._key = bytes.fromhex(file.read_text("ascii"))

    def serial_log(self, base: str, vm: ResourceId, limit_s: float) -> str:
        """Give an address of a machine's serial log, good for `limit_s` seconds."""
        return self._address(base, _SERIAL, vm, limit_s, "")

    def disk_bytes(self, base: str, disk: ResourceId, limit_s: float, grant: str) -> str:
        """Give an address of a disk's bytes (a fixed VHD), good for `limit_s` seconds or until it is revoked.

        `grant` is a word that the disk's record keeps as long as access is granted.
        """
        return self._address(base, _BYTES, disk, limit_s, grant)

    def check(self, what: str, path: str, query: dict[str, str]) -> bool:
        """Tell whether an address is one of ours and has not ended."""
        end, grant = query.get("se", ""), query.get("sg", "")
        good = hmac.compare_digest(self._sign(what, path, end, grant), query.get("sig", ""))
        return good and end.isdigit() and int(end) > time()

    def _address(self, base: str, what: str, resource: ResourceId, limit_s: float, grant: str) -> str:
        end = str(int(time() + limit_s))
        words = {"se": end, "sg": grant, "sig": self._sign(what, resource.key, end, grant)}
        return f"{base}{PATH}/{what}{resource.text}?{urlencode({k: v for k, v in words.items() if v})}"

    def _sign(self, *parts: str) -> str:
        return hmac.new(self._key, "\n".join(parts).encode(), sha256).hexdigest()


def routes(cloud: Cloud) -> list[Route]:
    """Give the web server's routes; they ask for no token, the signature is the right."""
    from bluejacket.cloud.compute.catalogue import aliases
    from bluejacket.cloud.compute.machines import CloudMachines

    def serial(request: Request) -> Response:
        machines = cloud.service(CloudMachines)
        found = _allowed(cloud, machines.downloads, request, _SERIAL)
        if found is None:
            return _refused()
        console = machines.machine(str(found.properties.get("vmId"))).console
        text = console.read_bytes() if console.exists() else b""
        return Response(text, media_type="text/plain; charset=utf-8")

    def disk(request: Request) -> Response:
        machines = cloud.service(CloudMachines)
        found = _allowed(cloud, machines.downloads, request, _BYTES)
        if found is None or found.hidden.get("grant") != request.query_params.get("sg"):
            return _refused()
        return _fixed_vhd(machines, found, request.method == "HEAD")

    def known_aliases(_: Request) -> Response:
        return JSONResponse(aliases(cloud))

    return [
        Route("/aliases.json", known_aliases, methods=["GET"]),
        Route(f"{PATH}/{_SERIAL}/{{path:path}}", serial, methods=["GET", "HEAD"]),
        Route(f"{PATH}/{_BYTES}/{{path:path}}", disk, methods=["GET", "HEAD"]),
    ]


def _allowed(cloud: Cloud, downloads: Downloads, request: Request, what: str) -> Resource | None:
    resource_id = ResourceId.parse(request.path_params["path"])
    if not downloads.check(what, resource_id.key, dict(request.query_params)):
        return None
    return cloud.resources.get(resource_id)


def _refused() -> Response:
    return PlainTextResponse("AuthenticationFailed: the signature is not valid, or has ended.\n", 403)


def _fixed_vhd(machines: object, disk: Resource, head_only: bool) -> Response:
    """Send a disk as a fixed VHD, as Azure does: a raw file, which is made for it and removed after it, and
    a footer, which is the same each time.
    """
    from bluejacket.cloud.compute.machines import CloudMachines

    assert isinstance(machines, CloudMachines)
    volumes, file = machines.volumes, str(disk.hidden["file"])
    made = datetime.fromisoformat(disk.properties["timeCreated"]).timestamp()
    end = footer(volumes.size(file), int(made), UUID(disk.properties["uniqueId"]))
    headers = {"content-length": str(volumes.size(file) + len(end)), "x-ms-blob-type": "PageBlob"}
    if head_only:
        return Response(headers=headers | {"accept-ranges": "none"})
    folder = TemporaryDirectory(dir=volumes.root, prefix=DOWNLOAD)
    target = Path(folder.name) / "disk.raw"
    try:
        volumes.flatten(file, target)
    except BaseException:
        folder.cleanup()
        raise

    def chunks() -> Iterator[bytes]:
        with folder, target.open("rb") as stream:
            while chunk := stream.read(1 << 20):
                yield chunk
            yield end

    return StreamingResponse(chunks(), media_type="application/octet-stream", headers=headers)
