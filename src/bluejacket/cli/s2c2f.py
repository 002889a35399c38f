"""`bluejacket s2c2f`: a release against the Secure Supply Chain Consumption Framework."""

from __future__ import annotations

from datetime import UTC, datetime

from bluejacket.cli.lock import ReleaseOption
from bluejacket.cli.out import plain
from bluejacket.cli.session import Given


def s2c2f(release: ReleaseOption = None, /, *, session: Given) -> None:
    """Measure a release against the S2C2F of the OpenSSF, with the evidence for each of its requirements.

    What has no evidence counts as not met.
    """
    from bluejacket.inquiry.s2c2f.ground import Ground
    from bluejacket.inquiry.s2c2f.measure import measure

    chosen = session.release(release)
    with session.kept.in_use():
        found = measure(Ground(session.kept, chosen, datetime.now(UTC).date()))
    if session.out.as_json:
        session.out.json(found)
        return
    rows = [plain(one) | {"evidence": "\n".join(one.evidence)} for one in found.requirements]
    session.out.rows(rows, "id", "level", "what", "state", "evidence")
    levels = [{"practice": name, "level": level} for name, level in found.practices.items()]
    session.out.rows(levels, "practice", "level")
    session.report.line(f"release {found.release} reaches level {found.level} of 4")
