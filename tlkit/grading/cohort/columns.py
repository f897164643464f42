"""Which columns a CSV of grades has, and what stands in them: a map that a course can write itself."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tlkit.errors import TlkitError
from tlkit.grading.cohort.tables import read_csv

OF_STUDENT = ("student_id", "name", "first_name", "last_name", "email", "lms_user_id")
OF_ASSIGNMENT = ("score", "raw_score", "penalty", "max_score", "percent", "submitted")
_FIELD = re.compile(r"\{([a-z_]+)(?::([^{}]+))?\}")


@dataclass(frozen=True)
class Column:
    """One column.

    Args:
        name: the heading.
        value: a text with fields in braces: {student_id}, {first_name}, {last_name}, {name} (last name, first name; the id
            where there is neither), {email}, {lms_user_id}, and of an assignment {score:NAME} (after lateness), {raw_score:NAME}, {penalty:NAME}, {max_score:NAME}, {percent:NAME},
            {submitted:NAME}.
    """

    name: str
    value: str

    def fields(self) -> list[tuple[str, str]]:
        """The fields in it: (name, assignment or "")."""
        return [(found[1], found[2] or "") for found in _FIELD.finditer(self.value)]

    def filled(self, values: dict[tuple[str, str], str | float]) -> str | float:
        """What stands in it for one student; a number where it is one field and nothing else."""
        whole = _FIELD.fullmatch(self.value)
        if whole:
            return values[whole[1], whole[2] or ""]
        return _FIELD.sub(lambda found: _as_text(values[found[1], found[2] or ""]), self.value)


def _as_text(value: str | float) -> str:
    return f"{value:g}" if isinstance(value, int | float) else value


def _grades(assignments: Iterable[str]) -> list[Column]:
    return [Column(name, f"{{score:{name}}}") for name in assignments]


def canvas_columns(assignments: Sequence[str]) -> list[Column]:
    """What Canvas asks for (Instructor Guide, "How do I import grades in the Gradebook"): five columns, then assignments."""
    return [Column("Student", "{name}"), Column("ID", "{lms_user_id}"), Column("SIS User ID", ""),
            Column("SIS Login ID", "{student_id}"), Column("Section", ""), *_grades(assignments)]


def moodle_columns(assignments: Sequence[str]) -> list[Column]:
    """For Moodle's grade import, which lets a person say which column identifies learners and which is which grade item."""
    return [Column("ID number", "{student_id}"), Column("First name", "{first_name}"), Column("Last name", "{last_name}"),
            Column("Email address", "{email}"), *_grades(assignments)]


def plain_columns(assignments: Sequence[str]) -> list[Column]:
    return [Column("student_id", "{student_id}"), Column("last_name", "{last_name}"), Column("first_name", "{first_name}"),
            *(Column(f"{name}{ending}", f"{{{field}:{name}}}") for name in assignments
              for field, ending in (("score", ""), ("penalty", " late penalty"), ("max_score", " out of")))]


LAYOUTS = {"canvas": canvas_columns, "moodle": moodle_columns, "plain": plain_columns}


def read_columns(path: Path) -> list[Column]:
    """A column map: a CSV with the columns column and value, one row a column, in order.

    Raises:
        TlkitError: the file cannot be read, or a row cannot be meant; the message names file, line and reason.
    """
    found: list[Column] = []
    for line, row in read_csv(path, ("column", "value")):
        where = f"{path}, line {line}"
        if not row["column"]:
            raise TlkitError(f"{where}: column is empty; the heading is due")
        if row["column"] in {column.name for column in found}:
            raise TlkitError(f"{where}: there is a column {row['column']!r} above already")
        found.append(Column(row["column"], row["value"]))
        for name, assignment in found[-1].fields():
            if (name not in OF_ASSIGNMENT) if assignment else (name not in OF_STUDENT):
                raise TlkitError(f"{where}: there is no field {{{name}{':' + assignment if assignment else ''}}}; of a student there "
                                 f"are {', '.join(OF_STUDENT)}, of an assignment {', '.join(f'{each}:NAME' for each in OF_ASSIGNMENT)}")
        rest = _FIELD.sub("", row["value"])
        if "{" in rest or "}" in rest:
            raise TlkitError(f"{where}: {row['value']!r} has braces that are no field, as {{score:01_name}} would be")
    if not found:
        raise TlkitError(f"{path} names no column")
    return found
