"""What the fields of a record must hold; a wrong or missing one is named with its record and the reason."""

import re
from typing import Any

from tlkit.errors import TlkitError

KINDS = ("function", "class", "loop", "number", "expression", "formulas", "plan", "figure")
CODE_KINDS = ("function", "class", "loop", "figure")
DIFFICULTIES = ("easy", "medium", "hard")

MISSING: Any = type("Missing", (), {"__repr__": lambda self: "missing", "__bool__": lambda self: False})()

_ID = re.compile(r"\d\d\.[a-z][a-z0-9_]*")
_ADDRESS = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_][\w.]*")


def check_exercise(record: Any) -> None:
    """Raise a TlkitError that names record, field and reason, where a field is missing or cannot be meant."""
    _refuse_missing(record)
    _common(record)
    _demand(record, "hint", isinstance(record.hint, str) and record.hint.strip(), "is empty")
    _demand(record, "kind", record.kind in KINDS, f"is {record.kind!r}; one of {', '.join(KINDS)} is due")
    _demand(record, "difficulty", record.difficulty in DIFFICULTIES,
            f"is {record.difficulty!r}; one of {', '.join(DIFFICULTIES)} is due")
    _demand(record, "reference", _is_address(record.reference), f"is {record.reference!r}; \"module:function\" is due")
    _demand(record, "cases", callable(record.cases), "must be a function of a random generator that returns cases")
    _demand(record, "parameters", _are_names(record.parameters), f"is {record.parameters!r}; a tuple of names is due")
    for name in ("shortcuts", "allowed"):
        for address in getattr(record, name):
            _demand(record, name, _is_address(address), f"holds {address!r}; \"module:function\" is due")
    for name, address in record.given.items():
        _demand(record, "given", _is_address(address), f"gives {name} as {address!r}; \"module:function\" is due")
    for field in ("rtol", "atol"):
        value = getattr(record, field)
        _demand(record, field, type(value) in (int, float) and 0 <= value < 0.1, f"is {value!r}; 0 or a little more is due")
    for misconception in record.misconceptions:
        _check_misconception(record, misconception)
    names = [misconception.name for misconception in record.misconceptions]
    for name in names:
        _demand(record, "misconceptions", names.count(name) == 1, f"two of them are called “{name}”")
    for change, reason in record.equivalent_mutants.items():
        _demand(record, "equivalent_mutants", isinstance(reason, str) and reason.strip(), f"`{change}` has no reason")


def check_quiz(record: Any) -> None:
    """The same for a quiz: one right choice a question, an explanation for every choice."""
    _refuse_missing(record)
    _common(record)
    _demand(record, "questions", len(record.questions) > 0, "is empty")
    for number, question in enumerate(record.questions, 1):
        right = sum(choice.right for choice in question.choices)
        _demand(record, "questions", right == 1, f"question {number} needs exactly one right choice and has {right}")
        _demand(record, "questions", 2 <= len(question.choices) <= 8, f"question {number} needs 2 to 8 choices")
        for choice in question.choices:
            _demand(record, "questions", choice.explanation.strip(), f"question {number} has a choice without an explanation")


def _common(record: Any) -> None:
    _demand(record, "id", isinstance(record.id, str) and _ID.fullmatch(record.id), "must read like \"01.sample\"")
    _demand(record, "title", isinstance(record.title, str) and record.title.strip(), "is empty")
    _demand(record, "name", isinstance(record.name, str) and record.name.isidentifier(),
            f"is {record.name!r}; the name that a learner defines is due")
    for field in ("points", "minutes"):
        value = getattr(record, field)
        _demand(record, field, type(value) in (int, float) and value > 0, f"is {value!r}; a number above 0 is due")


def _check_misconception(record: Any, misconception: Any) -> None:
    for field in ("name", "why", "hint"):
        text = getattr(misconception, field, MISSING)
        _demand(record, "misconceptions", isinstance(text, str) and text.strip(),
                f"“{getattr(misconception, 'name', misconception)}” has no {field}")
    _demand(record, "misconceptions", misconception.answer is not MISSING, f"“{misconception.name}” has no answer")
    if record.kind in CODE_KINDS:
        _demand(record, "misconceptions", callable(misconception.answer),
                f"“{misconception.name}”: its answer must be a function or class, as the exercise's kind is {record.kind}")


def _refuse_missing(record: Any) -> None:
    for field in type(record).__dataclass_fields__:
        _demand(record, field, getattr(record, field) is not MISSING, "is missing")


def _demand(record: Any, field: str, holds: Any, reason: str) -> None:
    if not holds:
        raise TlkitError(f"exercise {record.id!r}, field `{field}`: {reason}")


def _is_address(text: Any) -> bool:
    return isinstance(text, str) and bool(_ADDRESS.fullmatch(text))


def _are_names(names: Any) -> bool:
    return isinstance(names, tuple) and all(isinstance(name, str) and name.isidentifier() for name in names)
