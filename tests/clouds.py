"""Storage to publish to: a folder, Azure Blob storage as Azurite emulates it, and S3 as moto does."""

from __future__ import annotations

import base64
import hashlib
import os
import secrets
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bluejacket.feed.publish.target import Target, open_target
from bluejacket.feed.serve import FeedServer
from bluejacket.feed.serve import Folder as Site

_LOCK = Path(__file__).parent / "azurite" / "package-lock.json"


@dataclass
class Place:
    """Room for publications: each `fresh` one has an address for us and one for machines."""

    ours: str
    machines: str
    options: dict[str, Any] = field(default_factory=dict)
    number: int = 0

    def fresh(self) -> Place:
        """Give an empty place beside those given before."""
        self.number += 1
        return Place(f"{self.ours}/{self.number}", f"{self.machines}/{self.number}", self.options)

    def open(self) -> Target:
        """Give the place as a target."""
        return open_target(self.ours, self.options)


@contextmanager
def folder(root: Path) -> Iterator[Place]:
    """Give a folder that a plain web server serves."""
    root.mkdir()
    with FeedServer(Site(root)) as server:
        yield Place(str(root), server.url.rstrip("/"))


@contextmanager
def blob_storage(root: Path) -> Iterator[Place]:
    """Give a container in Azurite that everybody may read; its key is a fresh one."""
    from azure.storage.blob import BlobServiceClient

    key, port = base64.b64encode(secrets.token_bytes(64)).decode(), free_port()
    address = f"http://127.0.0.1:{port}/account"
    root.mkdir()
    command = [
        "node", str(azurite() / "node_modules/azurite/dist/src/blob/main.js"), "--blobHost", "127.0.0.1",
        "--blobPort", str(port), "--location", str(root), "--skipApiVersionCheck", "--disableTelemetry",
    ]  # fmt: skip
    with (root / "azurite.log").open("wb") as log:
        server = subprocess.Popen(
            command, stdout=log, stderr=log, env=os.environ | {"AZURITE_ACCOUNTS": f"account:{key}"}
        )
    try:
        wait_for(port, server, root / "azurite.log")
        text = f"DefaultEndpointsProtocol=http;AccountName=account;AccountKey={key};BlobEndpoint={address};"
        with BlobServiceClient.from_connection_string(text) as client:
            client.create_container("feeds", public_access="blob")
        yield Place("az://feeds", f"{address}/feeds", {"connection_string": text})
    finally:
        server.terminate()
        server.wait(30)


@contextmanager
def s3(_: Path) -> Iterator[Place]:
    """Give a bucket in moto, which answers one request at a time: its check and its write are one act."""
    import boto3
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
    from werkzeug.serving import make_server

    server = make_server("127.0.0.1", 0, DomainDispatcherApplication(create_backend_app), threaded=False)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}"
    login = {"key": "publisher", "secret": secrets.token_hex(20)}
    bucket = f"feeds-{secrets.token_hex(4)}"  # moto keeps all of a process's buckets in one place
    client = boto3.client(
        "s3",
        endpoint_url=address,
        region_name="us-east-1",
        aws_access_key_id=login["key"],
        aws_secret_access_key=login["secret"],
    )
    try:
        client.create_bucket(Bucket=bucket, ACL="public-read")
        yield Place(f"s3://{bucket}", f"{address}/{bucket}", login | {"endpoint_url": address})
    finally:
        server.shutdown()


PLACES = {"folder": folder, "blob": blob_storage, "s3": s3}


def azurite() -> Path:
    """Give the folder into which `./test` installs Azurite."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser()
    found = cache / "bluejacket" / f"azurite-{hashlib.sha256(_LOCK.read_bytes()).hexdigest()[:16]}"
    assert (found / "node_modules/azurite").is_dir(), "`./test` installs Azurite before it tests"
    return found


def free_port() -> int:
    """Give a port of the loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(port: int, server: subprocess.Popen[bytes], log: Path, patience_s: float = 90) -> None:
    """Wait until somebody listens."""
    until = time.monotonic() + patience_s
    while time.monotonic() < until and server.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise AssertionError(f"Azurite does not listen: {log.read_text()}")
