"""Every kind of exercise passes the grader's own exam, and tells what its kind can get wrong."""

import linecache
import pickle
from dataclasses import fields, is_dataclass
from pathlib import Path

import numpy as np
import pytest

from tlkit.exercises import find_exercise
from tlkit.grading.check import verdict_on
from tlkit.grading.engine import judge
from tlkit.grading.known_answers import alternatives_of
from tlkit.grading.subject import LocalSubject
from tlkit.grading.trial import draw_cases, run_reference
from tlkit.grading.verdict import Outcome
from tlkit.grading.verify import verify

SOLUTIONS = Path(__file__).parent / "examples" / "solutions"
IDS = ["98.entropy", "98.low_rank", "98.epoch", "98.evaluate", "98.errors", "98.slope", "98.slopes", "98.plan", "98.curve"]


@pytest.mark.parametrize("exercise_id", IDS)
def test_the_example_of_every_kind_is_neither_fooled_nor_unfair(example_unit, exercise_id):
    row, faults = verify(find_exercise(exercise_id), SOLUTIONS)
    assert faults == []
    assert row["misconceptions"]["named"] == row["misconceptions"]["total"] >= 3
    assert row["alternatives"]["accepted"] == row["alternatives"]["total"] >= 1
    assert row["mutants"]["generated"] > 0 and row["mutants"]["survived"] == []
    assert set(row) == {"kind", "stub", "solution", "alternatives", "misconceptions", "mutants"}
    assert set(row["mutants"]) == {"generated", "refused", "equivalent", "survived"}


def test_all_kinds_have_an_example(example_unit):
    from tlkit.exercises.fields import KINDS

    assert {record.kind for record in example_unit.EXERCISES} == set(KINDS)


class Elsewhere:
    """A subject whose every question and answer crosses as bytes, as to another process."""

    is_ours = False

    def __init__(self, subject):
        self.subject = subject

    def _cross(self, name, *arguments):
        arguments = pickle.loads(pickle.dumps(arguments))
        return pickle.loads(pickle.dumps(getattr(self.subject, name)(*arguments)))

    def value(self):
        return self._cross("value")

    def source(self):
        return self._cross("source")

    def mentions(self):
        return self._cross("mentions")

    def surroundings(self):
        return self._cross("surroundings")

    def other_dice(self):
        return self.subject.other_dice()

    def observe(self, action, arguments, upstream=None):
        return self._cross("observe", action, arguments, upstream)


@pytest.mark.parametrize("exercise_id", IDS)
def test_an_answer_can_live_in_another_process(example_unit, exercise_id):
    exercise = find_exercise(exercise_id)
    right = alternatives_of(exercise, SOLUTIONS / "98_examples")[0]
    wrong = exercise.misconceptions[0]
    assert judge(exercise, Elsewhere(LocalSubject({exercise.name: right}, exercise.name))).outcome is Outcome.RIGHT
    verdict = judge(exercise, Elsewhere(LocalSubject({exercise.name: wrong.answer}, exercise.name)))
    assert (verdict.outcome, verdict.diagnosis.name) == (Outcome.NOT_YET, wrong.name)


def test_only_plain_data_crosses(example_unit):
    def plain(value):
        if isinstance(value, dict):
            return all(plain(key) and plain(item) for key, item in value.items())
        if isinstance(value, list | tuple):
            return all(map(plain, value))
        if is_dataclass(value):
            return all(plain(getattr(value, field.name)) for field in fields(value))
        return value is None or type(value) in (bool, int, float, str, np.ndarray)

    for exercise in example_unit.EXERCISES:
        for case in draw_cases(exercise, 0):
            result = run_reference(exercise, case)
            assert all(plain(observation) for observation in result.observations)


def told(exercise_id, name, source):
    filename = f"<kinds {hash(source)}>"
    linecache.cache[filename] = (1, None, source.splitlines(keepends=True), filename)
    namespace = {"__name__": "__main__"}
    exec(compile(source, filename, "exec"), namespace)
    return verdict_on(exercise_id, namespace)


LOOP = """
import torch
def train_epoch(model, batches, loss, optimizer):
    model.train()
    total = count = 0
    for inputs, labels in batches:
        {first}
        value = loss(model(inputs), labels)
        value.backward()
        {last}
        total += value.item() * len(labels) + {more}
        count += len(labels)
    return total / count
"""


@pytest.mark.parametrize(("changes", "name"), [
    (dict(first="pass"), "the gradients are never cleared: no `optimizer.zero_grad`"),
    (dict(last="pass", more="1e-3"), "no step is taken: no `optimizer.step`"),
    (dict(last="optimizer.step(); optimizer.step()"), "`optimizer.step` happens 4 times; twice is due"),
    (dict(first="optimizer.zero_grad(); model.eval()"), "the model is used in evaluation mode, gradients on"),
    (dict(first="optimizer.zero_grad(); optimizer.step()", last="pass"), "another order of calls"),
])
def test_a_loop_s_use_of_its_objects_is_explained(example_unit, changes, name):
    source = LOOP.format(**{"first": "optimizer.zero_grad()", "last": "optimizer.step()", "more": "0", **changes})
    verdict = told("98.epoch", "train_epoch", source + "\n")
    own = {m.name for m in example_unit.EPOCH.misconceptions}
    assert verdict.outcome is Outcome.NOT_YET
    assert verdict.diagnosis.name.startswith(name) or verdict.diagnosis.name in own


@pytest.mark.parametrize("harmless", ["model.train()", "model.eval(); model.train()", "model.state_dict()"])
def test_modes_set_once_more_than_needed_are_not_told_as_the_mistake(example_unit, harmless):
    verdict = told("98.epoch", "train_epoch", LOOP.format(first=f"optimizer.zero_grad(); {harmless}", last="optimizer.step()", more="1e-3") + "\n")
    assert verdict.outcome is Outcome.NOT_YET
    assert verdict.diagnosis is None or "happens" not in verdict.diagnosis.name and "order of calls" not in verdict.diagnosis.name


def test_a_mode_that_was_set_in_another_way_is_not_said_to_be_missing(example_unit):
    by_hand = "[setattr(part, 'training', True) for part in model.modules()]"
    source = LOOP.replace("model.train()", by_hand).format(first="optimizer.zero_grad()", last="optimizer.step()", more="1e-3")
    found = told("98.epoch", "train_epoch", source + "\n").diagnosis
    assert found is None or "mode" not in found.name


def test_each_entry_of_a_plan_has_a_diagnosis_of_its_own():
    ends = find_exercise("02.choose").load_reference()()
    ends["cultivar"]["outputs"], ends["findings"]["answer"], ends["tags"]["outputs"] = 4, "above 0.5", 5
    names = []
    for task in ("cultivar", "findings", "tags"):
        names.append(verdict_on("02.choose", {"ends": ends}).diagnosis.name)
        ends[task] = find_exercise("02.choose").load_reference()()[task]
    assert names == ["one output more than there are classes", "logits are cut at one half", "a tag for each type, and O"]
    assert verdict_on("02.choose", {"ends": ends}).outcome is Outcome.RIGHT


CLASS = """
import torch
from torch import nn
class LowRank(nn.Module):
    def __init__(self, base, rank, alpha):
        super().__init__()
        self.base = base.requires_grad_(False)
        self.{down} = nn.Parameter(torch.randn(rank, 3))
        self.up = nn.Parameter(torch.zeros(2, rank))
        self.factor = alpha / rank
        {more}
    def forward(self, x):
        return self.base(x) + self.factor * (x @ self.{down}.T @ {up}.T)
"""


@pytest.mark.parametrize(("changes", "name"), [
    (dict(down="A"), "there is no parameter or buffer `down`; there are: A, up"),
    (dict(up="self.up.detach()"), "`up` receives no gradient"),
    (dict(more="self.up = nn.Parameter(torch.zeros(rank, 2))"), "`up` has shape (1, 2), (2, 1) is due"),
    (dict(more="self.base.eval()"), "a part is in the wrong mode"),
    (dict(more="self.bias = nn.Parameter(torch.zeros(2))"), "what trains is not what should"),
])
def test_a_class_is_told_what_is_wrong_with_its_state_gradients_and_modes(example_unit, changes, name):
    source = CLASS.format(**{"down": "down", "up": "self.up", "more": "pass", **changes})
    verdict = told("98.low_rank", "LowRank", source)
    assert verdict.outcome is Outcome.NOT_YET and verdict.diagnosis.name.startswith(name)


def test_an_error_in_forward_is_told_with_its_line_in_the_answer(example_unit):
    source = CLASS.format(down="down", up="self.up", more="pass").replace("self.factor *", "self.nothing *")
    line = 1 + source.splitlines().index(next(text for text in source.splitlines() if "nothing" in text))
    assert f"in line {line} of its cell" in told("98.low_rank", "LowRank", source).diagnosis.name


def test_what_a_check_cannot_use_is_no_refusal_of_bad_input():
    from tlkit.grading.observation import UNUSABLE, Failure, Unusable

    class Misfit(KeyError, ValueError):
        pass

    assert [Failure.of(Unusable(kind, "")).type_name for kind in UNUSABLE] == list(UNUSABLE)
    assert {Failure.of(error).type_name for error in (Misfit(), ValueError(), UnicodeError())} == {"ValueError"}


@pytest.mark.parametrize(("exercise_id", "name", "value", "words"), [
    ("98.errors", "errors", "'0.15'", "a number is due: errors = ..."),
    ("98.errors", "errors", "lambda: 0.15", "a number is due"),
    ("98.plan", "plan", "print", "a plan or its settings are due"),
    ("98.low_rank", "LowRank", "3", "a class is due"),
    ("98.epoch", "train_epoch", "3", "a function is due: def train_epoch(model, batches, loss, optimizer): ..."),
])
def test_an_answer_of_another_sort_is_told_what_is_due(example_unit, exercise_id, name, value, words):
    verdict = told(exercise_id, name, f"{name} = {value}")
    assert (verdict.outcome, verdict.points) == (Outcome.NOT_YET, 0) and words in verdict.message


def test_a_figure_that_is_drawn_leaves_no_figure_open(example_unit):
    from matplotlib import pyplot

    before = pyplot.get_fignums()
    verdict = told("98.curve", "learning_curve", "import matplotlib.pyplot as plt\ndef learning_curve(labels, accuracy):\n"
                   "    plt.plot(labels, accuracy.mean(axis=1))\n    plt.xscale('log')")
    assert verdict.outcome is Outcome.NOT_YET and verdict.diagnosis.name == "the axes say nothing"
    assert pyplot.get_fignums() == before


def test_a_slice_of_a_recipes_model_runs_and_is_noted_as_part_of_the_whole():
    import torch

    from tlkit.exercises.recipe import model
    from tlkit.grading.recipes import Trace, build, look

    (made,), _ = build((model(("linear", 3, 4), ("tanh",), ("linear", 4, 2)),), Trace())
    inputs = torch.ones(2, 3)
    with torch.no_grad():
        assert torch.equal(made[2:](made[:2](inputs)), made(inputs))
    assert look(made)["forward"] == ["training mode, gradients off"]


def test_a_recipes_model_may_come_with_gradients_from_before():
    from tlkit.exercises.recipe import model
    from tlkit.grading.recipes import Trace, build

    (fresh,), _ = build((model(("linear", 3, 2)),), Trace())
    (used,), _ = build((model(("linear", 3, 2), gradient=float("inf")),), Trace())
    assert all(parameter.grad is None for parameter in fresh.parameters())
    assert all((parameter.grad == float("inf")).all() for parameter in used.parameters())
    assert all((one == other).all() for one, other in zip(fresh.parameters(), used.parameters()))


def test_a_recipes_layer_is_frozen_and_has_the_weights_of_its_seed():
    from torch import nn

    from tlkit.exercises.recipe import layer
    from tlkit.grading.recipes import Trace, build

    (one, other), _ = build((layer("conv2d", 2, 3, 3, seed=4, padding=1), layer("conv2d", 2, 3, 3, seed=4, scale=1.4, name="other")), Trace())
    assert isinstance(one, nn.Conv2d) and one.padding == (1, 1) and not any(parameter.requires_grad for parameter in one.parameters())
    assert (2 * one.weight == other.weight).all()
    (linear,), _ = build((layer("linear", 3, 2, bias=False),), Trace())
    assert linear.bias is None and linear.weight.shape == (2, 3)


def test_what_a_method_raises_can_be_looked_at_and_gone_on_from():
    from tlkit.exercises.recipe import attempt, construct
    from tlkit.grading.actions import use
    from tlkit.grading.recipes import Trace

    class Once:
        def __init__(self):
            self.times = 0

        def take(self):
            self.times += 1
            if self.times > 1:
                raise KeyError("taken")

    seen = use(Once, [construct(), attempt("take"), attempt("take")], Trace())
    assert seen == {"what `take` raises": "nothing", "what `take` raises (2)": "KeyError"}


def test_of_several_results_the_first_sends_its_gradient_back():
    import torch

    def pair(x, y):
        return 3 * x, y

    from tlkit.grading.encoding import encode

    given = tuple(encode(torch.ones(2, requires_grad=learns)) for learns in (True, False))
    found = LocalSubject.of(pair).observe("call", given, upstream=2.0).gradients
    assert found[0].data.tolist() == [6.0, 6.0] and found[1] is None
