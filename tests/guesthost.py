"""A machine of a cloud, really booted: records, network, guest services and QEMU, without a control plane."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from bluejacket.cloud.access.identities import Identities
from bluejacket.cloud.arm.resource import Resource
from bluejacket.cloud.arm.tokens import Tokens
from bluejacket.cloud.guest.agents import Agents, Ran
from bluejacket.cloud.guest.feeds import place
from bluejacket.cloud.guest.reports import Reports
from bluejacket.cloud.guest.services import GuestServices, Offer
from bluejacket.cloud.network.host import Networks
from bluejacket.definition import Release
from bluejacket.feed.serve import Folder
from bluejacket.machine.azure import CloudHardware, Interface
from bluejacket.machine.provision import Provision, make_disk
from bluejacket.machine.virtual import VirtualMachine
from bluejacket.machine.volumes import Volumes
from bluejacket.tools import Sandbox
from guestcloud import NET, NIC, PUBLIC, VM, VM_ID, ShortAuthority, guest_cloud
from recordcloud import RecordCloud

LIMIT_S = 1500


@dataclass(frozen=True)
class GuestHost:
    """The machine and all that it asks."""

    cloud: RecordCloud
    machine: VirtualMachine
    services: GuestServices
    agents: Agents
    reports: Reports

    def run(self, *script: str, limit_s: float = 600, user: str = "") -> Ran:
        """Run a script through the machine's agent."""
        return self.agents.run(VM_ID, script, limit_s=limit_s, user=user, grace_s=300)

    def do(self, *script: str, limit_s: float = 600) -> str:
        """Run a script that has to succeed; gives its output."""
        found = self.run(*script, limit_s=limit_s)
        assert (found.status, found.why) == (0, ""), found
        return found.out


@contextmanager
def guest_host(
    folder: Path, tools: Path, box: Sandbox, release: Release, disk: Path, feed: Path
) -> Iterator[GuestHost]:
    """Start the machine with a disk image (qcow2) of the release; it is gone after the block."""
    cloud = guest_cloud(folder)
    networks = Networks(cloud, tools)
    vm_folder = folder / "machines" / VM_ID
    vm_folder.mkdir(parents=True)
    volumes = Volumes(folder, box)
    volumes.take_image(disk, "image")
    volumes.overlay("disks/os.qcow2", "images/image.qcow2")
    machine = VirtualMachine(vm_folder, volumes, box)
    host, path = place(release.feed.address_of(release.version))
    services = GuestServices(
        cloud,
        networks,
        cloud.service(Identities),
        cloud.service(Tokens),
        ShortAuthority(),
        Offer({path: Folder(feed)}, [host]),
    )
    with ExitStack() as after:
        after.callback(networks.close)
        with networks.lock:
            complete(cloud, networks)
        after.callback(services.close)
        services.start()
        after.callback(machine.end)
        tap = networks.attach(NIC)
        key = public_key(folder)
        make_disk(
            box,
            vm_folder,
            Provision("dory", "azureuser", keys=(("/home/azureuser/.ssh/authorized_keys", key),)),
        )
        cloud.service(Reports).expect(VM_ID)
        hardware = CloudHardware(
            "dory", VM_ID, "tcg", 2, 1536, "disks/os.qcow2", (Interface(tap.device, tap.mac),), provision=True
        )
        machine.start(hardware, tap.namespace)
        yield GuestHost(cloud, machine, services, cloud.service(Agents), cloud.service(Reports))


def complete(cloud: RecordCloud, networks: Networks) -> None:
    """Give the records what only a network's host can: its number, and a public address."""
    number, public = networks.number(), str(networks.public_address())

    def numbered(net: Resource) -> None:
        net.hidden["number"] = number
        net.properties["addressSpace"] = {"addressPrefixes": ["10.1.0.0/16"]}

    cloud.resources.change(NET, numbered)
    cloud.resources.change(PUBLIC, lambda one: one.properties.update(ipAddress=public))
    subnet = Resource(NET.child("subnets", "DorySubnet"), properties={"addressPrefix": "10.1.0.0/24"})
    cloud.resources.put(subnet)

    def plain(vm: Resource) -> None:
        vm.hidden.clear()

    cloud.resources.change(VM, plain)


def public_key(folder: Path) -> str:
    """Make a key, and give its public half."""
    file = folder / "id_ed25519"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "test", "-f", str(file)], check=True)
    return file.with_suffix(".pub").read_text("ascii").strip()
