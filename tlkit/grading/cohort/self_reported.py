"""Tries and hints, from the progress files of learners who hand theirs in: their own word, and marked as that."""

import stat
from dataclasses import dataclass
from pathlib import Path

from tlkit.grading import progress
from tlkit.grading.cohort.gradebook import course_directory, submitted_folder
from tlkit.grading.records import Record

MAX_BYTES = 1_000_000
MOST = 10_000  # tries or hints; a larger number is nobody's


@dataclass(frozen=True)
class Tries:
    """What one learner's file says of one exercise."""

    student: str
    exercise_id: str
    tries: int
    hints_shown: int


def self_reported(root: Path, records: list[Record]) -> tuple[list[Tries], list[str]]:
    """Tries of the exercises in `records`, where a progress.json was handed in beside the notebook.

    The files are only read. Of a learner who handed in several, the later assignment's counts.

    Returns:
        The tries, and one sentence for each file that is not used.
    """
    found: dict[tuple[str, str], Tries] = {}
    course, notes = course_directory(root), []
    for record in sorted(records, key=lambda record: record.key):
        path = submitted_folder(course, record.student, record.assignment) / progress.NAME
        try:
            entries = _entries(path)
        except (OSError, ValueError) as error:
            notes.append(f"{path} is not used: {getattr(error, 'strerror', None) or error}")
            continue
        for verdict in record.verdicts:
            entry = entries.get(verdict.exercise_id)
            if entry and 0 < entry["tries"] <= MOST and 0 <= entry["hints_shown"] <= MOST:
                found[record.student, verdict.exercise_id] = Tries(record.student, verdict.exercise_id, entry["tries"],
                                                                   entry["hints_shown"])
    return list(found.values()), notes


def _entries(path: Path) -> dict:
    try:
        status = path.lstat()
    except FileNotFoundError:
        return {}
    if not stat.S_ISREG(status.st_mode):
        raise ValueError("it is no plain file")
    if status.st_size > MAX_BYTES:
        raise ValueError(f"it is larger than {MAX_BYTES / 1e6:g} MB")
    return progress.entries_of(path.read_text(encoding="utf-8"))
