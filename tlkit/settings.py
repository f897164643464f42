"""Whether the settings of a dataclass are of the kinds that it declares: numbers, texts, truths."""

from dataclasses import fields
from numbers import Integral, Real
from types import NoneType, UnionType
from typing import get_args

import numpy as np

from tlkit.errors import TlkitError

_KINDS = {
    bool: ("True or False", lambda value: isinstance(value, (bool, np.bool_))),
    int: ("a whole number", lambda value: isinstance(value, Integral) and not isinstance(value, bool)),
    float: ("a number", lambda value: isinstance(value, Real) and not isinstance(value, bool)),
    str: ("a text", lambda value: isinstance(value, str)),
    NoneType: ("None", lambda value: value is None),
}


def is_a(kind: type, value) -> bool:
    """Whether a value can stand for a bool, an int, a float, a str or None; a truth is no number here."""
    return _KINDS[kind][1](value)


def whole(name: str, value) -> int:
    """A setting that counts something.

    Raises:
        TlkitError: it is no whole number from 1 on.
    """
    if not is_a(int, value) or value < 1:
        raise TlkitError(f"{name}={value!r} must be a whole number from 1 on")
    return int(value)


def refuse_other_kinds(settings) -> None:
    """Raise a TlkitError for the first setting that is not of its declared kind; fields of kinds of their own are passed over.

    Args:
        settings: a dataclass with fields such as `batch_size: int` or `metric: str | None`.
    """
    for each in fields(settings):
        declared = get_args(each.type) if isinstance(each.type, UnionType) else (each.type,)
        value = getattr(settings, each.name)
        if all(kind in _KINDS for kind in declared) and not any(is_a(kind, value) for kind in declared):
            raise TlkitError(f"{each.name}={value!r} must be {', or '.join(_KINDS[kind][0] for kind in declared)}")
