"""A plan out of JSON that anybody may have written."""

import json
from collections.abc import Mapping
from dataclasses import MISSING, fields

from tlkit.data.augmentation import Jitter
from tlkit.errors import TlkitError
from tlkit.peft.methods import method_from
from tlkit.plans import Phase, Plan


def plan_from_json(text: str) -> Plan:
    """What `Plan.from_json` gives.

    Raises:
        TlkitError: no JSON, a setting that there is not, one that is missing, or a value that makes no sense.
    """
    try:
        given = json.loads(text)
    except json.JSONDecodeError as error:
        raise TlkitError(f"this is no JSON: {error.msg} in line {error.lineno}, column {error.colno}; `Plan.to_json` writes a plan as JSON") from error
    given = dict(_refused("plans", Plan, given))
    if not isinstance(given["phases"], list):
        raise TlkitError(f"phases must be a list, [{{\"epochs\": 5, ...}}, ...], and {given['phases']!r} was given")
    given["phases"] = tuple(Phase(**_refused("phases", Phase, phase)) for phase in given["phases"])
    if given.get("jitter") is not None:
        given["jitter"] = Jitter(**_refused("jitters", Jitter, given["jitter"]))
    if given.get("method") is not None:
        given["method"] = method_from(_object("methods", given["method"]))
    return Plan(**given)


def _refused(what: str, kind: type, given) -> Mapping:
    """The settings of a dataclass, where there is none too many and none too few."""
    known = [each.name for each in fields(kind)]
    if unknown := sorted(set(_object(what, given)) - set(known)):
        raise TlkitError(f"{what} have no setting {unknown[0]!r}; settings: {', '.join(known)}")
    needed = [each.name for each in fields(kind) if each.default is MISSING and each.default_factory is MISSING]
    if missing := [name for name in needed if name not in given]:
        raise TlkitError(f"{what} need {missing[0]!r}, which is not there; `Plan.to_json` writes all that a plan needs")
    return given


def _object(what: str, given) -> Mapping:
    if not isinstance(given, dict):
        raise TlkitError(f"{what} are objects in JSON, {{\"name\": value, ...}}, and {given!r} was given")
    return given
