"""What a wrong answer got wrong, in words: the diagnoses that every exercise gets and that need no numbers."""

import re
from typing import Any

from tlkit.exercises.record import Exercise
from tlkit.grading.observation import UNUSABLE, Failure, Opaque
from tlkit.grading.verdict import Diagnosis

_ADVICE = {
    "NameError": "Was it defined in a cell that you have not run since the kernel started? Cells run out of order leave "
                 "such gaps; “Run All Above Selected Cell” in the Run menu closes them.",
    "UnboundLocalError": "A variable is read before it is set on this path; is it set in a branch or loop that did not run?",
    "AttributeError": "Something has another type than the answer expects; print `type(...)` of what stands before the dot.",
    "MemoryError": "Is something built that grows with the square of the input, or a loop that never stops appending?",
    "SystemExit": "Leave the function with `return`; `exit()` ends the whole session.",
    "TypeError": "An operation met a type that it does not take; print the type and the shape of what goes in.",
    "ValueError": "A function refused a value; shapes that do not match are the usual reason.",
    "IndexError": "An index lies outside of what it indexes; is an index counted from 1, or a mask taken for indices?",
    "ZeroDivisionError": "A divisor is zero in this case; which quantity can be empty or zero here?",
    "KeyError": "A key is looked up that is not there in this case.",
    "TimeLimit": "It takes very long or never ends; is there a loop whose condition never becomes false?",
    "KernelGone": "Something ended the whole process: `os._exit`, a crash inside a library, or far too much memory.",
    "RecursionError": "The function calls itself without end.",
}


def raised(failure: Failure, expected: Failure | None, exercise: Exercise) -> Diagnosis:
    """The answer raised where it should not have (or another exception than it should have)."""
    where = f" in line {failure.line} of its cell" if failure.line else ""
    name = f"it raised {failure.type_name}{where}: {failure.message}".rstrip(": ")
    if failure.type_name == "Formula":
        return Diagnosis("the formula cannot be read", failure.message + ".", "Write it as in Python, for example x*y - exp(-x)/2.")
    if failure.type_name in UNUSABLE:
        return Diagnosis(failure.message, "The check gives each parameter numbers, by its name, to see what comes out.",
                         "Compare names and shapes with those in the exercise.")
    if failure.type_name == "TimeLimit":
        name = f"stopped: {failure.message}"
    elif failure.type_name == "KernelGone":
        name = "it took its kernel along"
    elif failure.type_name == "MemoryError":
        name = "stopped: it asked for more memory than there is"
    elif failure.type_name == "TypeError" and re.search(r"positional argument|unexpected keyword|required .*argument", failure.message):
        if failure.line is None and expected is None:
            return _wrong_arguments(failure, exercise)
    elif failure.type_name == "NameError":
        missing = re.search(r"name '(\w+)' is not defined", failure.message)
        if missing:
            name = f"`{missing[1]}` is not defined: it raised NameError{where}"
    if expected is not None:
        return Diagnosis(name, f"Here a {expected.type_name} is due, and this is another exception.", "")
    if failure.on_purpose:
        return Diagnosis(name, "The answer itself raises there, but this input is a good one.",
                         "Look at the condition above that line: for which inputs is it true, and for which should it be?")
    return Diagnosis(name, "The answer did not come to its end.", _ADVICE.get(failure.type_name, ""))


def _wrong_arguments(failure: Failure, exercise: Exercise) -> Diagnosis:
    given = ", ".join(exercise.parameters)
    if exercise.kind == "class":
        return Diagnosis("another number of arguments", f"It was used as the exercise says, and refused: {failure.message}.",
                         "Compare the arguments of `__init__` and `forward` with those in the exercise.")
    return Diagnosis("another number of arguments", f"It is called with {len(exercise.parameters)}, and refused: {failure.message}.",
                     f"The first line should read `def {exercise.name}({given}):`.")


def did_not_raise(expected: Failure) -> Diagnosis:
    """The answer returned something where the input is bad and should have been refused."""
    return Diagnosis(
        f"no {expected.type_name} for bad input",
        f"This input cannot be answered, and the reference says so: “{expected.message}”.",
        f"Look at the case that is shown, and raise a {expected.type_name} when it happens.",
    )


def not_a_value(got: Any, output: str) -> Diagnosis | None:
    """None, an unfinished `...` or an object came back instead of data."""
    if got is None and output.strip():
        return Diagnosis("prints instead of returning", "What is printed is gone; the caller receives None.",
                         "End the function with `return`.")
    if got is None:
        return Diagnosis("returns None", "A function without `return` gives None to its caller.",
                         "End every branch of the function with `return`.")
    if got is Ellipsis:
        return Diagnosis("returns `...`", "The dots stand for what is still to be written.", "Write it in their place.")
    if isinstance(got, Opaque) and got.type_name in _LAZY:
        return Diagnosis(f"returns a {got.type_name} that has not computed anything yet",
                         "Such an object waits until somebody asks for its values, and then gives them once.",
                         "Put `list(...)` around it, or build an array.")
    if isinstance(got, Opaque) and got.type_name == "detached":
        return detached()
    if isinstance(got, Opaque):
        return Diagnosis(f"returns an object of type {got.type_name}", "Numbers, arrays, lists or text are expected.",
                         "Convert the result before you return it.")
    return None


def a_list() -> Diagnosis:
    return Diagnosis("a list came back", "It cannot be calculated with as an array or a tensor can, and one of these is due.",
                     "Which function makes an array or a tensor of a list?")


def none_inside() -> Diagnosis:
    return Diagnosis("None stands where a number is due", "None is no number: arithmetic with it fails somewhere else, later.",
                     "Which float says “not a number”?")


_LAZY = {"generator", "map", "filter", "zip", "enumerate", "reversed", "list_iterator", "dict_keys", "dict_values",
         "dict_items", "coroutine"}


def detached() -> Diagnosis:
    return Diagnosis("the result is detached from its inputs", "The numbers are there, but no gradient can flow back through them.",
                     "Look for `detach`, `no_grad`, `.data`, `.item()` or numpy on the way.")


def another_device(due: str, got: str) -> Diagnosis:
    return Diagnosis(f"the result is on {got}, and {due} is due", "Whoever calls has their own tensors there, and torch does not mix devices.",
                     "Follow the input: `x.device` says where new tensors belong, and `.to(x.device)` takes them there.")


def another_result() -> Diagnosis:
    return Diagnosis("the result depends on an earlier call", "The same call gave another result the second time.",
                     "What does the function remember: a global variable, a default argument that is a list, a random state?")


def draws_at_random(library: str) -> Diagnosis:
    return Diagnosis(f"the result is drawn from the global random state of {library}", "Every call gives another result.",
                     "Nothing here should be left to chance, or only through the seed that is given.")


def left_behind(what: str) -> Diagnosis:
    return Diagnosis(f"when it returns, {what}", "A setting of the whole program was changed and not put back.",
                     "Use a `with` block, which puts the setting back at its end.")


def shadowed(name: str, meaning: str) -> Diagnosis:
    if meaning == "Python's own":
        return Diagnosis(f"`{name}` no longer means Python's own function", f"A cell of this notebook has set `{name}` to something else.",
                         f"Choose another name there, and run `del {name}`.")
    return Diagnosis(f"`{name}` is no longer the module {meaning}", f"A cell of this notebook has set `{name}` to something else.",
                     f"Choose another name there, and run the cell that imports {meaning} again.")


def changed_argument(parameter: str) -> Diagnosis:
    return Diagnosis(f"changes its input `{parameter}` in place",
                     "The caller still holds it and will use it again, and now it is another.",
                     "Work on a copy, or use an operation that makes a new one.")


def moved_random_state(library: str) -> Diagnosis:
    return Diagnosis(f"moves the global random state of {library}",
                     "Whoever draws next, anywhere in the program, gets other numbers because of this call.",
                     "Draw from a generator of your own: `np.random.default_rng(seed)`.")
