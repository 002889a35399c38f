"""A machine with Secure Boot and a TPM: only what is vouched for starts, and what started is measured."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from azcli import CloudProcess
from azmachine import AzMachine, make_key

pytestmark = [pytest.mark.integration, pytest.mark.boot]
TRUSTED = ("--security-type", "TrustedLaunch", "--enable-secure-boot", "true", "--enable-vtpm", "true")
PLACE = "http://169.254.169.254/metadata/instance/compute/securityProfile?api-version=2021-12-13"
ASK = (
    "python3 -c 'import sys, urllib.request as web; "
    'asked = web.Request(sys.argv[1], headers={"Metadata": "true"}); '
    f"print(web.urlopen(asked).read().decode())' '{PLACE}'"
)


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AzMachine]:
    folder = tmp_path_factory.mktemp("trusted")
    with CloudProcess(folder / "state") as cloud:
        yield AzMachine.create(cloud, "web", make_key(folder / "key"), *TRUSTED)


def test_the_guest_was_started_with_secure_boot(web: AzMachine) -> None:
    told = web.ssh("sudo bootctl status")
    assert "Secure Boot: enabled" in told
    variable = "/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c"
    assert web.ssh(f"od -An -tu1 {variable}").split()[4] == "1"
    assert "TPM2 Support: yes" in told


def test_the_tpm_has_measured_what_was_started(web: AzMachine) -> None:
    registers = "cd /sys/class/tpm/tpm0/pcr-sha256; cat 0 4 7 11"
    values = web.ssh(registers).split()
    assert len(values) == 4
    assert all(set(value) - {"0"} for value in values)


def test_the_metadata_service_says_so(web: AzMachine) -> None:
    told = json.loads(web.ssh(ASK))
    assert told["secureBootEnabled"] == "true"
    assert told["virtualTpmEnabled"] == "true"
    shown = web.az("show")["securityProfile"]
    assert shown["securityType"] == "TrustedLaunch"
    assert shown["uefiSettings"] == {"secureBootEnabled": True, "vTpmEnabled": True}
