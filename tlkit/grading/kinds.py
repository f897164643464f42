"""The kinds of exercises: what an answer must be, what is done with it, and what its observations show.

Everything else (judging, diagnosing, shrinking) is the same for all of them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tlkit.errors import TlkitError
from tlkit.exercises.record import Case, Exercise
from tlkit.exercises.recipe import Recipe
from tlkit.grading.encoding import as_plain
from tlkit.grading.expressions import evaluate, parse
from tlkit.grading.observation import Array, Expression, Failure, Observation, Opaque


@dataclass(frozen=True)
class Kind:
    """One kind of exercise.

    Args:
        action: what is done with the answer, a name in tlkit.grading.actions.
        accepts: (the answer, encoded) -> whether it is of the right sort at all.
        due: (exercise) -> what is due, as the end of the sentence "..., and X is due".
        shows: (exercise, case, call, observation) -> what one call shows, in plain form.
    """

    action: str
    accepts: Callable[[Any], bool]
    due: Callable[[Exercise], str]
    shows: Callable[[Exercise, Case, tuple, Observation], Any]


def _is_callable(value: Any) -> bool:
    return isinstance(value, Opaque) and value.is_callable


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) or isinstance(value, Array) and value.data.size == 1


def _signature(exercise: Exercise) -> str:
    return f"a function is due: def {exercise.name}({', '.join(exercise.parameters)}): ..."


def _value(exercise: Exercise, case: Case, call: tuple, observation: Observation) -> Any:
    value = as_plain(observation.value)
    if case.upstream is None:
        return value
    shown = {"the value": value}
    if isinstance(observation.gradients, tuple):
        for name, gradient in zip(exercise.parameters, observation.gradients):
            if gradient is not None:
                shown[f"the gradient of {name}"] = as_plain(gradient)
    else:
        shown["the gradients"] = observation.gradients
    return shown


def _figure(exercise: Exercise, case: Case, call: tuple, observation: Observation) -> Any:
    value = as_plain(observation.value)
    if exercise.view is not None or not isinstance(value, dict) or "axes" not in value:
        return value
    return {f"axes {number}": {
        "lines": [{"x": line["x"], "y": line["y"]} for line in axes["lines"]],
        "points": [points["xy"] for points in axes["points"]], "bars": axes["bars"], "images": axes["images"],
        "x scale": axes["x scale"], "y scale": axes["y scale"],
        "x axis has a label": bool(axes["x label"].strip()), "y axis has a label": bool(axes["y label"].strip()),
    } for number, axes in enumerate(value["axes"], 1)}


def _loop(exercise: Exercise, case: Case, call: tuple, observation: Observation) -> Any:
    """What a call returns, and what became of the objects that it was given."""
    shown: dict[str, Any] = {"what is returned": as_plain(observation.value)}
    for argument, after in zip(call, observation.arguments_after):
        if isinstance(argument, Recipe):
            for facet, value in after.items():
                if facet in exercise.looks_at or f"{argument.name}.{facet}" in exercise.looks_at:
                    shown[f"{argument.name}: {FACETS.get(facet, facet)}"] = as_plain(value)
    return shown


FACETS = {"parameters": "parameters afterwards", "buffers": "buffers afterwards", "gradients": "gradients afterwards",
          "training": "modes afterwards", "forward": "how it was used", "requires_grad": "what trains",
          "calls": "number of calls", "rates": "learning rates"}


def _expression(exercise: Exercise, case: Case, call: tuple, observation: Observation) -> Any:
    """The value of the expression at this point; its text is read on this side, through a whitelist."""
    text = observation.value.text if isinstance(observation.value, Expression) else observation.value
    if type(text) is not str:
        return as_plain(text)
    try:
        return evaluate(parse(text, exercise.parameters), call)
    except TlkitError as error:
        return Failure("Formula", str(error))


def _formulas(exercise: Exercise, case: Case, call: tuple, observation: Observation) -> Any:
    """The value of one of the formulas at this point."""
    if observation.value is Ellipsis:
        return Failure("Formula", f"`{exercise.name}[\"{call[0]}\"]` is still missing")
    if isinstance(observation.value, tuple | list | Opaque):
        what = f"is an object of type {observation.value.type_name}" if isinstance(observation.value, Opaque) else "is a tuple; a comma in the brackets makes one"
        return Failure("Formula", f"`{exercise.name}[\"{call[0]}\"]` {what}, and a formula in quotes is due")
    return _expression(exercise, case, call[1:], observation)


KINDS = {
    "function": Kind("call", _is_callable, _signature, _value),
    "loop": Kind("call", _is_callable, _signature, _loop),
    "figure": Kind("draw", _is_callable, _signature, _figure),
    "class": Kind("use", _is_callable, lambda e: f"a class is due: class {e.name}: ...", _value),
    "number": Kind("part", _is_number, lambda e: f"a number is due: {e.name} = ...", _value),
    "plan": Kind("part", lambda value: value is not None and not isinstance(value, Opaque),
                 lambda e: f"a plan or its settings are due: {e.name} = ...", _value),
    "expression": Kind("point", lambda value: type(value) in (str, int, float) or isinstance(value, Expression),
                       lambda e: f"a formula in {', '.join(e.parameters)} is due, as text: {e.name} = \"...\"", _expression),
    "formulas": Kind("entry", lambda value: type(value) is dict,
                     lambda e: f"a dict of formulas in {', '.join(e.parameters)} is due, each as text: "
                               f"{e.name}[\"...\"] = \"...\"", _formulas),
}
