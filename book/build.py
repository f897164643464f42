"""From `course/` and `docs/` to a folder of pages that any static host can serve, and that can be read from the disk."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from tlkit.course.leaks import leaks
from tlkit.course.opening import repository
from tlkit.course.units import units
from tlkit.errors import TlkitError

ADDRESS, EXTRA = "TLKIT_BOOK_ADDRESS", "TLKIT_BOOK_EXTRA"
"""Variables for `conf.py`: the project's address, and the folder of what is published as it is."""


def build(root: Path, folder: Path | None = None, address: str | None = None, cache: Path | None = None) -> Path:
    """Build the book; returns the folder of its pages.

    Args:
        root: the checkout.
        folder: where it is built, `root/build/book` where none is given; what an earlier build left there is removed.
        address: the project's address; that of pyproject.toml where none is given. Without one there are no links that launch
            a unit.
        cache: where notebooks that were run are kept; `book.executed.KEPT` of the checkout where none is given.
    Raises:
        TlkitError: a notebook fails, Sphinx warns, or an answer stands on a page.
    """
    from book.executed import KEPT, executed
    from book.pages import write_pages

    folder, address = folder or root / "build" / "book", address or repository(root)
    source, extra, pages = (folder / name for name in ("source", "extra", "pages"))
    notebooks = executed(root, units(root / "course"), cache or root / KEPT)
    for old in (source, extra, pages):
        shutil.rmtree(old, ignore_errors=True)
    write_pages(root, units(root / "course"), notebooks, source, extra, address)
    _sphinx(root, source, extra, pages, address)
    found = leaks(root, pages / "course") + leaks(root, pages)
    if found:
        raise TlkitError("; ".join(found))
    return pages


def _sphinx(root: Path, source: Path, extra: Path, pages: Path, address: str | None) -> None:
    """Write the pages; a warning is a failure.

    A process of its own, since Sphinx changes the one that it runs in.
    """
    said = subprocess.run(
        [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-E", "-b", "html", "-c", str(root / "book"),
         "-d", str(pages.with_name("doctrees")), str(source), str(pages)],
        capture_output=True, text=True, cwd=root, env=os.environ | {EXTRA: str(extra), ADDRESS: address or ""},
    )
    if said.returncode:
        raise TlkitError(f"Sphinx is not content with the book:\n{said.stderr.strip()}")
