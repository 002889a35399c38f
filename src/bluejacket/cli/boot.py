"""`bluejacket boot`: from whatever is there to a machine that has been questioned."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from time import monotonic, time
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from bluejacket.cli.image import ImageName, ReleaseFlag, image_of
from bluejacket.cli.out import plain, size
from bluejacket.cli.session import Given, Session
from bluejacket.cli.work import feed_of, tools_of

if TYPE_CHECKING:
    from bluejacket.definition import Release
    from bluejacket.feed.built import Built
    from bluejacket.image import BuiltImage
    from bluejacket.machine import Health, Machine

_FIRST_TIME = """\
This is the first build in {state}. It fetches about 400 MB from the archive,
turns packages into signed RPMs, compiles the policy, writes the image and boots it.
On two processors expect about five minutes; the next time only what has changed is made."""


def boot(
    name: ImageName = "vm",
    /,
    *,
    release: ReleaseFlag = None,
    keep: Annotated[bool, Parameter(help="Leave the machine running", negative="")] = False,
    machine: Annotated[
        str | None, Parameter(name=("--machine", "-m"), help="A name for the machine [default: the image's]")
    ] = None,
    memory: Annotated[int, Parameter(help="Memory in MiB")] = 1536,
    cpus: Annotated[int, Parameter(help="Processors")] = 2,
    disk: Annotated[int, Parameter(help="Size of the disk in GiB; the root grows into it")] = 8,
    secure_boot: Annotated[
        bool, Parameter(help="Let the firmware start only what we signed", negative="")
    ] = False,
    outside: Annotated[bool, Parameter(help="Let the machine out into the network", negative="")] = False,
    limit: Annotated[int, Parameter(help="Seconds until it has to be up")] = 900,
    session: Given,
) -> int:
    """Boot an image in QEMU, wait until it is up, and tell how it is; build first what is missing.

    Exit status 1 if it came up with something to complain of.
    """
    from bluejacket.image import BOOT_CERTIFICATE
    from bluejacket.machine import Boot, Machines, expected_of

    chosen = session.release(release)
    profile = chosen.profile_of(session.image(chosen, name))
    if not (session.state / "store").exists():
        session.report.line(_FIRST_TIME.format(state=session.state))
    with session.kept.in_use():
        started = monotonic()
        tools = tools_of(session, chosen)
        feed = feed_of(session, chosen, tools)
        image = image_of(session, chosen, name, tools, feed)
        session.report.detail(f"everything is there after {monotonic() - started:.1f} s")
        machines = Machines(session.state, tools.box, session.report)
        wanted = Boot(
            disk=next(path for path in image.disks.values() if path.suffix in (".raw", ".qcow2", ".vhd")),
            image=name,
            name=machine,
            feed=feed.folder,
            feed_variable=chosen.feed.variable,
            memory_mib=memory,
            cpus=cpus,
            disk_gib=disk,
            outside=outside,
            keep=keep,
            limit_s=limit,
            secure_boot=image.folder / BOOT_CERTIFICATE if secure_boot else None,
            expected=expected_of(profile, chosen.pretty_name)
            | ({"secure_boot": "enabled"} if secure_boot else {}),
        )
        session.report.line(f"booting {chosen.pretty_name}, image {name}")
        with machines.booted(wanted) as (running, health):
            record_boot(session, chosen, image, feed, health)
            tell(session, running, health)
    say_next(session, chosen, name, running, keep)
    return 0 if health.good else 1


def record_boot(session: Session, release: Release, image: BuiltImage, feed: Built, health: Health) -> None:
    """Write down how the boot went: a channel moves only to what was booted."""
    from bluejacket.feed.agreement import manifest_of
    from bluejacket.feed.boots import BootRecord, content_of_feed

    BootRecord(
        release=release.version,
        image=image.name,
        image_key=image.key,
        feed_key=feed.key,
        content=content_of_feed(session.kept.store, feed.key),
        passed=health.good,
        when=int(time()),
        health={k: v for k, v in plain(health).items() if k != "packages"}
        | {"reasons": plain(health.reasons)},
        packages=manifest_of(image.folder),
    ).save(session.kept)


def tell(session: Session, machine: Machine, health: Health) -> None:
    """Print how a machine is: a table with what to complain of below it, or a JSON object."""
    if session.out.as_json:
        session.out.json(
            {"machine": machine, "health": health, "good": health.good, "reasons": health.reasons}
        )
        return
    session.out.record(_rows(machine, health), title=health.release)
    for denial in health.denials:
        session.report.line(f"denied: {denial}")
    for reason in health.reasons:
        session.report.warn(reason)


def _rows(machine: Machine, health: Health) -> dict[str, Any]:
    stages = [f"{name} {seconds:.1f} s" for name, seconds in health.stages.items()]
    return {
        "machine": machine.name,
        "state": health.state,
        "failed units": list(health.failed_units) or "none",
        "SELinux": f"{health.selinux}, {sum(one.times for one in health.denials)} denials",
        "cloud-init": health.cloud_init,
        "kernel": health.kernel,
        "boot entry": health.loader_entry,
        "Secure Boot": health.secure_boot or "-",
        "boot": stages,
        "until ssh": f"{health.marks['ssh']:.1f} s" if "ssh" in health.marks else "-",
        "processor": f"{health.cpu_seconds:.1f} s of QEMU ({machine.accelerator})",
        "memory": f"{size(health.memory_used)} of {size(health.memory_total)} in use",
        "root": f"{size(health.root_used)} of {size(health.root_size)} in use",
        "image": f"{size(health.image_size)}, {machine.disk.name}",
        "packages": len(health.packages),
    }


def say_next(session: Session, release: Release, name: str, machine: Machine, keep: bool) -> None:
    """Tell the two or three commands that one would want now."""
    if session.out.as_json:
        return
    program = " ".join((_program(), *session.options()))
    if keep:
        lines = [f"{program} ssh -m {machine.name}", f"{program} stop {machine.name}"]
    else:
        newest = session.release(None).version == release.version
        which = name if newest else f"{name} --release {release.version}"
        lines = [f"{program} boot {which} --keep", f"{program} image show {which}"]
    lines.append(f"{program} feed verify {release.version}")
    session.report.line("Next:\n" + "\n".join(f"  {line}" for line in lines))


def _program() -> str:
    """Give the words of a shell that call this program once more."""
    called = Path(sys.argv[0])
    if called.name == "__main__.py":
        return f"{shlex.quote(sys.executable)} -m bluejacket"
    return shlex.quote(str(called)) if "/" in sys.argv[0] else "bluejacket"
