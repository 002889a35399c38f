"""The feed's keys: where it has others than this machine knows, what brings them comes before all else.

The former key has signed that one package, and a new one the rest. All at once would want a key that is only
being installed, so that a machine which slept through the announcement could never update again.
"""

from bluejacket_patch.dnf import Dnf4, Dnf5, ask

OF_THE_PACKAGE = "/usr/lib/os-release"  # a file of the package that brings the keys


def waiting(manager: Dnf4 | Dnf5) -> str:
    """Give the name of the package that brings the keys if a newer one brings others, else nothing.

    Raises DnfError.
    """
    name, release = ask(["rpm", "-qf", "--qf", r"%{name} %{release}\n", OF_THE_PACKAGE]).split()
    newer = manager.newer(name)
    return name if newer and generation(newer) != generation(release) else ""


def generation(release: str) -> str:
    """Give the count of the feed's sets of keys, which is what its release has after the first dot."""
    return release.partition(".")[2]
