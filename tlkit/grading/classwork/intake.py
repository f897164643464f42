"""The file that a student handed in, looked at before anything is made of it."""

import os
import stat
from datetime import UTC, datetime
from pathlib import Path

from nbgrader.utils import parse_utc

from tlkit.errors import TlkitError

MAX_BYTES = 20_000_000
MAX_BESIDE = 200
MAX_STAMP = 200
TIMESTAMP = "timestamp.txt"


def take_in(path: Path, max_bytes: int = MAX_BYTES) -> bytes:
    """The content of a submitted notebook.

    Raises:
        TlkitError: there is none, it or a folder on the way to it is a link, it is no plain file, or it is too large.
    """
    for folder in (path.parent.parent, path.parent):
        if folder.is_symlink():
            raise TlkitError(f"the folder {folder.name} is a link to somewhere else")
    try:
        status = path.lstat()
    except OSError:
        raise TlkitError(f"no notebook {path.name} was handed in") from None
    if stat.S_ISLNK(status.st_mode):
        raise TlkitError(f"{path.name} is a link to another file")
    if not stat.S_ISREG(status.st_mode):
        raise TlkitError(f"{path.name} is no plain file")
    if status.st_size > max_bytes:
        raise TlkitError(f"{path.name} has {status.st_size / 1e6:.0f} MB, and at most {max_bytes / 1e6:g} are graded")
    if not status.st_size:
        raise TlkitError(f"{path.name} is empty")
    return _read_plain(path, max_bytes)


def _read_plain(path: Path, max_bytes: int) -> bytes:
    """The file's content; a link that was put there in the meantime is not followed."""
    try:
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
    except OSError as error:
        raise TlkitError(f"{path.name} cannot be read: {error.strerror}") from error
    with os.fdopen(handle, "rb") as file:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise TlkitError(f"{path.name} is no plain file")
        content = file.read(max_bytes + 1)
    if len(content) > max_bytes:
        raise TlkitError(f"{path.name} has more than {max_bytes / 1e6:g} MB")
    return content


def time_noted(folder: Path) -> datetime | None:
    """When a submission was handed in, as nbgrader's exchange noted it beside the notebook; None where nothing is noted.

    Raises:
        TlkitError: what is there is no time, no plain file, or longer than a time is.
    """
    path = folder / TIMESTAMP
    if not os.path.lexists(path):
        return None
    try:
        if path.is_symlink() or not path.is_file():
            raise TlkitError("it is no plain file")
        when = parse_utc(_read_plain(path, MAX_STAMP).decode("utf-8").strip()).replace(tzinfo=UTC)
        if not 1970 <= when.year < 9999:  # the calendar's first and last days have no time elsewhere
            raise TlkitError(f"it is in the year {when.year}")
    except (TlkitError, ValueError, OverflowError, ArithmeticError, TypeError, AttributeError, OSError) as error:
        raise TlkitError(f"{TIMESTAMP} says no time at which it was handed in, so no lateness is counted; "
                         f"nbgrader's formgrader cannot list the assignment before it is mended or deleted ({str(error)[:100]})") from error
    return when


def beside(folder: Path, released: set[str]) -> list[str]:
    """What an instructor should know of other files in a submission: they are left where they are.

    Args:
        released: names of the files that the release itself holds.
    """
    links, others, known = [], [], released | {TIMESTAMP}
    for number, path in enumerate(sorted(folder.iterdir())):
        if number >= MAX_BESIDE:
            others.append("more")
            break
        if path.is_symlink():
            links.append(path.name)
        elif path.name not in known and not path.name.startswith("."):
            others.append(path.name)
    notes = [f"{name!r} is a link to elsewhere; it was not followed"[:300] for name in links[:10]]
    if others:
        notes.append(f"not used, since answers stand in the notebook: {', '.join(map(repr, others[:10]))}"[:300])
    return notes
