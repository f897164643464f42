"""Files that are either written whole or not at all."""

import os
import tempfile
from pathlib import Path

_HIDDEN = (".gitkeep", ".ipynb_checkpoints", "__pycache__")


def write_text(path: Path, text: str) -> None:
    """Write a text file under another name and put it in place in one step, so that a reader never sees half of it."""
    write_bytes(path, text.encode())


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file under another name and put it in place in one step."""
    handle, aside = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        os.chmod(aside, path.stat().st_mode & 0o777 if path.exists() else 0o644)
        os.replace(aside, path)
    except BaseException:
        Path(aside).unlink(missing_ok=True)
        raise


def files_below(folder: Path) -> set[Path]:
    """Every file below a folder, relative to it, without editors' and Python's own."""
    return {
        path.relative_to(folder)
        for path in folder.rglob("*")
        if path.is_file() and not any(part in _HIDDEN for part in path.relative_to(folder).parts)
    }
