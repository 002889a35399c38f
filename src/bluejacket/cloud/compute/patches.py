"""assessPatches and installPatches: what DNF in the guest knows of updates, asked through its agent.

An agent gives back the end of what a script prints. So the guest keeps the answer in a file, and it is read
in pieces. Source for DNF's fields and columns: `dnf5 advisory list --json` and `check-upgrade` of DNF 5.
"""

from __future__ import annotations

import base64
import json
import zlib
from datetime import UTC, datetime
from typing import Any

from bluejacket.cloud.arm.errors import CloudError
from bluejacket.cloud.arm.kind import Cloud, Job
from bluejacket.cloud.arm.resource import Resource
from bluejacket.cloud.compute.runcommand import run_in

_ASSESS_S, _INSTALL_S = 900.0, 7200.0
_KINDS = {"security": "Security", "bugfix": "Other", "enhancement": "Other"}

_PIECE = 4000  # characters, less than an agent gives back of a script's output

# Writes one JSON object, packed, into a file that only root can read: updates with their advisories' kinds,
# and whether a restart is due. Prints how long that is, and its beginning.
_ASK = r"""
import base64, json, os, subprocess, sys, zlib
def ask(*words):
    done = subprocess.run(["dnf", *words], capture_output=True, text=True)
    if done.returncode not in (0, 100):
        sys.exit(done.stderr[-800:] or done.stdout[-800:])
    return done.stdout
ask("-q", "-y", "makecache", "--refresh")  # a first time takes the key that the image brought
rows = json.loads(ask("-q", "advisory", "list", "--json") or "[]")
pending = []
for line in ask("-q", "check-upgrade").splitlines():
    words = line.split()
    if len(words) == 3 and "." in words[0]:
        pending.append(words[:2])
    elif line.startswith("Obsoleting"):
        break
reboot = subprocess.run(["dnf", "-q", "needs-restarting"], capture_output=True).returncode == 1
kept = [{"id": r["name"], "type": r["type"], "severity": r["severity"], "nevra": r["nevra"]} for r in rows]
kinds = {}
for one in kept:
    name = one["nevra"].rsplit("-", 2)[0]
    if kinds.get(name) != "security":
        kinds[name] = one["type"]
left = [[n, v, kinds.get(n.rsplit(".", 1)[0], "")] for n, v in pending]
text = json.dumps({"reboot": reboot, "packages": left})
packed = base64.b64encode(zlib.compress(text.encode(), 9)).decode()
if len(packed) > PIECE:
    with open(os.open(FILE, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(packed)
print(len(packed), packed[:PIECE])
"""


def assess(cloud: Cloud, job: Job, vm: Resource) -> dict[str, Any]:
    """Ask the guest which updates there are; gives Azure's VirtualMachineAssessPatchesResult."""
    began = _now()
    found = _ask(cloud, job, vm, "assess")
    security = sum(kind == "security" for *_, kind in found["packages"])
    answer = {
        "status": "Succeeded",
        "assessmentActivityId": job.name,
        "rebootPending": bool(found["reboot"]),
        "criticalAndSecurityPatchCount": security,
        "otherPatchCount": len(found["packages"]) - security,
        "startDateTime": began,
        "availablePatches": [
            {
                "patchId": f"{name}={version}",
                "name": name,
                "version": version,
                "classifications": [_KINDS.get(kind, "Other")],
                "rebootBehavior": "CanRequestReboot",
                "assessmentState": "Available",
            }
            for name, version, kind in found["packages"]
        ],
        "error": {"code": "Success", "message": "", "details": []},
    }
    summary = {key: answer[key] for key in answer if key not in ("availablePatches", "startDateTime")}
    summary |= {"startTime": began, "lastModifiedTime": _now()}
    _remember(cloud, vm, "availablePatchSummary", summary)
    return answer


def install(cloud: Cloud, job: Job, vm: Resource) -> dict[str, Any]:
    """Have the guest install updates; gives Azure's VirtualMachineInstallPatchesResult."""
    began = _now()
    wanted = job.payload.get("linuxParameters") or {}
    classes = {str(one).lower() for one in wanted.get("classificationsToInclude") or ()}
    words = ["dnf", "-y", "-q", "upgrade"]
    if classes and "other" not in classes:
        words.append("--security")
    masks = wanted.get("packageNameMasksToExclude") or []
    words += [f"--exclude={mask}" for mask in masks]
    words += [str(mask) for mask in wanted.get("packageNameMasksToInclude") or []]
    before = _ask(cloud, job, vm, "before")
    script = "exec " + " ".join(_quoted(word) for word in words)
    ran = run_in(cloud, vm, (script,), limit_s=_INSTALL_S, key=f"{job.name} install")
    after = _ask(cloud, job, vm, "after")
    installed = [one for one in before["packages"] if one not in after["packages"]]
    failed = ran.status != 0
    setting = str(job.payload.get("rebootSetting", "IfRequired")).lower()
    reboot = "NotNeeded"
    if after["reboot"] or setting == "always":
        reboot = "Required"
        if setting != "never":
            run_in(cloud, vm, ("systemd-run --on-active=2 systemctl reboot",), key=f"{job.name} reboot")
            reboot = "Started"
    answer: dict[str, Any] = {
        "status": "Failed" if failed else "Succeeded",
        "installationActivityId": job.name,
        "rebootStatus": reboot,
        "maintenanceWindowExceeded": False,
        "excludedPatchCount": len(masks),
        "notSelectedPatchCount": len(after["packages"]),
        "pendingPatchCount": 0,
        "installedPatchCount": len(installed),
        "failedPatchCount": len(after["packages"]) if failed else 0,
        "patches": [
            {
                "patchId": f"{name}={version}",
                "name": name,
                "version": version,
                "classifications": [_KINDS.get(kind, "Other")],
                "installationState": "Installed",
            }
            for name, version, kind in installed
        ],
        "startDateTime": began,
        "error": {
            "code": "Failure" if failed else "Success",
            "message": ran.err[-500:] if failed else "",
            "details": [],
        },
    }
    _remember(cloud, vm, "lastPatchInstallationSummary", {k: v for k, v in answer.items() if k != "patches"})
    return answer


def _ask(cloud: Cloud, job: Job, vm: Resource, when: str) -> dict[str, Any]:
    file = f"/run/bluejacket-patches-{job.name}-{when}"
    program = _ASK.replace("PIECE", str(_PIECE)).replace("FILE", repr(file))
    lines = ("exec python3 - <<'EOF'", *program.strip().splitlines(), "EOF")
    key = f"{job.name} {when}"
    ran = run_in(cloud, vm, lines, limit_s=_ASSESS_S, key=key)
    try:
        length, packed = ran.out.split() if ran.status == 0 else ("", "")
        while len(packed) < int(length):
            script = f"tail -c +{len(packed) + 1} {file} | head -c {_PIECE}"
            ran = run_in(cloud, vm, (script,), limit_s=_ASSESS_S, key=f"{key} {len(packed)}")
            if not ran.out:
                raise ValueError("nothing more comes")
            packed += ran.out.strip()
        found = json.loads(zlib.decompress(base64.b64decode(packed, validate=True)))
    except (ValueError, zlib.error):
        said = (ran.err or ran.out or ran.why).strip()[-600:]
        raise CloudError(
            409, "PatchAssessmentFailed", f"DNF in '{vm.id.name}' could not say what is due: {said}"
        ) from None
    if len(packed) > _PIECE:
        run_in(cloud, vm, (f"rm -f {file}",), key=f"{key} done")
    return dict(found)


def _remember(cloud: Cloud, vm: Resource, name: str, summary: dict[str, Any]) -> None:
    def edit(one: Resource) -> None:
        one.hidden["patchStatus"] = {**one.hidden.get("patchStatus", {}), name: summary}

    cloud.resources.change(vm.id, edit)


def _quoted(word: str) -> str:
    return "'" + word.replace("'", "'\\''") + "'"


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
