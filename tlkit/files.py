"""Files that are either written whole or not at all."""

import os
import tempfile
from collections.abc import Mapping
from contextlib import contextmanager
from pathlib import Path

from tlkit.errors import TlkitError


def write_text(path: Path, text: str) -> None:
    """Write a text file under another name and put it in place in one step, so that a reader never sees half of it."""
    write_bytes(path, text.encode())


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file under another name and put it in place in one step."""
    with aside(path) as part:
        part.write_bytes(content)


def write_tensors(path: Path, tensors: Mapping, metadata: Mapping[str, str] | None = None, durable: bool = True) -> None:
    """Write tensors by name as safetensors, in one step; the folder is made if it is not there.

    Args:
        durable: wait until the disk has them, so that a power cut leaves the old file or the new one; a process that is
            killed does so anyway.
    Raises:
        TlkitError: the disk is full or the folder cannot be written; what stood at `path` before is still there.
    """
    from safetensors import SafetensorError
    from safetensors.torch import save_file

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with aside(path) as part:
            kept = {name: values.detach().cpu().contiguous() for name, values in tensors.items()}
            save_file(kept, part, dict(metadata or {}))
            if durable:
                with part.open("rb") as file:
                    os.fsync(file.fileno())
    except (OSError, SafetensorError) as error:
        why = "the disk is full" if "No space" in str(error) else getattr(error, "strerror", None) or str(error)
        raise TlkitError(f"{path} could not be written: {why}; what was there before is untouched") from error


def refuse_unwritable(folder: Path, option: str) -> None:
    """Make a folder if it is not there, and raise a TlkitError where nothing can be written into it.

    Args:
        option: what the folder was given as.
    """
    if os.path.exists(folder) and not os.path.isdir(folder):
        raise TlkitError(f"{folder} is a file; {option} names a folder")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise TlkitError(f"{folder} cannot be written to ({error.strerror}); {option} names a folder that can be made and written to") from error


@contextmanager
def aside(path: Path):
    """A path beside `path` to write to; it takes the place of `path` at the end, or vanishes if something goes wrong."""
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
    os.close(handle)
    part = Path(name)
    try:
        yield part
        os.chmod(part, path.stat().st_mode & 0o777 if path.exists() else 0o644)
        os.replace(part, path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
