"""Unpacking archives: only plain files, only where they belong, all or nothing."""

import os
import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path, PurePosixPath

from tlkit.errors import TlkitError

MOST_BYTES = 4 * 2**30


def unpack_tar(
    archive: Path, folder: Path, choose: Callable[[PurePosixPath], bool], check: Callable[[Path], None]
) -> None:
    """Unpack the chosen files of a tar archive into `folder`, flat, which appears only when all is there and checked.

    Args:
        archive: .tar, .tar.gz, ...
        folder: must not exist yet.
        choose: a member's path -> whether it is wanted.
        check: called with the folder of what was unpacked, before it is put in its place; it raises what is wrong.
    Raises:
        TlkitError: no archive, a damaged one, a member that would be written elsewhere or is no plain file, or too large.
    """
    waiting = folder.with_name(f"{folder.name}.part")
    shutil.rmtree(waiting, ignore_errors=True)
    try:
        waiting.mkdir(parents=True)
        with tarfile.open(archive) as members:
            _unpack(archive, members, waiting, choose)
        check(waiting)
        os.replace(waiting, folder)
    except (tarfile.TarError, EOFError, OSError) as error:
        raise TlkitError(
            f"{archive} cannot be unpacked: {str(error).splitlines()[0] if str(error) else type(error).__name__}; nothing was kept"
        ) from error
    finally:
        shutil.rmtree(waiting, ignore_errors=True)


def _unpack(archive: Path, members: tarfile.TarFile, waiting: Path, choose) -> None:
    total = 0
    for member in members:
        path = PurePosixPath(member.name)
        if path.is_absolute() or ".." in path.parts or "\\" in member.name:
            raise TlkitError(
                f"{archive} holds {member.name!r}, which would be written outside of its folder; nothing was kept"
            )
        if not choose(path):
            continue
        if not member.isfile():
            raise TlkitError(f"{archive} holds {member.name!r}, which is no plain file; nothing was kept")
        total += member.size
        if total > MOST_BYTES:
            raise TlkitError(f"{archive} unpacks to more than {MOST_BYTES:,} bytes; nothing was kept")
        if (waiting / path.name).exists():
            raise TlkitError(f"{archive} holds two files named {path.name!r}; nothing was kept")
        with members.extractfile(member) as source, (waiting / path.name).open("wb") as target:
            shutil.copyfileobj(source, target)
