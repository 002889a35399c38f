"""What a killed cloud finds when it comes back, and work that is waited for from inside."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from armcloud import ArmCloud
from bluejacket.cloud.arm.errors import CloudError
from bluejacket.cloud.arm.ids import ResourceId
from bluejacket.cloud.arm.kind import SYSTEM, Cloud, Grade, Job, Kind, Verb
from bluejacket.cloud.arm.resource import Resource
from bluejacket.cloud.arm.store import Store
from bluejacket.cloud.arm.turns import Turns

VM = "g1/Microsoft.Compute/virtualMachines/vm1"


class Machines(Kind):
    """Its work never ends while `stuck`, as if the process were killed in the middle of it."""

    type: ClassVar[str] = "Microsoft.Compute/virtualMachines"
    verbs: ClassVar[Mapping[str, Verb]] = {
        "get": Verb(Grade.REAL),
        "put": Verb(Grade.REAL, long=True),
        "delete": Verb(Grade.REAL, long=True),
        "start": Verb(Grade.REAL, long=True),
    }

    def __init__(self, stuck: bool) -> None:
        self.stuck = stuck
        self.entered = threading.Event()
        self.settled = 0
        self.seen: list[str] = []

    def work(self, cloud: Cloud, job: Job, resource: Resource) -> Any:
        self.seen.append(job.verb)
        self.entered.set()
        if self.stuck:
            threading.Event().wait()
        if resource.properties.get("refuses"):
            raise CloudError(409, "Conflict", "It is not to be.")
        return {"payload": job.payload}

    def settle(self, cloud: Cloud) -> None:
        self.settled += 1


def killed(
    folder: Path, verb: str, body: dict[str, Any] | None = None, url: str = ""
) -> tuple[str, Machines]:
    """Leave a cloud in the middle of an operation; gives the operation's address."""
    kind = Machines(stuck=verb == "put")
    arm = ArmCloud(folder, [kind], url=url)
    if (folder / "first").exists() is False:
        arm.group()
        (folder / "first").touch()
    begun = arm.put(VM, {"location": "eastus", "properties": body or {}})
    if verb != "put":
        arm.poll(begun.headers["Azure-AsyncOperation"])
        kind.stuck = True
        kind.entered.clear()
        words = ("DELETE", VM) if verb == "delete" else ("POST", f"{VM}/{verb}")
        begun = arm.ask(*words, {"secret": "word"} if verb == "start" else None)
    assert kind.entered.wait(5)
    arm.store.close()
    return str(begun.headers["Azure-AsyncOperation"]), kind


@pytest.mark.parametrize("verb", ["put", "delete", "start"])
def test_unfinished_operations_are_finished(tmp_path: Path, verb: str, database: str) -> None:
    where, _ = killed(tmp_path, verb, url=database)
    kind = Machines(stuck=False)
    arm = ArmCloud(tmp_path, [kind], url=database)
    assert arm.cloud.resume() == 1
    assert arm.poll(where).json()["status"] == "Succeeded"
    assert (kind.settled, kind.seen) == (1, [verb])
    assert arm.get(VM).status_code == (404 if verb == "delete" else 200)
    if verb == "put":
        assert arm.get(VM).json()["properties"]["provisioningState"] == "Succeeded"
    if verb == "start":
        assert arm.poll(where).json()["properties"]["output"] == {"payload": {"secret": "word"}}
    assert arm.cloud.operations.unfinished() == []
    arm.store.close()


def test_what_fails_after_the_restart_fails_cleanly(tmp_path: Path) -> None:
    where, _ = killed(tmp_path, "put", {"refuses": True})
    arm = ArmCloud(tmp_path, [Machines(stuck=False)])
    arm.cloud.resume()
    assert arm.poll(where).json()["error"]["code"] == "Conflict"
    assert arm.get(VM).json()["properties"]["provisioningState"] == "Failed"


def test_an_operation_that_kills_the_cloud_is_given_up(tmp_path: Path) -> None:
    where, _ = killed(tmp_path, "put")
    for _ in range(2):
        kind = Machines(stuck=True)
        again = ArmCloud(tmp_path, [kind])
        again.cloud.resume()
        assert kind.entered.wait(5)
        again.store.close()
    last = ArmCloud(tmp_path, [Machines(stuck=True)])
    last.cloud.resume()
    assert last.poll(where).json()["error"]["code"] == "OperationAbandoned"


def test_a_type_that_is_no_longer_served(tmp_path: Path) -> None:
    where, _ = killed(tmp_path, "put")
    arm = ArmCloud(tmp_path)
    arm.cloud.resume()
    assert arm.poll(where).json()["error"]["code"] == "OperationAbandoned"


def test_from_inside_everything_is_waited_for(tmp_path: Path) -> None:
    arm = ArmCloud(tmp_path, [Machines(stuck=False)])
    arm.group()
    vm = ResourceId.parse(arm.path(VM))
    assert arm.cloud.put(vm, {"location": "eastus"}, SYSTEM).state == "Succeeded"
    assert arm.cloud.action(vm, "start", {"a": 1}, SYSTEM) == {"payload": {"a": 1}}
    arm.cloud.delete(vm, SYSTEM)
    assert arm.store.get(vm) is None
    arm.cloud.delete(vm, SYSTEM)
    with pytest.raises(CloudError, match="Conflict"):
        arm.cloud.put(vm, {"properties": {"refuses": True}}, SYSTEM)
    with pytest.raises(LookupError):
        arm.cloud.service(Machines)


def test_secrets_are_forgotten_with_the_operation(tmp_path: Path) -> None:
    where, _ = killed(tmp_path, "start")
    arm = ArmCloud(tmp_path, [Machines(stuck=False)])
    arm.cloud.resume()
    arm.poll(where)
    name = where.partition("?")[0].rpartition("/")[2]
    ended = arm.cloud.operations.get(name)
    assert ended is not None
    assert ended.payload == {}


def test_turns_come_in_order_and_a_holder_need_not_wait() -> None:
    turns, seen = Turns(), list[int]()
    places = [turns.take("k") for _ in range(5)]

    def use(at: int) -> None:
        with turns.turn("k", places[at]), turns.turn("k", turns.take("k")):
            seen.append(at)

    threads = [threading.Thread(target=use, args=(at,)) for at in (4, 2, 3, 1, 0)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(5)
    assert seen == [0, 1, 2, 3, 4]
    with turns.turn("k", turns.take("k")):
        pass


names = st.sampled_from(["a", "B", "b", "c"])
steps = st.lists(
    st.tuples(st.sampled_from(["put", "put part", "delete", "delete group"]), names, names), max_size=30
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps)
def test_the_store_is_a_dictionary_of_ids_in_lower_case(new_database: Callable[[], str], done: Any) -> None:
    """The oracle is a dictionary: what is below a key goes with it."""
    store, known = Store(new_database()), dict[str, str]()
    for what, group, name in done:
        disk = ResourceId("s", group, "N", ("disks",), (name,))
        part = disk.child("parts", "p")
        target = {"put": disk, "put part": part, "delete": disk, "delete group": ResourceId("s", group)}[what]
        if what.startswith("put"):
            store.put(Resource(target, tags={"spelled": target.text}))
            known[target.key] = target.text
        else:
            gone = {key for key in known if key == target.key or key.startswith(target.key + "/")}
            assert store.delete(target) is bool(gone)
            known = {key: text for key, text in known.items() if key not in gone}
    found = store.list(subscription="S")
    assert [one.id.key for one in found] == sorted(known)
    assert {one.id.key: one.tags["spelled"] for one in found} == known
    for group in ("a", "b", "c"):
        inside = store.list(group=group.upper(), type_name="n/DISKS")
        assert [one.id.key for one in inside] == sorted(
            key for key in known if f"/resourcegroups/{group}/" in key and not key.endswith("/p")
        )
    store.close()
