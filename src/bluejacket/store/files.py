"""Writing so that a power cut leaves the old or the new, whole."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bluejacket.errors import Fault, OutsideError

_FULL = {errno.ENOSPC, errno.EDQUOT}
_MANY = 200  # files
_NOT_BETWEEN = {errno.EXDEV, errno.EINVAL, errno.EOPNOTSUPP, errno.ENOSYS}
_COPIED = 1 << 20  # bytes


@contextmanager
def disk_faults(where: Path) -> Iterator[None]:
    """Turn a full or read-only disk into one sentence.

    Raises OutsideError in place of the OSError; other errors pass unchanged.
    """
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise OutsideError(
                Fault(
                    f"the disk that holds {where} is full",
                    "free some room (`bluejacket store gc` drops what nothing refers to), then run it again",
                )
            ) from error
        if error.errno == errno.EROFS:
            raise OutsideError(
                Fault(f"{where} is on a file system that cannot be written", "choose another --state folder")
            ) from error
        raise


def sync_folder(folder: Path) -> None:
    """Make the names in `folder` durable (a rename is not, until its folder is synced)."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sync_tree(tree: Path) -> None:
    """Make every regular file and folder below `tree` durable.

    A tree of many files is synced with its whole file system (syncfs(2)): one fsync(2) a file takes
    longer than waiting for the other writers does.
    """
    if _has_many(tree):
        sync_file_system(tree)
        return
    for base, _, names in os.walk(tree):
        for name in names:
            path = os.path.join(base, name)
            if stat.S_ISREG(os.lstat(path).st_mode):
                handle = os.open(path, os.O_RDONLY)
                try:
                    os.fsync(handle)
                finally:
                    os.close(handle)
        sync_folder(Path(base))


def _has_many(tree: Path) -> bool:
    left = _MANY
    for _, _, names in os.walk(tree):
        left -= len(names)
        if left < 0:
            return True
    return False


def sync_file_system(folder: Path) -> None:
    """Make all durable that is on the file system of `folder` (syncfs(2))."""
    import ctypes

    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        if ctypes.CDLL(None, use_errno=True).syncfs(handle) != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number), str(folder))
    finally:
        os.close(handle)


def replace_text(file: Path, text: str, mode: int = 0o644) -> None:
    """Replace `file` by `text`, atomically and durably."""
    replace_bytes(file, text.encode("utf-8"), mode)


def replace_bytes(file: Path, data: bytes, mode: int = 0o644) -> None:
    """Replace `file` by `data`, atomically and durably; the file never exists with a wider mode."""
    from tempfile import NamedTemporaryFile  # here, as reading from the store does without it

    with disk_faults(file):
        file.parent.mkdir(parents=True, exist_ok=True)
        with NamedTemporaryFile(dir=file.parent, prefix=".part-", delete=False) as part:
            try:
                os.fchmod(part.fileno(), mode)
                part.write(data)
                part.flush()
                os.fsync(part.fileno())
                os.replace(part.name, file)
            except BaseException:
                Path(part.name).unlink(missing_ok=True)
                raise
        sync_folder(file.parent)


def replace_link(link: Path, target: Path) -> None:
    """Point the symbolic link `link` at `target`, atomically."""
    with disk_faults(link):
        link.parent.mkdir(parents=True, exist_ok=True)
        fresh = link.with_name(f".part-{os.getpid()}-{link.name}")
        fresh.unlink(missing_ok=True)
        fresh.symlink_to(target)
        os.replace(fresh, link)
        sync_folder(link.parent)


def remove_tree(tree: Path) -> None:
    """Remove `tree`, also where folders in it lack the write bit; missing is fine."""
    try:
        is_folder = stat.S_ISDIR(tree.lstat().st_mode)
    except FileNotFoundError:
        return
    if is_folder:
        import shutil

        shutil.rmtree(tree, ignore_errors=True)
        if tree.exists():
            shutil.rmtree(tree)
    else:
        tree.unlink(missing_ok=True)


def data_of(handle: int, begin: int = 0, end: int | None = None) -> Iterator[tuple[int, int]]:
    """Give where an open file has data between two offsets, as (begin, end) in bytes, in order."""
    end = os.fstat(handle).st_size if end is None else end
    while begin < end:
        try:
            begin = os.lseek(handle, begin, os.SEEK_DATA)
        except OSError as error:
            if error.errno == errno.ENXIO:  # nothing but a hole up to the end
                return
            raise
        if begin < end:
            after = min(os.lseek(handle, begin, os.SEEK_HOLE), end)
            yield begin, after
            begin = after


def copy_range(reader: int, writer: int, begin: int, end: int, offset: int = 0) -> None:
    """Copy the bytes from `begin` to `end` of an open file to the same place, less `offset`, of another.

    The kernel does it (copy_file_range(2)), but not for every pair of file systems. What the source no longer
    has is not copied.
    """
    while begin < end:
        try:
            moved = os.copy_file_range(reader, writer, end - begin, begin, begin - offset)
        except OSError as error:
            if error.errno not in _NOT_BETWEEN:
                raise
            moved = os.pwrite(writer, os.pread(reader, min(_COPIED, end - begin), begin), begin - offset)
        if not moved:
            return
        begin += moved
