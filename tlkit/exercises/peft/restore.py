"""Exercise 09.restore: put a small artefact onto a model, and notice when it does not fit."""

import numpy as np
import torch

from tlkit.exercises.record import Case, Exercise, Misconception


def _restore_cases(rng: np.random.Generator) -> list[Case]:
    def tensor(*shape):
        return torch.tensor(np.round(rng.normal(size=shape), 2))

    shapes = {"backbone.fc.weight": (3, 2), "backbone.fc.down": (1, 2), "backbone.fc.up": (3, 1), "head.weight": (2, 3), "head.bias": (2,)}
    small = [name for name in shapes if name != "backbone.fc.weight"]

    def call(given=None, needed=tuple(small), more=None, **changes):
        artefact = {name: tensor(*shapes[name]) for name in (small if given is None else given)}
        artefact |= {name.replace("__", "."): values for name, values in changes.items()}
        return {name: tensor(*shape) for name, shape in shapes.items()} | (more or {}), artefact, list(needed)

    def whole(*numbers):
        return torch.tensor(numbers if len(numbers) > 1 else numbers[0])

    fits, odd, lacking, shaped = "what fits is put in", "a name that is not in the model", "a needed name that is missing", "another shape"
    head = ["head.weight", "head.bias"]
    return [
        Case(fits, "all that is needed", (call(),)),
        Case(fits, "a head alone, where no more is needed", (call(head, head),)),
        Case(fits, "more than is needed", (call(["backbone.fc.weight", *head], head),)),
        Case(fits, "nothing is needed", (call(head, []),)),
        Case(fits, "nothing is needed, and nothing is there", (call([], []),)),
        Case(fits, "a count of batches and an order of classes: whole numbers",
             (call(head, head, {"backbone.bn.num_batches_tracked": whole(0), "classes": whole(0, 1)}, backbone__bn__num_batches_tracked=whole(int(rng.integers(2, 90))), classes=whole(1, 0)),)),
        Case(fits, "in float32, where the model has float64", (call(head[:1], head[1:], head__bias=tensor(2).float()),)),
        Case(odd, "it fits", (call(["backbone.fc.up", *head], head),)),
        Case(odd, "a prefix too many", (call(head, head, model__head__bias=torch.zeros(2)),), raises="ValueError"),
        Case(odd, "a prefix is missing", (call(head, head, fc__down=tensor(1, 2)),), raises="ValueError"),
        Case(odd, "every name has a prefix, and nothing is needed", (call([], [], module__head__weight=tensor(2, 3)),), raises="ValueError"),
        Case(lacking, "it fits", (call(["backbone.fc.down", *head], head),)),
        Case(lacking, "no head", (call(["backbone.fc.down", "backbone.fc.up"]),), raises="ValueError"),
        Case(lacking, "one of two matrices", (call(["backbone.fc.down", *head]),), raises="ValueError"),
        Case(lacking, "as many names as are needed, and one of them another", (call(["backbone.fc.up", "head.bias"], head),), raises="ValueError"),
        Case(lacking, "an empty artefact", (call([], head),), raises="ValueError"),
        Case(shaped, "it fits", (call(head, head[:1]),)),
        Case(shaped, "a head of more classes", (call(head, head, head__weight=tensor(4, 3)),), raises="ValueError"),
        Case(shaped, "as many rows, and longer ones", (call(head, head, head__weight=tensor(2, 9)),), raises="ValueError"),
        Case(shaped, "one row, which could be broadcast", (call(head, head, head__weight=tensor(1, 3)),), raises="ValueError"),
        Case(shaped, "as many numbers in one axis, of a tensor that is not needed", (call(head, head[1:], head__weight=tensor(6)),), raises="ValueError"),
        Case(shaped, "turned round", (call(small, small, backbone__fc__down=tensor(2, 1)),), raises="ValueError"),
    ]


def _restored(odd=True, missing="all", shape="all", fills=lambda state, small: {**state, **small}):
    """Restoring, with one mistake."""

    def restore(state, small, needed):
        if odd and any(name not in state for name in small):
            raise ValueError("not expected")
        wanted = {"all": needed, "none": [], "state": state}[missing]
        if any(name not in small for name in wanted) or (missing == "first" and needed and needed[0] not in small):
            raise ValueError("missing")
        for name, values in small.items():
            if shape == "all" and name in state and values.shape != state[name].shape:
                raise ValueError("another shape")
            if callable(shape) and name in state and shape(values) != shape(state[name]):
                raise ValueError("another shape")
        return fills(state, small)

    return restore


def _skips_what_does_not_fit(state, small, needed):
    return {name: small[name] if name in small and small[name].shape == values.shape else values for name, values in state.items()}


def _lenient(state, small, needed):
    """As `load_state_dict(strict=False)` does it: only another shape is an error."""
    for name, values in small.items():
        if name in state and values.shape != state[name].shape:
            raise ValueError("another shape")
    return {name: small.get(name, values) for name, values in state.items()}


def _in_place(state, small, needed):
    _restored()(state, small, needed)
    state.update(small)
    return state


def _strict(state, small, needed):
    if set(small) != set(needed):
        raise ValueError("names differ")
    return _restored()(state, small, needed)


def _counts(state, small, needed):
    if len(small) < len(needed):
        raise ValueError("missing")
    return _restored()(state, small, [])


def _needed_alone(state, small, needed):
    return _restored(fills=lambda state, small: {**state, **{name: small[name] for name in needed}})(state, small, needed)


def _needed_shapes(state, small, needed):
    _restored()(state, {name: values for name, values in small.items() if name in needed or name not in state}, needed)
    return {**state, **small}


def _refuses_nothing_at_all(state, small, needed):
    if not small or not needed:
        raise ValueError("nothing")
    return _restored()(state, small, needed)


RESTORE = Exercise(
    id="09.restore",
    title="put onto a body, or refused",
    name="restore",
    parameters=("state", "small", "needed"),
    points=2,
    minutes=6,
    difficulty="easy",
    reference="tlkit.artefact:filled",
    cases=_restore_cases,
    hint="Three things can be wrong. Look for each of them before you put anything in.",
    shrinks=False,
    misconceptions=(
        Misconception("as strict=False does it", "`load_state_dict(..., strict=False)` passes over names that it does not know and names that are missing. If "
                      "all have a prefix too many, it loads nothing and raises nothing.", "What if not one name of the artefact is in the model?", _lenient),
        Misconception("whatever does not fit is left out", "The program goes on, with whatever the model had there before: a head as it was drawn.",
                      "Who would notice that half of the artefact was not loaded?", _skips_what_does_not_fit),
        Misconception("unknown names are passed over", "A name that the model does not have is a tensor that is not loaded.", "What does a prefix too many do?",
                      _restored(odd=False, fills=lambda state, small: {name: small.get(name, values) for name, values in state.items()})),
        Misconception("unknown names are taken in", "`{**state, **small}` makes room for any name, and the model does not have it.", "What does a prefix too many do?",
                      _restored(odd=False)),
        Misconception("missing names are not noticed", "What the artefact lacks stays as it was drawn.", "What is `needed` for?", _restored(missing="none")),
        Misconception("every name of the model is demanded", "The body's own weights are not in a small artefact; that is why it is small.",
                      "What is `needed` for?", _restored(missing="state")),
        Misconception("needed names are counted, not compared", "As many names as are needed can be the wrong ones.",
                      "What if one needed name is missing and another name is there?",
                      _counts),
        Misconception("nothing but what is needed is put in", "The artefact may hold more, and all of it belongs into its place.",
                      "Which of the artefact's tensors should the result have?",
                      _needed_alone),
        Misconception("only the first needed name is looked at", "One of two matrices is nothing.", "How many names does `needed` hold?",
                      lambda state, small, needed: _restored()(state, small, needed[:1])),
        Misconception("nothing but what is needed is accepted", "A tensor that the model has and that the artefact gives is put in, needed or not.",
                      "Where in the exercise are names refused that are in the model?", _strict),
        Misconception("shapes are not compared", "A dict takes anything. The error comes later, or, where shapes can be broadcast, never.",
                      "What if the artefact's head has more classes?", _restored(shape="none")),
        Misconception("only the number of numbers is compared", "(1, 2) and (2, 1) hold as many, in another order.", "What does `shape` say that `numel` does not?",
                      _restored(shape=torch.numel)),
        Misconception("only the number of axes is compared", "(4, 3) and (2, 3) have two each.", "What does `shape` say that `ndim` does not?", _restored(shape=torch.Tensor.dim)),
        Misconception("only the first axis is compared", "(2, 9) and (2, 3) have as many rows.",
                      "What does `shape` say that `len` does not?", _restored(shape=lambda values: values.shape[:1])),
        Misconception("the sizes are compared in any order", "(1, 2) and (2, 1) have the same sizes, for other axes.", "What does it mean for a matrix to be turned round?",
                      _restored(shape=lambda values: sorted(values.shape))),
        Misconception("only shapes of needed names are compared", "What is more than needed is put in too, and has to fit as well.",
                      "For which tensors does the exercise speak of shapes?",
                      _needed_shapes),
        Misconception("an empty `needed` or artefact is refused", "Where nothing is needed, nothing can be missing.", "Which three reasons for an error does the exercise give?",
                      _refuses_nothing_at_all),
        Misconception("the artefact alone is returned", "The body's own weights belong to the model too.", "How many tensors does the model have?",
                      _restored(fills=lambda state, small: dict(small))),
        Misconception("the model keeps its own values", "In `{**small, **state}` the second one wins where they share names, and all names are shared.", "Whose values should win?",
                      _restored(fills=lambda state, small: {**small, **state})),
        Misconception("changes what the caller gave", "That is what a model does; here the dicts are the caller's, who will use them again, and a new one is asked for.",
                      "What do `state` and `small` hold afterwards?", _in_place),
    ),
)
