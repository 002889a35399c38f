"""The verdict on KVM comes from running it, once a boot."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from bluejacket.machine import kvm
from bluejacket.machine.process import boot_id


def test_a_missing_device_is_said(tmp_path: Path) -> None:
    assert kvm.probe(tmp_path / "kvm") == (False, f"{tmp_path}/kvm does not exist")


def test_a_device_that_is_no_kvm_is_no_use() -> None:
    usable, reason = kvm.probe(Path(os.devnull))
    assert not usable
    assert "Inappropriate ioctl" in reason


def test_a_guest_that_does_not_end_in_time_is_no_use(tmp_path: Path) -> None:
    fifo = tmp_path / "kvm"
    os.mkfifo(fifo)
    held = os.open(fifo, os.O_RDWR)
    try:
        usable, reason = kvm.probe(fifo, limit_s=0.001)
    finally:
        os.close(held)
    assert (usable, reason) == (False, f"{fifo} opens, but its guest instructions did not end within 0.001 s")


def test_the_verdict_is_kept_for_this_boot(tmp_path: Path) -> None:
    cache = tmp_path / "state" / "kvm.json"
    first = kvm.verdict(cache)
    assert first.accelerator == ("kvm" if first.usable else "tcg,thread=multi")
    cache.write_text(json.dumps({"usable": False, "reason": "from the file", "boot": boot_id()}))
    assert kvm.verdict(cache).reason == "from the file"


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "{}", '{"usable": true, "reason": "r", "boot": "an older boot"}']
)
def test_a_verdict_of_another_boot_or_a_torn_one_is_asked_anew(tmp_path: Path, text: str) -> None:
    cache = tmp_path / "kvm.json"
    cache.write_text(text)
    found = kvm.verdict(cache, tmp_path / "no-kvm")
    assert found == kvm.Verdict(False, f"{tmp_path}/no-kvm does not exist", boot_id())
    assert json.loads(cache.read_text())["boot"] == boot_id()
