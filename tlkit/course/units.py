"""Where the released units are, and which there are."""

import json
from dataclasses import dataclass
from pathlib import Path

from tlkit.errors import TlkitError


@dataclass(frozen=True)
class Unit:
    """A released unit: its number, its folder, and the notebooks in it."""

    folder: Path

    @property
    def name(self) -> str:
        return self.folder.name

    @property
    def number(self) -> str:
        return self.name.split("_")[0]

    @property
    def notebooks(self) -> list[Path]:
        return sorted(self.folder.glob(f"{self.number}*.ipynb"))

    @property
    def release(self) -> str:
        """The digest of the source that the unit was built from, as its notebooks carry it."""
        return release_of(self.notebooks[0])


def released_folder() -> Path:
    """The folder of released units: a checkout's `course/`, else the copy that the installed package carries."""
    package = Path(__file__).parent
    checkout = package.parents[1] / "course"
    if (package.parents[1] / "solutions").is_dir() and checkout.is_dir():
        return checkout
    return package / "released"


def units(folder: Path | None = None) -> list[Unit]:
    """Every unit of a folder of released units, in order."""
    folder = folder or released_folder()
    found = [Unit(path) for path in sorted(folder.glob("[0-9][0-9]_*")) if path.is_dir()]
    return [unit for unit in found if unit.notebooks]


def find_unit(name: str, folder: Path | None = None) -> Unit:
    """The unit with this number ("01") or name ("01_why_transfer").

    Raises:
        TlkitError: no such unit; the message lists those that there are.
    """
    known = units(folder)
    wanted = str(name).strip("/")
    for unit in known:
        if wanted in (unit.name, unit.number, unit.number.lstrip("0")):
            return unit
    raise TlkitError(f"there is no unit {name!r}; units here: {', '.join(unit.name for unit in known) or 'none'}")


def release_of(notebook: Path) -> str:
    """The release id in a notebook's metadata, or "" where it carries none.

    Raises:
        TlkitError: the file is not a notebook.
    """
    try:
        metadata = json.loads(notebook.read_text(encoding="utf-8"))["metadata"]
        return str(metadata.get("tlkit", {}).get("release", ""))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise TlkitError(f"{notebook} is not a notebook: its content is not the JSON of one") from error
