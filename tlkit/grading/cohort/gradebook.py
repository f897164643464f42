"""The course's own gradebook, found as nbgrader finds it."""

import contextlib
import warnings
from collections.abc import Iterator
from pathlib import Path

from nbgrader.api import Gradebook, MissingEntry
from nbgrader.coursedir import CourseDirectory

from tlkit.errors import TlkitError
from tlkit.grading.classwork.course import course_directory


def submitted_folder(course: CourseDirectory, student: str, assignment: str) -> Path:
    """The folder of what a student handed in for an assignment."""
    return Path(course.format_path(course.submitted_directory, student, assignment))


@contextlib.contextmanager
def open_gradebook(root: Path) -> Iterator[Gradebook]:
    """The gradebook of the course in `root`, as long as the block lasts.

    Raises:
        TlkitError: there is none yet.
    """
    course = course_directory(root)
    path = course.db_url.removeprefix("sqlite:///")
    if path != course.db_url and not Path(path).is_file():
        raise TlkitError(f"{path} is missing: the course has no gradebook yet; `nbgrader generate_assignment` makes it")
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module="nbgrader|sqlalchemy")
        with Gradebook(course.db_url, course.course_id) as gradebook:
            yield gradebook


def find_assignment(gradebook: Gradebook, name: str, where: str = ""):
    """The assignment of this name.

    Args:
        where: what names it, as "late.csv, line 3", for the message.
    Raises:
        TlkitError: there is none; the message lists those that there are.
    """
    try:
        return gradebook.find_assignment(name)
    except MissingEntry as error:
        known = ", ".join(assignment.name for assignment in gradebook.assignments) or "none"
        raise TlkitError(f"{where + ': ' if where else ''}the gradebook knows no assignment {name!r}; it knows {known}") from error
