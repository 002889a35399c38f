"""Waiting for disks, whole lives of galleries, and what is declared refused, by Azure's own CLI."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from azcli import CloudProcess
from azshell import AzShell

pytestmark = pytest.mark.integration
IN = ("-g", "g1")
WEB = ("-r", "shelf", "-i", "web", *IN)
SOON = ("--interval", "1", "--timeout", "60")
NAMED = ("-p", "me", "-f", "web", "-s", "4", "--os-type", "Linux")


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory, tools: Path) -> Iterator[AzShell]:
    state = tmp_path_factory.mktemp("cloud") / "state"
    with CloudProcess(state) as cloud, AzShell(cloud, "vmss create", "sig create") as made:
        made.az("group", "create", "-n", "g1", "-l", "eastus")
        yield made


def names(found: list[dict[str, Any]]) -> set[str]:
    return {one["name"] for one in found}


def test_waiting_until_something_is_there_and_until_it_is_gone(shell: AzShell) -> None:
    shell.az("disk", "create", *IN, "-n", "hold", "--size-gb", "1", "--os-type", "Linux", "--no-wait")
    shell.az("disk", "wait", *IN, "-n", "hold", "--created", *SOON)
    shell.az("snapshot", "create", *IN, "-n", "moment", "--source", "hold")
    shell.az("snapshot", "wait", *IN, "-n", "moment", "--exists", *SOON)
    image = ("--source", "hold", "--os-type", "Linux", "--hyper-v-generation", "V2")
    shell.az("image", "create", *IN, "-n", "golden", *image)
    shell.az("image", "wait", *IN, "-n", "golden", "--created", *SOON)
    shell.az("image", "delete", *IN, "-n", "golden")
    shell.az("image", "wait", *IN, "-n", "golden", "--deleted", *SOON)


def test_a_gallery_lives_and_goes(shell: AzShell) -> None:
    shell.az("sig", "create", *IN, "-r", "shelf", "--description", "old")
    shell.az("sig", "wait", *IN, "-r", "shelf", "--created", *SOON)
    shown = shell.az("sig", "show", *IN, "-r", "shelf")
    assert shown["identifier"]["uniqueName"].endswith("-SHELF")
    changed = shell.az("sig", "update", *IN, "-r", "shelf", "--set", "tags.a=b", "description=new")
    assert (changed["tags"], changed["description"]) == ({"a": "b"}, "new")
    assert names(shell.az("sig", "list", *IN)) == names(shell.az("sig", "list")) == {"shelf"}

    definition = ("sig", "image-definition")
    shell.az(*definition, "create", *WEB, *NAMED)
    shell.az(*definition, "wait", *WEB, "--created", *SOON)
    changed = shell.az(*definition, "update", *WEB, "--set", "description=ours", "tags.a=b")
    assert (changed["description"], changed["tags"]) == ("ours", {"a": "b"})
    shell.az("sig", "image-version", "create", *WEB, "-e", "1.0.0", "--os-snapshot", "moment")
    shell.az("sig", "image-version", "wait", *WEB, "-e", "1.0.0", "--created", *SOON)
    listed = ("sig", "image-version", "list-soft-deleted", *WEB)
    assert shell.az(*listed) == []

    shell.az("sig", "image-version", "delete", *WEB, "-e", "1.0.0")
    assert shell.az(*listed) == [], "what is deleted is gone"
    shell.az(*definition, "delete", *WEB)
    assert shell.az(*definition, "list", *IN, "-r", "shelf") == []
    shell.az("sig", "delete", *IN, "-r", "shelf")
    assert "ResourceNotFound" in shell.refused("sig", "show", *IN, "-r", "shelf", status=3)


def test_what_galleries_do_not_do_here(shell: AzShell) -> None:
    shell.az("sig", "create", *IN, "-r", "rack")
    application = ("sig", "gallery-application")
    one = ("--gallery-name", "rack", "-n", "tool", *IN)
    said = shell.refuses(*application, "create", *one, "--os-type", "Linux")
    assert "gallery applications are not served" in said
    shell.refuses(*application, "list", "--gallery-name", "rack", *IN)
    shell.refuses("sig", "share", "enable-community", *IN, "-r", "rack")
    shell.refuses("sig", "list-shared", "-l", "eastus")
    shell.refuses("sig", "create", *IN, "-r", "soft", "--soft-delete", "true")
    shell.az("sig", "delete", *IN, "-r", "rack")


def test_scale_sets_are_declared_refused(shell: AzShell, tmp_path: Path) -> None:
    """Also what the reference lists as red: there is no load balancer to tell the connection of."""
    (tmp_path / "key.pub").write_text("ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAgQC7 me")
    shell.az("disk", "create", *IN, "-n", "blank", "--size-gb", "1", "--os-type", "Linux")
    image = ("--source", "blank", "--os-type", "Linux", "--hyper-v-generation", "V2")
    made = shell.az("image", "create", *IN, "-n", "empty", *image)
    words = ("--image", made["id"], "--ssh-key-values", tmp_path / "key.pub", "--admin-username", "me")
    said = shell.refuses("vmss", "create", *IN, "-n", "fleet", *words, "--lb", "")
    assert "scale sets are not served" in said
    named = (*IN, "-n", "fleet")
    shell.refuses("vmss", "list-instance-connection-info", *named)
    shell.refuses("vmss", "list", *IN)
    shell.refuses("vmss", "restart", *named)
    shell.refuses("vmss", "rolling-upgrade", "get-latest", *named)
    shell.refuses("vm", "host", "group", "create", *IN, "-n", "dock", "-c", "1")


def test_coverage_names_what_is_refused(shell: AzShell) -> None:
    rows = json.loads(shell.cloud.bluejacket("--json", "cloud", "coverage"))
    grades = {(one["type"], one["operation"]): (one["grade"], one["note"]) for one in rows}
    for kind in ("virtualMachineScaleSets", "galleries/applications", "hostGroups"):
        grade, why = grades[f"Microsoft.Compute/{kind}", "put"]
        assert (grade, bool(why)) == ("refused", True)
    machines = "Microsoft.Compute/virtualMachines"
    for action in ("capture", "converttomanageddisks", "performmaintenance"):
        assert grades[machines, action][0] == "refused"
    assert grades[f"{machines}/extensions", "delete"][0] == "stored"
