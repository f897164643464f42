"""What lies below a folder."""

from pathlib import Path

_HIDDEN = (".gitkeep", ".ipynb_checkpoints", "__pycache__")


def files_below(folder: Path) -> set[Path]:
    """Every file below a folder, relative to it, without editors' and Python's own."""
    return {
        path.relative_to(folder)
        for path in folder.rglob("*")
        if path.is_file() and not any(part in _HIDDEN for part in path.relative_to(folder).parts)
    }
