"""Mutants: one change each, named, and none that is the function itself."""

from tlkit.grading.mutants import mutants_of


def scaled_sum(values, scale=2):
    """Docstring."""
    if len(values) == 0:
        raise ValueError(f"nothing to add to {scale + 1}")
    total = 0.0
    for value in values:
        total += value * scale
    return total - 1


def changes(**options):
    return {mutant.change: mutant.function for mutant in mutants_of(scaled_sum, **options)}


def test_operators_constants_and_statements_are_mutated():
    found = changes()
    assert found["total += value / scale"]([4.0]) == 1.0
    assert found["return total + 1"]([4.0]) == 9.0
    assert found["dropped: total += value * scale"]([4.0]) == -1.0


def test_guards_and_messages_are_left_alone_unless_asked_for():
    assert not any("len(values)" in change for change in changes())
    assert "if len(values) != 0:" in changes(with_guards=True)
    assert not any("scale + 2" in change or "scale - 1" in change for change in changes(with_guards=True))


def test_no_change_is_made_twice():
    sources = [mutant.function.__code__.co_code + repr(mutant.function.__code__.co_consts).encode()
               for mutant in mutants_of(scaled_sum)]
    assert len(sources) == len(set(sources))


def trained(model, x, y, loss):
    """Docstring."""
    with no_grad():  # noqa: F821
        start = model(x.detach(), flag=True)
    kept = [v for v in y if v > 0]
    return loss(start, kept, reduction="mean")


def test_contexts_keywords_arguments_conditions_and_calls_are_dropped():
    found = {mutant.change for mutant in mutants_of(trained)}
    assert "dropped: with no_grad():" in found
    assert "start = model(x, flag=True)" in found
    assert "start = model(x.detach())" in found and "start = model(x.detach(), flag=False)" in found
    assert "kept = [v for v in y]" in found and "kept = [v for v in y if v >= 0]" in found
    assert "return loss(start, kept, reduction='sum')" in found
    assert "return loss(kept, start, reduction='mean')" in found and "return loss(start, reduction='mean')" in found


class Scaled:
    """Docstring."""

    def __init__(self, factor):
        super().__init__()
        self.factor = factor + 1

    def __call__(self, value):
        return value * self.factor


def test_classes_are_mutated_too():
    found = {mutant.change: mutant.function for mutant in mutants_of(Scaled)}
    assert found["self.factor = factor - 1"](3)(2) == 4
    assert found["return value / self.factor"](3)(2) == 0.5
    assert "dropped: super().__init__()" in found


def bounded(values, low):
    """Docstring."""
    return max(values[0], low), difference(values[0], low), max(values, low, 0)  # noqa: F821


def test_arguments_whose_order_does_not_matter_are_not_exchanged():
    found = {mutant.change for mutant in mutants_of(bounded)}
    assert not any("max(low, values[0])" in change for change in found)
    assert any("difference(low, values[0])" in change for change in found)
    assert any("max(low, values, 0)" in change for change in found)
