"""A running QEMU machine from a disk image: started, followed, questioned, ended."""

from bluejacket.feed.serve import FeedServer
from bluejacket.machine.boot import Machines
from bluejacket.machine.health import Denial, Health, expected_of
from bluejacket.machine.login import Answer, NotYet
from bluejacket.machine.record import Machine
from bluejacket.machine.start import Boot

__all__ = ["Answer", "Boot", "Denial", "FeedServer", "Health", "Machine", "Machines", "NotYet", "expected_of"]
