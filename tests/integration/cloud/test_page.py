"""The cloud's page in a real browser: who may see it, what it shows, how it follows, and what it makes."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.routing import BaseRoute

from bluejacket.cloud import compute, deploy, network
from bluejacket.cloud.arm.cloud import LocalCloud
from bluejacket.cloud.arm.ids import ResourceId
from bluejacket.cloud.arm.resource import Resource
from bluejacket.cloud.compute.machines import CloudMachines
from bluejacket.cloud.guest.agents import Agents
from bluejacket.cloud.guest.reports import Reports
from bluejacket.cloud.network.host import Networks
from bluejacket.cloud.page import Sessions, page_routes
from bluejacket.cloud.page.session import COOKIE
from bluejacket.tools import Sandbox
from browser import Chromium, Page, browser
from pages import press, wait
from servedcloud import ServedCloud, served

pytestmark = pytest.mark.integration
VM_ID = "0b5d8a3e-3c55-4a1e-9d6f-6f2b2c2f7c01"
HOSTILE = '<img src=x onerror="document.title=1"></pre><script>document.title="owned"</script>'
IMAGE = {"publisher": "Nobody", "offer": "nothing", "sku": "none", "version": "latest"}
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGhlcmUgaXMgbm8ga2V5IG9mIGFueWJvZHkgYXQgYWxs me"
LIGHT, DARK = "rgb(255, 255, 255)", "rgb(18, 24, 30)"


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory, tools: Path) -> Iterator[ServedCloud]:
    """A cloud with real networks, a machine's record with a console, and an image of a gallery."""
    work = tmp_path_factory.mktemp("cloud")

    def more(made: LocalCloud) -> Sequence[BaseRoute]:
        box = Sandbox(tools, work / "logs")
        for service in (CloudMachines(work, box), Networks(made, tools), Sessions(work)):
            made.provide(service)
        made.provide(Reports(work / "machines"))
        made.provide(Agents(work / "machines"))
        return page_routes(made, made.service(Sessions))

    kinds = [*deploy.KINDS, *network.KINDS, *compute.KINDS]
    with served(work, kinds, [*network.ENDPOINTS, *compute.ENDPOINTS], more) as found:
        try:
            fill(found)
            yield found
        finally:
            found.cloud.service(Networks).close()


def fill(cloud: ServedCloud) -> None:
    assert cloud.arm("PUT", "Harbour", {"location": "eastus"}).status_code == 201
    group = ResourceId.parse(f"{cloud.root}/resourceGroups/Harbour")
    vm = Resource(group.sibling("Microsoft.Compute/virtualMachines", "Dory"), "eastus")
    vm.properties = {
        "vmId": VM_ID,
        "provisioningState": "Succeeded",
        "hardwareProfile": {"vmSize": "Standard_B1ms"},
        "storageProfile": {"imageReference": IMAGE, "osDisk": {"createOption": "FromImage"}},
        "osProfile": {"adminUsername": HOSTILE},
        "networkProfile": {"networkInterfaces": []},
    }
    cloud.cloud.resources.put(vm)
    console = cloud.cloud.service(CloudMachines).machine(VM_ID).console
    console.parent.mkdir(parents=True)
    console.write_text(f"Welcome aboard\r\n{HOSTILE}\r\n")
    definition = group.sibling("Microsoft.Compute/galleries", "Fleet").child("images", "sloop")
    version = Resource(definition.child("versions", "1.2.0"), "eastus")
    version.properties = {"provisioningState": "Succeeded"}
    for one in (Resource(definition, "eastus"), version):
        cloud.cloud.resources.put(one)


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chromium]:
    with browser(tmp_path_factory.mktemp("browser")) as started:
        yield started


def link(cloud: ServedCloud) -> str:
    return cloud.cloud.service(Sessions).link(cloud.cloud.base)


def signed_in(cloud: ServedCloud, chromium: Chromium, path: str = "/", **look: Any) -> Page:
    page = chromium.open("about:blank", **look)
    page.go(link(cloud))
    wait(page, "location.pathname === '/' && document.readyState === 'complete'")
    go(cloud, page, path)
    return page


def go(cloud: ServedCloud, page: Page, path: str) -> None:
    """Go there and be sure of it: the page that a link leads to goes on by itself."""
    page.go(cloud.cloud.base + path)
    wait(page, f"location.pathname === {path!r} && document.readyState === 'complete'")


def test_a_link_works_once_and_nobody_gets_in_without(cloud: ServedCloud) -> None:
    address = link(cloud)
    assert cloud.http.get("/").status_code == 401
    for path in ("/page/machines/Harbour/Dory/log", "/page/state", "/page/new", "/page/images"):
        assert cloud.http.get(path).status_code == 401
    first = cloud.http.get(address)
    assert first.status_code == 200
    told = first.headers["set-cookie"]
    assert told.startswith(COOKIE)
    for word in ("Secure", "HttpOnly", "SameSite=strict", "Path=/"):
        assert word in told
    cloud.http.cookies.clear()
    assert cloud.http.get(address).status_code == 403
    assert cloud.http.get(address[:-1] + ("0" if address[-1] != "0" else "1")).status_code == 403
    again = Sessions(cloud.cloud.state)  # as after the control plane began anew
    assert again.enter(address.partition("=")[2]) is None


def test_a_form_of_another_page_is_refused(cloud: ServedCloud) -> None:
    cloud.http.get(link(cloud))
    try:
        for word in ("", "guess"):
            answer = cloud.http.post("/page/machines/Harbour/Dory/start", data={"word": word})
            assert answer.status_code == 403
            assert "not from this page" in answer.text
        assert cloud.http.post("/page/new", data={}).status_code == 403
        assert cloud.http.get("/page/machines/Harbour/None").status_code == 404
        policy = cloud.http.get("/").headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
    finally:
        cloud.http.cookies.clear()


def test_machines_and_images_are_listed(cloud: ServedCloud, chromium: Chromium) -> None:
    page = signed_in(cloud, chromium)
    row = page.run("document.querySelector('tbody tr').innerText")
    assert re.search(r"Dory\s+.*stopped\s+Standard_B1ms", row)
    assert ("heading", "Harbour") in page.outline()
    go(cloud, page, "/page/images")
    assert "Fleet/sloop" in page.run("document.body.innerText")
    assert page.complaints() == []


def test_the_console_is_followed_and_harms_nobody(cloud: ServedCloud, chromium: Chromium) -> None:
    page = signed_in(cloud, chromium, "/page/machines/Harbour/Dory")
    log = "document.querySelector('pre').textContent"
    assert page.run(log).startswith("Welcome aboard\n" + HOSTILE)
    console = cloud.cloud.service(CloudMachines).machine(VM_ID).console
    with console.open("a") as stream:
        stream.write(f"login: {HOSTILE}\r\n")
    wait(page, f"{log}.endsWith({HOSTILE + chr(10)!r}) && {log}.includes('login: ')")
    assert page.run("document.querySelectorAll('main img, main script').length") == 0
    assert page.run("document.title").startswith("Dory")
    console.write_text("A new start\r\n")  # the machine was started again
    wait(page, f"{log}.includes('A new start')")
    assert page.complaints() == []


def test_a_change_of_state_is_seen(cloud: ServedCloud, chromium: Chromium) -> None:
    page = signed_in(cloud, chromium, "/page/machines/Harbour/Dory")
    assert page.run("document.querySelector('.state').textContent.trim()") == "stopped"
    vm = ResourceId.parse(
        f"{cloud.root}/resourceGroups/Harbour/providers/Microsoft.Compute/virtualMachines/Dory"
    )
    cloud.cloud.resources.change(vm, lambda one: one.hidden.update(power="deallocated"))
    wait(page, "document.querySelector('.state').textContent.trim() === 'deallocated'")
    cloud.cloud.resources.change(vm, lambda one: one.hidden.pop("power"))
    wait(page, "document.querySelector('.state').textContent.trim() === 'stopped'")


def test_a_button_acts(cloud: ServedCloud, chromium: Chromium) -> None:
    page = signed_in(cloud, chromium, "/page/machines/Harbour/Dory")
    assert page.run("document.querySelector('form[action$=restart] button').disabled") is True
    page.run("window.confirm = () => true")
    press(page, "form[action$=deallocate] button")
    wait(page, "document.querySelector('.state').textContent.trim() === 'deallocated'")
    vm = ResourceId.parse(
        f"{cloud.root}/resourceGroups/Harbour/providers/Microsoft.Compute/virtualMachines/Dory"
    )
    cloud.cloud.resources.change(vm, lambda one: one.hidden.pop("power"))


def test_the_form_tells_what_is_wrong_and_keeps_what_was_typed(
    cloud: ServedCloud, chromium: Chromium
) -> None:
    page = signed_in(cloud, chromium, "/page/new")
    page.run("document.querySelector('form').noValidate = true")
    page.type("input[name=name]", "Skiff")
    page.type("input[name=group]", "Harbour")
    page.type("textarea[name=key]", "rubbish")
    press(page, "button")
    wait(page, "document.querySelector('[role=alert]') !== null")
    assert "SSH public key" in page.run("document.querySelector('[role=alert]').textContent")
    assert page.run("document.querySelector('input[name=name]').value") == "Skiff"


def test_the_form_begins_a_deployment_and_says_how_it_ends(cloud: ServedCloud, chromium: Chromium) -> None:
    """The network is really made; there is no such image, which the page says in Azure's words."""
    page = signed_in(cloud, chromium, "/page/new")
    page.type("input[name=name]", "Skiff")
    page.type("input[name=group]", "Quay")
    page.type("textarea[name=key]", KEY)
    page.run(f"document.querySelector('select[name=image] option').value = {json.dumps(json.dumps(IMAGE))}")
    press(page, "button")
    wait(page, "location.pathname.startsWith('/page/making/Quay/Skiff/')")
    wait(page, "document.querySelector('.state').textContent.trim() === 'Failed'", 120)
    told = page.run("document.querySelector('[role=alert]').textContent")
    assert told.startswith("The platform image 'Nobody:nothing:none:latest' is not available")
    network_ = cloud.arm("GET", "Quay/providers/Microsoft.Network/virtualNetworks/SkiffVNET")
    assert network_.status_code == 200
    rule = cloud.arm("GET", "Quay/providers/Microsoft.Network/networkSecurityGroups/SkiffNSG").json()
    assert rule["properties"]["securityRules"][0]["properties"]["destinationPortRange"] == "22"


@pytest.mark.parametrize(("width", "dark"), [(360, False), (360, True), (1280, True)])
def test_every_page_fits(cloud: ServedCloud, chromium: Chromium, width: int, dark: bool) -> None:
    page = signed_in(cloud, chromium, width=width, dark=dark)
    for path in ("/", "/page/machines/Harbour/Dory", "/page/images", "/page/new", "/page/machines/No/None"):
        go(cloud, page, path)
        over = page.run("document.documentElement.scrollWidth - window.innerWidth")
        assert over <= 0, f"{path} is {over} pixels wider than the window"
        small = page.run(
            "Array.from(document.querySelectorAll('main button, input:not([type=hidden]), select, textarea'))"
            ".filter(e => e.offsetHeight < 44).length"
        )
        assert small == 0  # WCAG 2.2, 2.5.5: fingers need 44 pixels
        unnamed = [
            role for role, name in page.outline() if role in ("textbox", "combobox", "button") and not name
        ]
        assert unnamed == [], path
        faint = [pair for pair in page.run(_PAIRS) if contrast(pair[1], pair[2]) < 4.5]
        assert faint == [], path
    assert page.run("getComputedStyle(document.body).backgroundColor") == (DARK if dark else LIGHT)
    assert page.run("document.documentElement.lang") == "en"


def test_all_is_there_without_a_script(cloud: ServedCloud, chromium: Chromium) -> None:
    page = signed_in(cloud, chromium)
    page.call("Emulation.setScriptExecutionDisabled", value=True)
    go(cloud, page, "/page/machines/Harbour/Dory")
    outline = page.outline()
    assert ("button", "Start") in outline
    assert any(role == "log" for role, _ in outline)


_PAIRS = """(() => {
  const under = e => { for (; e; e = e.parentElement) {
    const c = getComputedStyle(e).backgroundColor; if (c !== "rgba(0, 0, 0, 0)") return c; } };
  return Array.from(document.querySelectorAll("h1, a, p, label, input, th, td, pre, .state, footer, button"),
    e => [e.tagName + "." + e.className, getComputedStyle(e).color, under(e)]); })()"""


def contrast(ink: str, paper: str) -> float:
    """WCAG 2.2, contrast ratio."""

    def luminance(color: str) -> float:
        parts = [int(part) / 255 for part in re.findall(r"\d+", color)[:3]]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))

    one, other = sorted((luminance(ink), luminance(paper)))
    return (other + 0.05) / (one + 0.05)


def test_the_page_is_not_in_the_way_of_resource_manager(cloud: ServedCloud) -> None:
    assert isinstance(cloud.http, httpx.Client)
    assert cloud.arm("GET", "Harbour").status_code == 200
    assert cloud.http.get("/subscriptions", params={"api-version": "2022-12-01"}).status_code == 401
