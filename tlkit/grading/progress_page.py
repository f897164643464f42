"""How far a learner has come: exercises, points and minutes of every unit, and what is next."""

from dataclasses import dataclass
from functools import cached_property
from html import escape
from typing import Any

from tlkit.grading.progress import read


@dataclass(frozen=True)
class UnitProgress:
    """What is done of a unit.

    Args:
        records: the exercises that count, in the order in which a learner meets them.
        optional: those that give no points.
        entries: what the progress file holds of the unit's exercises, by id.
    """

    number: str
    title: str
    records: tuple
    optional: tuple
    entries: dict[str, dict[str, Any]]

    def is_done(self, record) -> bool:
        return bool(self.entries.get(record.id, {}).get("right_since"))

    @property
    def done(self) -> int:
        """How many of the exercises that count are right."""
        return sum(map(self.is_done, self.records))

    @property
    def optional_done(self) -> int:
        return sum(map(self.is_done, self.optional))

    @property
    def points(self) -> float:
        return round(sum(float(self.entries.get(record.id, {}).get("points", 0.0)) for record in self.records), 2)

    @property
    def max_points(self) -> float:
        return sum(float(record.points) for record in self.records)

    @property
    def minutes(self) -> int:
        """What the exercises are planned to take."""
        return sum(record.minutes for record in self.records)

    @property
    def minutes_left(self) -> int:
        """What those that are not right yet are planned to take."""
        return sum(record.minutes for record in self.records if not self.is_done(record))


class ProgressPage:
    """A learner's progress by unit, as a table in a notebook and as text elsewhere.

    Args:
        exercises: the content of a progress file, as `tlkit.grading.progress.read` gives it.
    """

    def __init__(self, exercises: dict[str, dict[str, Any]]):
        self.exercises = exercises

    @cached_property
    def units(self) -> list[UnitProgress]:
        """Every released unit, in order."""
        from tlkit.course.units import units
        from tlkit.exercises import all_exercises

        found = []
        for unit in units():
            records, counted = [record for record in all_exercises() if record.unit == unit.number], unit.counted_checks
            entries = {record.id: self.exercises[record.id] for record in records if record.id in self.exercises}
            found.append(UnitProgress(unit.number, unit.title, tuple(record for record in records if record.id in counted),
                                      tuple(record for record in records if record.id not in counted), entries))
        return found

    @property
    def next(self):
        """The first exercise that counts, in the order of the course, that is not right yet; None where all are."""
        return next((record for unit in self.units for record in unit.records if not unit.is_done(record)), None)

    def _next_in_words(self) -> str:
        if self.next is None:
            return "Every exercise is right: you are through."
        return f"Next: {self.next.id}, {self.next.title} ({self.next.minutes} minutes)."

    def _sum(self) -> str:
        done, of = sum(unit.done for unit in self.units), sum(len(unit.records) for unit in self.units)
        points, out_of = round(sum(unit.points for unit in self.units), 2), sum(unit.max_points for unit in self.units)
        return (f"{done} of {of} exercises right, {points:g} of {out_of:g} points; questions that a person reads are not counted here.")

    def _rows(self) -> list[tuple[str, ...]]:
        return [(f"{unit.number} {unit.title}", f"{unit.done} of {len(unit.records)}", f"{unit.points:g} of {unit.max_points:g}",
                 f"{unit.minutes_left} of {unit.minutes}", f"{unit.optional_done} of {len(unit.optional)}" if unit.optional else "none")
                for unit in self.units]

    _HEAD = ("unit", "right", "points", "minutes left", "optional")

    def __repr__(self) -> str:
        rows = [self._HEAD, *self._rows()]
        widths = [max(len(row[column]) for row in rows) for column in range(len(self._HEAD))]
        lines = ["  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths)).rstrip() for row in rows]
        return "\n".join([*lines, self._sum(), self._next_in_words()])

    def _repr_html_(self) -> str:
        left = 'style="text-align:left"'
        head = "".join(f'<th scope="col" {left}>{name}</th>' for name in (*self._HEAD[:1], "", *self._HEAD[1:]))
        body = "".join(
            f'<tr><th scope="row" {left}>{escape(row[0])}</th><td><meter min="0" max="{max(len(unit.records), 1)}" value="{unit.done}" '
            f'aria-label="{escape(row[1])} exercises right"></meter></td>' + "".join(f"<td {left}>{cell}</td>" for cell in row[1:]) + "</tr>"
            for unit, row in zip(self.units, self._rows()))
        return (f'<table class="tlkit-progress"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'
                f"<p>{self._sum()}</p><p><strong>{escape(self._next_in_words())}</strong></p>")


def progress() -> ProgressPage:
    """How far the learner has come, from the file in their work folder."""
    from tlkit.course.workspace import work_folder

    return ProgressPage(read(work_folder()))
