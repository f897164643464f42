"""How a training loop used what it was given, compared with what is due: calls that are missing, modes, order."""

from typing import Any

from tlkit.grading.compare import first_difference
from tlkit.grading.trial import Trial
from tlkit.grading.verdict import Diagnosis

_MISSING = {
    "zero_grad": ("the gradients are never cleared", "Torch adds new gradients to old ones until somebody clears them.",
                  "What does `.grad` hold before the second batch?"),
    "step": ("no step is taken", "Gradients alone change nothing; somebody has to apply them.",
             "Which object changes the weights, and which of its methods?"),
    "train": ("the model is not put into training mode", "Dropout and BatchNorm behave as in evaluation until they are told.",
              "In which mode was the model left by whoever used it before?"),
    "eval": ("the model is not put into evaluation mode", "Dropout goes on dropping, and BatchNorm goes on learning.",
             "Which call tells the layers that this is no training?"),
    "load_state_dict": ("the best weights are not put back", "The loop ends some steps after its best moment.",
                        "Which weights does the model hold when the function returns?"),
    "state_dict": ("the weights are never kept", "What was not copied cannot be put back.",
                   "When should a copy of the weights be made?"),
    "call": ("it is never called", "It was handed over to be used.", "Where in the loop does it belong?"),
}


_MODES = {"train": "training mode", "eval": "evaluation mode"}


def compared(failing: Trial) -> Diagnosis | None:
    """The first difference in use between what is due and what the answer did, or None."""
    due = [entry for o in failing.due.observations for entry in o.trace]
    mine = [entry for o in failing.mine.observations for entry in o.trace]
    return _missing(due, mine) or _modes(due, mine) or _class_parts(failing) or _order(due, mine)


def _missing(due: list[str], mine: list[str]) -> Diagnosis | None:
    for entry in dict.fromkeys(due):
        owner, _, what = entry.partition(": ")
        cleared = what == "zero_grad" and any(other.endswith(": zero_grad") for other in mine)
        in_mode = what in _MODES and (_MODES[what] not in _used(due) or _MODES[what] in _used(mine))  # however it came to be
        if entry not in mine and what in _MISSING and not cleared and not in_mode:
            name, why, hint = _MISSING[what]
            return Diagnosis(f"{name}: no `{owner}.{what}`" if what != "call" else f"`{owner}` is never called", why, hint)
    return None


def _used(entries: list[str]) -> str:
    """How models were used, in one text."""
    return " ".join(entry.partition("forward, ")[2] for entry in entries)


def _modes(due: list[str], mine: list[str]) -> Diagnosis | None:
    used_due = {entry.partition("forward, ")[2] for entry in due if "forward, " in entry}
    used = {entry.partition("forward, ")[2] for entry in mine if "forward, " in entry}
    for mode in sorted(used - used_due):
        wanted = sorted(used_due)[0] if used_due else ""
        if "gradients on" in mode and all("gradients off" in other for other in used_due):
            return Diagnosis("gradients are recorded where nothing is trained",
                             "Every forward pass keeps its activations for a backward pass that never comes.",
                             "Which context tells torch not to record?")
        if "gradients off" in mode and all("gradients on" in other for other in used_due):
            return Diagnosis("gradients are switched off during training", "Without a recorded graph nothing flows back.",
                             "Which part of the loop may run without gradients?")
        return Diagnosis(f"the model is used in {mode}; {wanted} is due",
                         "Dropout and BatchNorm do different things in the two modes.",
                         "Follow `train()` and `eval()` through the function.")
    return None


def _order(due: list[str], mine: list[str]) -> Diagnosis | None:
    """Another number or order of the calls that do something; how often a mode is set or weights are looked at says nothing."""
    due, mine = ([entry for entry in entries if _acts(entry)] for entries in (due, mine))
    if sorted(due) == sorted(mine) or not due:
        pairs = [(d, m) for d, m in zip(due, mine) if d != m]
    else:
        counts = [(entry, due.count(entry), mine.count(entry)) for entry in dict.fromkeys((*due, *mine))
                  if due.count(entry) != mine.count(entry)]
        entry, wanted, found = counts[0]
        if entry.endswith(": call"):
            return Diagnosis(f"`{entry.removesuffix(': call')}` is called {_times(found)}; {_times(wanted)} is due",
                             "The loop ends later or sooner than it should, or one round holds more or less than it should.",
                             "Go through the rounds of the case that is shown: after which one should the loop end?")
        return Diagnosis(f"`{entry.replace(': ', '.', 1)}` happens {_times(found)}; {_times(wanted)} is due",
                         "A call stands inside a loop where it belongs outside, or the other way round.",
                         "Count with two batches what happens once a batch and what once an epoch.")
    if not pairs:
        return None
    return Diagnosis(f"another order of calls: `{pairs[0][1]}` where `{pairs[0][0]}` is due",
                     "The right calls in another order do something else.",
                     "Write down what one batch needs, in order, and compare.")


def _acts(entry: str) -> bool:
    return entry.rpartition(": ")[2] in ("call", "step", "zero_grad") or "forward, " in entry


def _times(count: int) -> str:
    return {0: "never", 1: "once", 2: "twice"}.get(count, f"{count} times")


_PARTS = {
    "what trains": ("what trains is not what should", "A parameter that should stay is free to move, or the other way round.",
                    "Look at `requires_grad` of every parameter."),
    "the modes": ("a part is in the wrong mode", "`train()` reaches every part of a module, also those that should stay as "
                  "they are.", "Which parts must not follow `train()`?"),
    "the state": ("parameters or buffers are not what they should be", "Something moved that should not have, or did not.",
                  "Compare the state before and after."),
}


def _class_parts(failing: Trial) -> Diagnosis | None:
    """What a class's uses show to differ beside its outputs; outputs are compared as numbers."""
    for due, mine in zip(failing.due.values, failing.mine.values):
        if not isinstance(due, dict) or not isinstance(mine, dict):
            continue
        for label, value in due.items():
            part = _PARTS.get(label.partition(" (")[0])
            if label in mine and first_difference(value, mine[label], 1e-5, 1e-8):
                return Diagnosis(*part) if part else _gradients(label, value, mine[label])
    return None


def _gradients(label: str, due: Any, mine: Any) -> Diagnosis | None:
    if label.partition(" (")[0] != "the gradients" or not isinstance(due, dict) or not isinstance(mine, dict):
        return None
    for name in due:
        if name in mine and due[name] is None and mine[name] is not None:
            return Diagnosis(f"`{name}` receives a gradient and should not", "Zeros are a gradient too, and an optimiser with "
                             "momentum or decay moves weights that have one.", "What keeps a parameter out of the graph?")
        if name in mine and due[name] is not None and mine[name] is None:
            return Diagnosis(f"`{name}` receives no gradient", "Something between it and the result cuts the graph.",
                             "Look for `detach`, `no_grad`, `.data`, `.item()` or numpy on the way.")
    return None
