"""Where the released units are, and which there are."""

import json
import re
from dataclasses import dataclass
from os.path import commonprefix
from pathlib import Path

from tlkit.errors import TlkitError

_PACKAGE = Path(__file__).resolve().parent
CHECK = re.compile(r"check\(\s*(['\"])([\w.]+)\1\s*\)")
"""What a graded cell holds: `check("id")`, the id as the second group."""


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
    def title(self) -> str:
        """The first heading without its number; of several notebooks ("04 Loops: one", "04 Loops: many") what their headings share."""
        headings = [self._heading(notebook) for notebook in self.notebooks]
        return commonprefix(headings).rstrip(" :") or headings[0]

    def _heading(self, notebook: Path) -> str:
        for cell in read_json(notebook)["cells"]:
            for line in "".join(cell["source"]).splitlines():
                if line.startswith("# ") and cell["cell_type"] == "markdown":
                    return line[2:].removeprefix(self.number).strip()
        return self.name

    @property
    def counted_checks(self) -> set[str]:
        """The ids of the exercises whose checks give points; the unit's others are optional."""
        cells = [cell for notebook in self.notebooks for cell in read_json(notebook)["cells"] if cell["cell_type"] == "code"]
        counted = ["".join(cell["source"]) for cell in cells if cell["metadata"].get("nbgrader", {}).get("points")]
        return {found[2] for source in counted if (found := CHECK.fullmatch(source.strip()))}

    @property
    def release(self) -> str:
        """The digest of the source that the unit was built from, as its notebooks carry it."""
        return release_of(self.notebooks[0])


def checkout(start: Path | None = None) -> Path:
    """The checkout of the project that `start` (the current folder) lies in, else the one that tlkit runs from.

    Raises:
        TlkitError: there is neither.
    """
    here = (start or Path.cwd()).resolve()
    for folder in (here, *here.parents, _PACKAGE.parents[1]):
        if is_checkout(folder):
            return folder
    raise TlkitError(f"{here} is no checkout of the project: it has no solutions/ folder with units; "
                     "name one with --root, or change to it")


def is_checkout(folder: Path) -> bool:
    """Whether a folder holds units' sources."""
    return any((folder / "solutions").glob("[0-9][0-9]_*/[0-9][0-9]*.py"))


def released_folder() -> Path:
    """The folder of released units: `course/` where tlkit runs from a checkout, else the copy in the package."""
    return _PACKAGE.parents[1] / "course" if is_checkout(_PACKAGE.parents[1]) else _PACKAGE / "released"


def units(folder: Path | None = None) -> list[Unit]:
    """Every unit of a folder of released units, in order."""
    found = [Unit(path) for path in sorted((folder or released_folder()).glob("[0-9][0-9]_*")) if path.is_dir()]
    return [unit for unit in found if unit.notebooks]


def find_notebook(name: str, folder: Path | None = None) -> tuple[Unit, Path]:
    """A unit and the notebook of it that a name means: "04" the first one, "04b" or "04b_a_whole_run" that one.

    Raises:
        TlkitError: as for `find_unit`.
    """
    wanted = str(name).strip("/").rsplit("/", 1)[-1].removesuffix(".ipynb")
    for unit in units(folder):
        for notebook in unit.notebooks:
            if len(unit.notebooks) > 1 and wanted in (notebook.stem, notebook.stem.split("_")[0]):
                return unit, notebook
    unit = find_unit(name, folder)
    return unit, unit.notebooks[0]


def find_unit(name: str, folder: Path | None = None) -> Unit:
    """The unit with this number ("01" or "1") or name ("01_why_transfer").

    Raises:
        TlkitError: no such unit; the message lists those that there are.
    """
    known = units(folder)
    wanted = str(name).strip("/").rsplit("/", 1)[-1]
    for unit in known:
        if wanted in (unit.name, unit.number, unit.number.lstrip("0")):
            return unit
    raise TlkitError(f"there is no unit {name!r}; units here: {', '.join(unit.name for unit in known) or 'none'}")


def release_of(notebook: Path) -> str:
    """The release id in a notebook's metadata, or "" where it carries none.

    Raises:
        TlkitError: the file is not a notebook.
    """
    tlkit = read_json(notebook)["metadata"].get("tlkit")
    return str(tlkit.get("release", "")) if isinstance(tlkit, dict) else ""


def read_json(notebook: Path) -> dict:
    """A notebook's content as it stands in the file.

    Raises:
        TlkitError: the file cannot be read, or is not a notebook.
    """
    content = read_object(notebook)
    if not isinstance(content.get("cells"), list) or not isinstance(content.get("metadata"), dict):
        raise TlkitError(f"{notebook} is not a notebook: it has no cells and metadata")
    return content


def read_object(notebook: Path) -> dict:
    """The JSON object in a file that should be a notebook, of whatever format.

    Raises:
        TlkitError: the file cannot be read, or holds no JSON object.
    """
    try:
        content = json.loads(notebook.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise TlkitError(f"{notebook} cannot be read: {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:
        raise TlkitError(f"{notebook} is not a notebook: its content is not JSON ({error})") from error
    if not isinstance(content, dict):
        raise TlkitError(f"{notebook} is not a notebook: it has no cells and metadata")
    return content
