"""Programs for the firmware that the foundation has, with our signature beside them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from bluejacket.errors import Fault, OutsideError, UserError
from bluejacket.package.bootkey import BootKey, sign_efi
from bluejacket.package.made import Made
from bluejacket.package.uki import extract
from bluejacket.store import Step, Store, code_of
from bluejacket.store.steps import canonical
from bluejacket.tools import Sandbox

_CODE = ("bluejacket.package.bootkey", "bluejacket.package.signed")


def find_signed(packages: Sequence[Made], wanted: str) -> Made:
    """Find the package `wanted` among a release's packages; raises UserError when it is not there."""
    found = next((made for made in packages if made.name == wanted), None)
    if found is None:
        raise UserError(Fault(f"the feed has no package {wanted}, whose programs should be signed"))
    return found


def make_signed(
    store: Store, box: Sandbox, tools: str, origin: Made, boot_key: BootKey, epoch: int
) -> tuple[Path, str]:
    """Give the folder with each `*.efi` of `origin` as `*.efi.signed`, and the step's key.

    That is the name under which bootctl(1) looks for a signed loader. `tools` is the key of the tools
    tree. Raises OutsideError when the package has no such program.
    """
    step = Step(
        "signed",
        code_of(*_CODE),
        canonical([origin.name, epoch]),
        (tools, boot_key.identity, origin.key),
    )

    def work(into: Path) -> None:
        with TemporaryDirectory(dir=into, prefix=".work-") as name:
            extract(origin.rpm, "/usr/lib/", Path(name))
            programs = sorted(Path(name).rglob("*.efi"))
            if not programs:
                raise OutsideError(Fault(f"{origin.name} has no program for the firmware (*.efi)"))
            for program in programs:
                sign_efi(box, boot_key, program, into / f"{program.name}.signed", epoch)

    return store.obtain(step, work), step.key
