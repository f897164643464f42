"""What a check found, as data: the card shows it, nbgrader counts it, the class report sums it up."""

from dataclasses import dataclass, field
from enum import Enum


class Outcome(Enum):
    """The three ways in which a check ends."""

    NOT_ATTEMPTED = "not attempted"
    NOT_YET = "not yet"
    RIGHT = "right"


@dataclass(frozen=True)
class Diagnosis:
    """A name for the mistake, why people make it (or what it means), and where to look next."""

    name: str
    why: str
    hint: str


@dataclass(frozen=True)
class FailingCase:
    """The smallest input that the answer got wrong, ready to read."""

    what: str
    inputs: str
    where: str
    expected: str
    got: str


@dataclass(frozen=True)
class Verdict:
    """What a check found.

    Args:
        groups: for each case group, in order, whether the answer passed it.
        waiting: groups about bad input in which all bad input was refused, but an ordinary one went wrong.
        notes: remarks on single parts, as the explanations of a quiz; then on the session.
        seconds: how long the answer's own code took.
    """

    exercise_id: str
    title: str
    outcome: Outcome
    points: float
    max_points: float
    message: str = ""
    groups: dict[str, bool] = field(default_factory=dict)
    waiting: tuple[str, ...] = ()
    failing: FailingCase | None = None
    diagnosis: Diagnosis | None = None
    hint: str = ""
    notes: tuple[str, ...] = ()
    seconds: float = 0.0
