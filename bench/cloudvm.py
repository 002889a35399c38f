"""What a machine of the cloud costs until `az vm create` ends, against `bluejacket boot` of the same image.

    .venv/bin/python bench/cloudvm.py [--runs 3] [--work DIR]

Both are the image `vm` with cloud-init, provisioned by a NoCloud disk and by Azure's data source. Compared is
what QEMU takes of the processor: until `az vm create` has ended, which is after the guest reported Ready and
its agent has been heard of, and until `bluejacket boot` has its answers. The runs are interleaved.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "tests"))

from azcli import PROGRAM, CloudProcess  # noqa: E402
from bluejacket.machine.process import Process  # noqa: E402

TARGET = 1.3
URN = "Bluejacket:bluejacket-linux-4:4-lts:latest"


def main() -> None:
    """Measure and print a table; status 1 when the target is missed."""
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--runs", type=int, default=3)
    words.add_argument("--work", type=Path, default=Path("build/bench-cloudvm"))
    arguments = words.parse_args()
    work = arguments.work.absolute()
    shutil.rmtree(work, ignore_errors=True)
    booted, created = [], []
    with CloudProcess(work / "state") as cloud:
        for nth in range(arguments.runs):
            booted.append(boot())
            created.append(create(cloud, f"bench{nth}"))
            print(f"boot {booted[-1][0]:.1f} CPU-s, vm create {created[-1][0]:.1f} CPU-s", flush=True)
    rows = (("bluejacket boot", booted), ("az vm create", created))
    for name, runs in rows:
        cpu, wall = (statistics.median(one[at] for one in runs) for at in (0, 1))
        print(f"{name:16} {cpu:6.1f} s of QEMU's processor time, {wall:6.1f} s")
    ratio = statistics.median(one[0] for one in created) / statistics.median(one[0] for one in booted)
    print(f"az vm create costs {ratio:.2f} of bluejacket boot (target {TARGET})")
    sys.exit(ratio > TARGET)


def boot() -> tuple[float, float]:
    """Give the processor seconds and the seconds of one `bluejacket boot`."""
    started = time.monotonic()
    done = subprocess.run([*PROGRAM, "--json", "boot", "vm"], stdout=subprocess.PIPE, text=True, check=True)
    return float(json.loads(done.stdout)["health"]["cpu_seconds"]), time.monotonic() - started


def create(cloud: CloudProcess, name: str) -> tuple[float, float]:
    """Give the processor seconds and the seconds of one `az vm create`; the machine is deleted afterwards."""
    cloud.az("group", "create", "-n", name, "-l", "eastus")
    started = time.monotonic()
    cloud.az("vm", "create", "-g", name, "-n", name, "--image", URN, "--generate-ssh-keys")
    wall = time.monotonic() - started
    number = cloud.az("vm", "show", "-g", name, "-n", name)["vmId"]
    record = cloud.state / "cloud" / "machines" / number / "process"
    cpu = Process.from_json(json.loads(record.read_text("utf-8"))).cpu_seconds()
    cloud.az("group", "delete", "-n", name, "--yes")
    return cpu, wall


if __name__ == "__main__":
    main()
