"""Files that are fetched on first use: kept in one folder, checked by hash, never left half.

A file is looked for in the folder that TLKIT_DATA names, then in the cache (TLKIT_CACHE, else the system's place for
caches), and only then on the network.
"""

import errno
import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path

from tlkit.errors import TlkitError

TIMEOUT = (10.0, 60.0)
"""Seconds to wait for a connection, and for the next bytes."""


@dataclass(frozen=True)
class RemoteFile:
    """A file and where it comes from.

    Args:
        name: its path below the data folder, with forward slashes.
        url: where it is downloaded from.
        hash: "sha256:..." or "md5:...", in full or the digits that it begins with; None where bytes are not stable.
    """

    name: str
    url: str
    hash: str | None


@dataclass(frozen=True)
class Found:
    """A file on this machine; `note` says what is to be known about it, if anything."""

    path: Path
    note: str = ""


def cache_folder() -> Path:
    """Where downloads are kept."""
    import pooch

    return Path(os.environ.get("TLKIT_CACHE") or pooch.os_cache("tlkit")).expanduser()


def given_folder() -> Path | None:
    """The folder that TLKIT_DATA names, which is read and never written to; None where it is not set.

    Raises:
        TlkitError: it is set, and is no folder.
    """
    value = os.environ.get("TLKIT_DATA")
    if not value:
        return None
    folder = Path(value).expanduser()
    if not folder.is_dir():
        raise TlkitError(f"TLKIT_DATA is {value!r}, which is no folder; point it at your data or unset it")
    return folder


def is_here(name: str) -> bool:
    """Whether a file or folder of the data folder is on this machine already."""
    given = given_folder()
    return bool(given and (given / name).exists()) or (cache_folder() / name).exists()


def find_or_fetch(file: RemoteFile) -> Found:
    """The file under TLKIT_DATA if it is there, else the cached one, else a download of it.

    Raises:
        TlkitError: as for `fetch`.
    """
    given = given_folder()
    if given and (given / file.name).is_file():
        path = given / file.name
        if file.hash is None or _digest(path, file.hash) == file.hash.split(":")[1]:
            return Found(path)
        return Found(path, f"{path.name} under TLKIT_DATA is not the published file: its {_mismatch(path, file.hash)}")
    return Found(fetch(file.url, cache_folder() / file.name, file.hash))


def fetch(url: str, path: Path, expected: str | None, timeout: tuple[float, float] = TIMEOUT) -> Path:
    """Download `url` to `path`, unless the right file is there already.

    The bytes go to a file beside it, which takes its place only when it is whole and its hash is right. Processes that
    want the same file wait for one another: one downloads, all use it.

    Args:
        url: http or https.
        path: where the file belongs; its folder is made.
        expected: "sha256:..." or "md5:...", in full or the digits that it begins with; None checks nothing.
        timeout: seconds to wait for a connection, and for the next bytes.
    Returns:
        `path`.
    Raises:
        TlkitError: no connection, an error from the server, other bytes than expected, no room or no right to write.
    """
    from filelock import FileLock

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(path.with_name(f".{path.name}.lock"))
        lock.acquire()
    except OSError as error:
        raise TlkitError(_disk_trouble(path, error)) from error
    try:
        if not _is_whole(path, expected):
            _download(url, path, expected, timeout)
    finally:
        lock.release()
    return path


def _is_whole(path: Path, expected: str | None) -> bool:
    return path.is_file() and (expected is None or _digest(path, expected) == expected.split(":")[1])


def _download(url: str, path: Path, expected: str | None, timeout: tuple[float, float]) -> None:
    import pooch
    import requests

    part = path.with_name(f"{path.name}.part")
    get = pooch.HTTPDownloader(progressbar=sys.stderr.isatty(), chunk_size=1 << 16, timeout=timeout)
    try:
        get(url, str(part), pooch=None)
        if expected is not None and _digest(part, expected) != expected.split(":")[1]:
            raise TlkitError(
                f"{path.name} from {url} is not the file that was expected: its {_mismatch(part, expected)}; nothing was kept"
            )
        os.replace(part, path)
    except requests.RequestException as error:
        raise TlkitError(
            f"{path.name} could not be downloaded from {url}: {_reason(error)}; nothing was kept"
        ) from error
    except OSError as error:
        raise TlkitError(_disk_trouble(path, error)) from error
    finally:
        part.unlink(missing_ok=True)


def _reason(error) -> str:
    """What went wrong between here and the server, in a few words."""
    import requests

    response = getattr(error, "response", None)
    if response is not None and not isinstance(error, requests.TooManyRedirects):
        return f"the server answered {response.status_code} {response.reason}"
    if isinstance(error, requests.TooManyRedirects):
        return "the server sends from one address to the next without an end"
    if isinstance(error, requests.Timeout):
        return "the server did not answer in time"
    if isinstance(error, requests.exceptions.ChunkedEncodingError):
        counts = re.search(r"IncompleteRead\((\d+) bytes read, (\d+) more expected\)", str(error))
        whole = f" after {int(counts[1]):,} of {int(counts[1]) + int(counts[2]):,} bytes" if counts else ""
        return f"the connection broke off{whole}"
    if isinstance(error, requests.ConnectionError):
        return "there is no connection to the server"
    return str(error)


def _disk_trouble(path: Path, error: OSError) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return f"there is no room for {path.name} in {path.parent} ({error.strerror}); nothing was kept"
    return f"{path} cannot be written ({error.strerror}); set TLKIT_CACHE to a folder of your own"


def _digest(path: Path, expected: str) -> str:
    """The file's hash, of the kind and length of `expected`."""
    import pooch

    kind, digits = expected.split(":")
    return pooch.file_hash(str(path), alg=kind)[: len(digits)]


def _mismatch(path: Path, expected: str) -> str:
    kind, digits = expected.split(":")
    return f"{kind} is {_digest(path, expected)[:12]}... and not {digits[:12]}... ({path.stat().st_size:,} bytes)"
