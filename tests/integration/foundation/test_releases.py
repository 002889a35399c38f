"""Each release of the distribution can be put together from what its foundation has today."""

from __future__ import annotations

import pytest

from bluejacket.definition import Definitions
from bluejacket.foundation.lock import Lock
from bluejacket.store import State
from locks import lock_of


@pytest.fixture(params=["3", "4"])
def locked(request: pytest.FixtureRequest, state: State, definitions: Definitions) -> Lock:
    return lock_of(state, definitions.release(request.param))


def test_what_images_want_is_in_the_release(locked: Lock, definitions: Definitions) -> None:
    release = definitions.release(locked.release)
    own = {name for component in release.components if component.is_own for name in component.wanted}
    there = own | {entry.package.name for entry in locked.packages}
    wanted = {name for image in release.images.values() for name in image.packages}
    assert wanted
    assert wanted <= there


def test_the_policy_is_that_of_the_release_s_own_foundation(locked: Lock, definitions: Definitions) -> None:
    """Whichever release's tools compile it; the package itself is no part of the feed."""
    (policy,) = locked.materials
    assert policy.package.name == "selinux-policy-default"
    assert [cause.by for cause in policy.causes] == ["bluejacket-selinux"]
    assert policy.package.name not in {entry.package.name for entry in locked.packages}
