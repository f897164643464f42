"""The exercises as data: one record each, a module a unit."""

from importlib import import_module

from tlkit.errors import TlkitError
from tlkit.exercises.record import Exercise, Quiz

_UNITS = {
    "00": "tlkit.exercises.start_here",
    "01": "tlkit.exercises.why_transfer",
    "02": "tlkit.exercises.heads_and_losses",
    "03": "tlkit.exercises.gradients",
    "04": "tlkit.exercises.fine_tuning_loop",
    "05": "tlkit.exercises.freezing",
    "06": "tlkit.exercises.medical_images",
    "07": "tlkit.exercises.bert_text",
    "08": "tlkit.exercises.ner",
    "09": "tlkit.exercises.peft",
    "10": "tlkit.exercises.distillation",
}


def units_with_exercises() -> list[str]:
    """The numbers of the units that have exercises, in order."""
    return sorted(_UNITS)


def exercises_of(unit: str) -> list[Exercise | Quiz]:
    """The records of one unit, in the order in which a learner meets them."""
    if unit not in _UNITS:
        raise TlkitError(f"unit {unit!r} has no exercises; units with exercises: {', '.join(units_with_exercises())}")
    return list(import_module(_UNITS[unit]).EXERCISES)


def all_exercises() -> list[Exercise | Quiz]:
    """Every record of the course."""
    return [exercise for unit in units_with_exercises() for exercise in exercises_of(unit)]


def find_exercise(exercise_id: str) -> Exercise | Quiz:
    """The record with this id, such as "01.sample".

    Raises:
        TlkitError: no such exercise; the message lists those of the unit.
    """
    unit = str(exercise_id).split(".")[0]
    records = exercises_of(unit)
    for record in records:
        if record.id == exercise_id:
            return record
    raise TlkitError(f"there is no exercise {exercise_id!r}; unit {unit} has {', '.join(r.id for r in records)}")
