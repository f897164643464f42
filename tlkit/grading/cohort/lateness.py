"""What is late costs points: a policy and extensions, each a CSV."""

import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from tlkit.errors import TlkitError
from tlkit.grading.cohort.tables import read_csv
from tlkit.grading.cohort.times import parse_time

DAY = 86_400


@dataclass(frozen=True)
class LatePolicy:
    """What lateness costs in one assignment.

    Args:
        assignment: its name; "*" for all that have no row of their own.
        due: in UTC; None leaves what the gradebook has.
        grace_minutes: lateness up to here costs nothing; beyond it, all of the lateness counts.
        percent_per_day: of the points earned, for each day that has begun.
        at_most_percent: what lateness can cost in all.
        closes_after_days: later than this everything is lost; None: never.
    """

    assignment: str
    due: datetime | None = None
    grace_minutes: float = 0.0
    percent_per_day: float = 0.0
    at_most_percent: float = 100.0
    closes_after_days: float | None = None

    def share_lost(self, seconds_late: float) -> float:
        """The share of the points that lateness costs: min(cap, rate * begun days), 1 once it is closed."""
        if seconds_late <= 60 * self.grace_minutes:
            return 0.0
        if self.closes_after_days is not None and seconds_late > DAY * self.closes_after_days:
            return 1.0
        return min(self.at_most_percent, self.percent_per_day * math.ceil(seconds_late / DAY)) / 100


@dataclass(frozen=True)
class Extension:
    """More time for one learner: until a time in UTC, or some hours beyond what is due."""

    student: str
    assignment: str
    until: datetime | None
    hours: float | None
    where: str

    def beyond(self, due: datetime) -> timedelta:
        """How long after what is due.

        Raises:
            TlkitError: the time is before that.
        """
        extra = self.until - due if self.until is not None else timedelta(hours=self.hours)
        if extra < timedelta(0):
            raise TlkitError(f"{self.where}: {self.student} would have until {self.until} UTC, which is before {self.assignment} "
                             f"is due for everybody ({due} UTC)")
        return extra


_NUMBERS = {"grace_minutes": math.inf, "percent_per_day": 100, "at_most_percent": 100, "closes_after_days": math.inf}


def read_policies(path: Path) -> dict[str, LatePolicy]:
    """Policies by assignment, from a CSV with the columns assignment, percent_per_day and, as wanted, due, grace_minutes,
    at_most_percent, closes_after_days.

    Raises:
        TlkitError: the file cannot be read, or a row cannot be meant; the message names file, line and reason.
    """
    found: dict[str, LatePolicy] = {}
    for line, row in read_csv(path, ("assignment", "percent_per_day")):
        where = f"{path}, line {line}"
        unknown = set(row) - {"assignment", "due", *_NUMBERS}
        if unknown:
            raise TlkitError(f"{path} has a column {sorted(unknown)[0]!r}; known are assignment, due, {', '.join(_NUMBERS)}")
        name = _required(row, "assignment", where)
        if name in found:
            raise TlkitError(f"{where}: there is a policy for {name} above already")
        due = parse_time(row["due"], f"{where}: what is due") if row.get("due") else None
        if due and name == "*":
            raise TlkitError(f"{where}: one due time for all assignments (*) cannot be meant; give each its own row")
        numbers = {column: _number(row[column], 0, most, f"{where}: {column}") for column, most in _NUMBERS.items() if row.get(column)}
        found[name] = LatePolicy(name, due, **numbers)
    if not found:
        raise TlkitError(f"{path} holds no policy: a row with assignment and percent_per_day is due")
    return found


def policy_for(policies: dict[str, LatePolicy], assignment: str) -> LatePolicy | None:
    """The policy of an assignment: its own, else the one for all others."""
    return policies.get(assignment, policies.get("*"))


def read_extensions(path: Path) -> list[Extension]:
    """Extensions from a CSV with the columns student, assignment, and until or hours; others, as a reason, are not read.

    Raises:
        TlkitError: the file cannot be read, or a row cannot be meant; the message names file, line and reason.
    """
    found: dict[tuple[str, str], Extension] = {}
    for line, row in read_csv(path, ("student", "assignment")):
        where = f"{path}, line {line}"
        student, assignment = _required(row, "student", where), _required(row, "assignment", where)
        if bool(row.get("until")) == bool(row.get("hours")):
            raise TlkitError(f"{where}: exactly one of until and hours is due, to say how much time {student} has")
        if (student, assignment) in found:
            raise TlkitError(f"{where}: {student} has an extension for {assignment} already, in {found[student, assignment].where}")
        until = parse_time(row["until"], f"{where}: until") if row.get("until") else None
        hours = _number(row["hours"], 0, 24 * 366, f"{where}: hours") if row.get("hours") else None
        found[student, assignment] = Extension(student, assignment, until, hours, where)
    return list(found.values())


def _required(row: dict[str, str], column: str, where: str) -> str:
    if not row[column]:
        raise TlkitError(f"{where}: {column} is empty")
    return row[column]


def _number(text: str, least: float, most: float, what: str) -> float:
    try:
        value = float(text)
    except ValueError as error:
        raise TlkitError(f"{what} is {text!r}, which is no number") from error
    if not (least <= value <= most and math.isfinite(value)):
        raise TlkitError(f"{what} is {text}; {least:g} {'or more' if math.isinf(most) else f'to {most:g}'} is due")
    return value


def late_in_words(seconds: float) -> str:
    """A lateness as people say it: "2 days 3 hours", at least a minute."""
    minutes = max(1, round(seconds / 60))
    parts = ((minutes // 1440, "day"), (minutes // 60 % 24, "hour"), (minutes % 60, "minute"))
    return " ".join(f"{number} {unit}{'' if number == 1 else 's'}" for number, unit in parts if number)
