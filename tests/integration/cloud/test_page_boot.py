"""A machine of a gallery's image boots, made with the page's form; its console is seen, a button stops it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from azcli import CloudProcess
from bluejacket.image import BuiltImage
from browser import browser
from pages import press, wait

pytestmark = [pytest.mark.integration, pytest.mark.boot]
URN = "Bluejacket:bluejacket-linux-4:4-lts:latest"
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGhlcmUgaXMgbm8ga2V5IG9mIGFueWJvZHkgYXQgYWxs me"
STATE = "document.querySelector('.state').textContent.trim()"
TOLD = "document.querySelector('dl').textContent"


def put_into_gallery(cloud: CloudProcess) -> str:
    """Make the marketplace's image the version 1.2.0 of `Fleet/sloop`, and give the definition's id."""
    group, definition = ("-g", "Yard"), ("-r", "Fleet", "-i", "sloop")
    cloud.az("group", "create", "-n", "Yard", "-l", "eastus")
    cloud.az("disk", "create", *group, "-n", "hull", "--image-reference", URN)
    cloud.az("snapshot", "create", *group, "-n", "mould", "--source", "hull")
    cloud.az("sig", "create", *group, "-r", "Fleet")
    words = ("-p", "me", "-f", "sloop", "-s", "4", "--os-type", "Linux")
    made = cloud.az("sig", "image-definition", "create", *group, *definition, *words)
    cloud.az("sig", "image-version", "create", *group, *definition, "-e", "1.2.0", "--os-snapshot", "mould")
    return str(made["id"])


def test_a_machine_from_the_form(tmp_path: Path, image: BuiltImage) -> None:
    with CloudProcess(tmp_path / "state") as cloud, browser(tmp_path) as chromium:
        sloop = put_into_gallery(cloud)
        page = chromium.open("about:blank", 360, 800)
        page.go(json.loads(cloud.bluejacket("--json", "cloud", "page"))["page"])
        wait(page, "location.pathname === '/' && document.readyState === 'complete'")
        page.go(cloud.status()["address"] + "/page/new")
        wait(page, "location.pathname === '/page/new' && document.readyState === 'complete'")
        assert "linux-4" in page.run("document.querySelector('select[name=image]').value")
        page.go(cloud.status()["address"] + "/page/images")
        wait(page, "location.pathname === '/page/images' && document.readyState === 'complete'")
        press(page, "a[href*=sloop]")
        wait(page, "location.pathname === '/page/new' && document.readyState === 'complete'")
        chosen = page.run("document.querySelector('select[name=image]').value")
        assert json.loads(chosen) == {"id": sloop}
        page.type("input[name=name]", "Skiff")
        page.type("input[name=group]", "Quay")
        page.type("textarea[name=key]", KEY)
        press(page, "main button")
        wait(page, "location.pathname.startsWith('/page/making/')")
        wait(page, "document.querySelector('main a.main') !== null", 300)
        press(page, "main a.main")
        wait(page, "location.pathname === '/page/machines/Quay/Skiff'")
        try:
            wait(page, "document.querySelector('pre').textContent.includes('Skiff login:')", 600)
        except AssertionError as never:
            kept = cloud.az("vm", "get-instance-view", "-g", "Quay", "-n", "Skiff")["instanceView"]
            raise AssertionError(f"{never}\n{json.dumps(kept['statuses'])}\n{cloud.log}") from never
        wait(page, f"{STATE} === 'running' && {TOLD}.includes('Succeeded')", 600)
        assert "\x1b" not in page.run("document.querySelector('pre').textContent")
        assert page.run(TOLD).count("azureuser@127.") == 1
        assert "Fleet/sloop/1.2.0" in page.run(TOLD)
        made = cloud.az("vm", "show", "-g", "Quay", "-n", "Skiff")["storageProfile"]["imageReference"]
        assert (made["id"], made["exactVersion"]) == (sloop, "1.2.0")
        page.run("window.confirm = () => true")
        press(page, "form[action$=deallocate] button")
        wait(page, f"{STATE} === 'deallocated'", 300)
