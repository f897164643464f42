"""A course as nbgrader lays it out: where submissions, releases, graded notebooks, feedback and the gradebook are."""

import re
import shutil
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from nbgrader.coursedir import CourseDirectory
from traitlets.config import Config, PyFileConfigLoader

from tlkit.course.units import release_of, released_folder
from tlkit.errors import TlkitError
from tlkit.files import write_bytes
from tlkit.grading.classwork.intake import time_noted
from tlkit.grading.rebuild import is_check, is_demo

CONFIGURATION = "nbgrader_config.py"


def course_directory(root: Path) -> CourseDirectory:
    """nbgrader's folders of the course in `root`, as its nbgrader_config.py sets them.

    Raises:
        TlkitError: that file cannot be run.
    """
    root = Path(root).resolve()
    config = Config()
    if (root / CONFIGURATION).is_file():
        try:
            config = PyFileConfigLoader(CONFIGURATION, path=str(root)).load_config()
        except Exception as error:
            raise TlkitError(f"{root / CONFIGURATION} cannot be run: {type(error).__name__}: {error}") from error
    if "root" not in config.CourseDirectory:
        config.CourseDirectory.root = str(root)
    return CourseDirectory(config=config)


@dataclass(frozen=True)
class Handed:
    """One notebook that a student should have handed in."""

    student: str
    assignment: str
    notebook: str
    path: Path

    @property
    def key(self) -> tuple[str, str, str]:
        return self.student, self.assignment, self.notebook


class Course:
    """The folders of a course, by its own nbgrader_config.py or nbgrader's defaults.

    Args:
        folder: the course's root, or the folder of submissions in it.
    Raises:
        TlkitError: there are no submissions in the folder.
    """

    def __init__(self, folder: Path):
        folder = Path(folder).resolve()
        self.root = folder if (folder / CONFIGURATION).exists() else folder.parent
        directories = self._directories()
        if folder != self.root and directories.submitted_directory != folder.name:
            directories.submitted_directory = folder.name
        if not (self.root / directories.submitted_directory).is_dir() and (folder / directories.submitted_directory).is_dir():
            self.root = folder  # a course without a configuration
            directories = self._directories()
        self.directories = directories
        self.submitted = self.root / directories.submitted_directory
        if not any(self.submitted.glob("*/*/*.ipynb")):
            raise TlkitError(f"{folder} is a folder, and there are no submissions in it; they lie there as "
                             f"STUDENT/ASSIGNMENT/NOTEBOOK.ipynb, or in {directories.submitted_directory}/ below it, or as files "
                             "that `tlkit submit` made")

    def _directories(self) -> CourseDirectory:
        found = course_directory(self.root)
        found.root = str(self.root)
        return found

    def releases(self) -> dict[str, list[Path]]:
        """Assignment -> its released notebooks, for every release in the course, else for those of the package."""
        return releases_of(self.root / self.directories.release_directory)

    def handed_in(self, assignment: str | None = None) -> list[Handed]:
        """Every notebook due of every student who handed something in, by assignment and student.

        Raises:
            TlkitError: there is no release of the assignment, or nothing was handed in.
        """
        releases = self.releases()
        if assignment is not None and assignment not in releases:
            raise TlkitError(f"there is no release of {assignment!r}; releases here: {', '.join(releases) or 'none'}")
        found = []
        for name in [assignment] if assignment else sorted(releases):
            for student in sorted(path for path in self.submitted.iterdir() if path.is_dir() and not path.name.startswith(".")):
                if (student / name).is_dir():
                    found += [Handed(student.name, name, notebook.stem, student / name / notebook.name)
                              for notebook in releases[name]]
        if not found:
            raise TlkitError(f"nothing in {self.submitted} is of {assignment or 'a release of this course'}")
        return found

    def submitted_at(self, handed: Handed) -> datetime | None:
        """When it was handed in, as nbgrader's exchange noted it; None where that cannot be told."""
        try:
            return None if handed.path.parent.is_symlink() else time_noted(handed.path.parent)
        except TlkitError:
            return None

    def release_for(self, handed: Handed, release: str) -> Path:
        """The released notebook with this id; where it is not here, the one that is."""
        current = next(path for path in self.releases()[handed.assignment] if path.stem == handed.notebook)
        kept = self.root / "releases" / handed.assignment / (release or "none") / current.name
        return kept if release and kept.is_file() and release_of(current) != release else current

    def keep_releases(self) -> None:
        """Keep a copy of every release under its id, so that what was made from it can be graded by it later on."""
        for assignment, notebooks in self.releases().items():
            release = release_of(notebooks[0])
            target = self.root / "releases" / assignment / release
            if not release or target.exists():
                continue
            part = target.with_name(f".{release}.part")  # whoever is stopped in between leaves no half release
            shutil.rmtree(part, ignore_errors=True)
            part.mkdir(parents=True)
            for path in sorted(notebooks[0].parent.iterdir()):
                if path.is_file():
                    write_bytes(part / path.name, path.read_bytes())
            part.rename(target)

    def autograded(self, handed: Handed) -> Path:
        return self._place(self.directories.autograded_directory, handed, ".ipynb")

    def feedback(self, handed: Handed) -> Path:
        return self._place(self.directories.feedback_directory, handed, ".html")

    def _place(self, folder: str, handed: Handed, suffix: str) -> Path:
        return self.root / folder / handed.student / handed.assignment / f"{handed.notebook}{suffix}"


def releases_of(folder: Path) -> dict[str, list[Path]]:
    """Assignment -> its released notebooks, for every release in a folder; where there is no such folder, of the package."""
    if not folder.is_dir():
        folder = released_folder()
    found = {path.name: sorted(path.glob("*.ipynb")) for path in sorted(folder.iterdir()) if path.is_dir()}
    return {name: notebooks for name, notebooks in found.items() if notebooks}


def code_to_run(released: Path) -> list[str]:
    """The code cells of a release that run in a learner's kernel."""
    notebook: NotebookNode = nbformat.read(released, as_version=4)
    return [cell.source for cell in notebook.cells if cell.cell_type == "code" and not is_demo(cell) and not is_check(cell)]


def exercises_checked_in(released: Path) -> list[str]:
    """The ids of the exercises that a release checks, as they stand in its graded cells."""
    notebook: NotebookNode = nbformat.read(released, as_version=4)
    text = "\n".join(cell.source for cell in notebook.cells if is_check(cell))
    return list(dict.fromkeys(re.findall(r"""\bcheck\(["']([\w.]+)["']\)""", text)))
