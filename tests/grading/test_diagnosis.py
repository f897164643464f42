"""The diagnoses that every exercise gets for nothing, each from an answer that makes the mistake."""

import linecache
import sys
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from tlkit import exercises
from tlkit.exercises.record import Case, Exercise
from tlkit.grading import trial
from tlkit.grading.check import verdict_on
from tlkit.grading.engine import judge
from tlkit.grading.subject import LocalSubject
from tlkit.grading.verdict import Outcome


def column_means(x):
    """Mean of every column. x (N, F), returns (F,)."""
    return x.mean(axis=0)


def mean_squared_error(prediction, target):
    """Mean over the examples. Both (N,), returns a float."""
    return float(np.mean((prediction - target) ** 2))


def probabilities(logits):
    """Softmax over the last axis. (N, C), returns (N, C)."""
    z = np.exp(logits - logits.max(axis=1, keepdims=True))
    return z / z.sum(axis=1, keepdims=True)


def running(x):
    """Running sums. (N,), returns (N,)."""
    return np.cumsum(x)


def entropy(p):
    """-sum p log p. (C,), returns a float."""
    return float(-np.sum(p * np.log(p)))


def deviation(x):
    """Standard deviation. (N,), returns a float."""
    return float(np.std(x))


def squares(x):
    """Squares, differentiable. (N,), returns (N,)."""
    return x**2


def both(x):
    """Values and squares. (N,), returns two (N,)."""
    return x, x**2


def multiples(x, times):
    """Values times a number. (N,), returns (N,)."""
    return times * x


def ranks(x):
    """The rank of every value, from 0. (N,), returns int (N,)."""
    return np.argsort(np.argsort(x))


def _arrays(*shapes, positive=False):
    def cases(rng):
        return [Case("all", f"case {i}", (tuple(np.abs(rng.normal(size=s)) + 0.1 if positive else rng.normal(size=s) for s in call),))
                for i, call in enumerate(shapes)]

    return cases


def _distributions(rng):
    return [Case("all", f"{n} classes", ((rng.dirichlet(np.ones(n)),),)) for n in (2, 5, 7)]


def _times(rng):
    return [Case("all", f"{n} values", ((rng.normal(size=n), round(float(rng.normal()), 2)),)) for n in (2, 5)]


def _differentiable(rng):
    return [Case("all", f"{n} values", ((torch.tensor(rng.normal(size=n), requires_grad=True),),), upstream=2.5) for n in (2, 5)]


def _record(function, cases, *parameters, **more):
    return Exercise(id=f"96.{function.__name__}", title="t", name=function.__name__, points=1, minutes=1, difficulty="easy",
                    reference=f"tests.grading.test_diagnosis:{function.__name__}", hint="h", parameters=parameters, cases=cases, **more)


RECORDS = (
    _record(column_means, _arrays(((4, 3),), ((6, 2),), ((5, 5),)), "x"),
    _record(mean_squared_error, _arrays(((4,), (4,)), ((6,), (6,)), ((3,), (3,))), "prediction", "target"),
    _record(probabilities, _arrays(((3, 4),), ((5, 3),)), "logits"),
    _record(running, _arrays(((4,),), ((6,),)), "x"),
    _record(entropy, _distributions, "p"),
    _record(deviation, _arrays(((4,),), ((6,),), ((9,),)), "x"),
    _record(squares, _differentiable, "x"),
    _record(ranks, _arrays(((4,),), ((6,),)), "x"),
    _record(both, _arrays(((2,),), ((3,),)), "x"),
    _record(multiples, _times, "x", "times"),
)


@pytest.fixture(autouse=True)
def unit(monkeypatch):
    monkeypatch.setitem(exercises._UNITS, "96", "unit_96_of_the_tests")
    monkeypatch.setitem(sys.modules, "unit_96_of_the_tests", SimpleNamespace(EXERCISES=RECORDS))
    monkeypatch.setitem(sys.modules, "tests.grading.test_diagnosis", sys.modules[__name__])


def verdict(name, source):
    source = f"import numpy as np\n{source}\n"
    filename = f"<diagnosis {hash(source)}>"
    linecache.cache[filename] = (1, None, source.splitlines(keepends=True), filename)
    namespace = {"__name__": "__main__"}
    exec(compile(source, filename, "exec"), namespace)
    return verdict_on(f"96.{name}", namespace)


MISTAKES = [
    ("column_means", "return x.mean(axis=1)", "it works along the other axis"),
    ("column_means", "return x.sum(axis=0)", "a sum where a mean is due"),
    ("column_means", "return x.mean(axis=0) / len(x)", "a mean where a sum is due"),
    ("column_means", "return x.mean(axis=0, keepdims=True)", "an axis of length 1 too many or too few"),
    ("column_means", "return x.mean()", "a mean too many"),
    ("column_means", "return x", "the mean is missing"),
    ("column_means", "return -2 * x.mean(axis=0)", "the sign is flipped and, besides, it is off by a constant factor: 2"),
    ("column_means", "return x.mean(axis=0) + 1", "off by a constant: +1"),
    ("column_means", "return x.mean(axis=0)[::-1]", "in reverse order"),
    ("column_means", "return np.abs(x.mean(axis=0))", "the sign is lost"),
    ("column_means", "return np.maximum(x.mean(axis=0), 0)", "negative values are cut off"),
    ("column_means", "return x.mean(axis=0)[1:]", "off by one"),
    ("column_means", "return np.sort(x.mean(axis=0))", "the right values in another order"),
    ("column_means", "return x.mean(axis=0).astype(int)", "the fractions are cut off"),
    ("column_means", "return np.round(x.mean(axis=0), 5)", "nearly right: off by at most"),
    ("column_means", "x -= x.mean(axis=0)\n    return x.mean(axis=0)", None),
    ("column_means", "m = x.mean(axis=0)\n    x -= m\n    return m", "changes its input `x` in place"),
    ("column_means", "return x.mean(axis=0) + np.random.normal()", "the result is drawn from the global random state of numpy"),
    ("column_means", "return x.mean(axis=0) / 0 * 0", "nan appears"),
    ("column_means", "return np.exp(1000 + x.mean(axis=0))", "inf appears"),
    ("column_means", "print(x.mean(axis=0))", "prints instead of returning"),
    ("column_means", "x.mean(axis=0)", "returns None"),
    ("column_means", "return means_of(x)", "`means_of` is not defined: it raised NameError in line 3 of its cell"),
    ("mean_squared_error", "return np.mean((prediction[:, None] - target) ** 2)", "broadcast by accident"),
    ("mean_squared_error", "return (prediction[:, None] - target) ** 2", "the shape is"),
    ("mean_squared_error", "return np.sum((prediction - target) ** 2)", "a sum where a mean is due"),
    ("mean_squared_error", "return np.sqrt(np.mean((prediction - target) ** 2))", "the square is missing"),
    ("mean_squared_error", "return 1 / np.mean((prediction - target) ** 2)", "upside down"),
    ("mean_squared_error", "return np.mean((prediction - target) ** 2) / 2", "off by a constant factor: 1/2"),
    ("probabilities", "return logits", "the softmax is missing"),
    ("probabilities", "p = np.exp(logits); p /= p.sum(1, keepdims=True); q = np.exp(p); return q / q.sum(1, keepdims=True)", "softmax twice"),
    ("probabilities", "p = np.exp(logits); return p / p.sum(0)", "it works along the other axis"),
    ("probabilities", "p = np.exp(logits); return (p / p.sum(1, keepdims=True)).T", "transposed"),
    ("probabilities", "p = np.exp(logits); return 1 - p / p.sum(1, keepdims=True)", "one minus what is due"),
    ("probabilities", "p = np.exp(logits); return (p / p.sum(1, keepdims=True)).tolist()", "a list came back"),
    ("running", "return np.concatenate([[0.0], np.cumsum(x)[:-1]])", "off by one along axis 0"),
    ("running", "return np.concatenate([[0.0], np.cumsum(x)])", "off by one"),
    ("entropy", "return -np.sum(p * np.log2(p))", "another logarithm"),
    ("entropy", "return -np.sum(p * np.log10(p))", "another logarithm"),
    ("entropy", "return np.exp(-np.sum(p * np.log(p)))", "an exponential too many"),
    ("entropy", "return np.sum(p * np.log(p))", "the sign is flipped"),
    ("deviation", "return np.var(x)", "the square root is missing"),
    ("squares", "return x.detach() ** 2", "the result is detached from its inputs"),
    ("squares", "return (x ** 2).numpy(force=True)", "the result is detached from its inputs"),
    ("squares", "return x.abs() * x.abs().detach()", "off by a constant factor: 1/2"),
    ("squares", "import torch\n    torch.set_grad_enabled(False)\n    torch.set_grad_enabled(True)\n    torch.set_default_dtype(torch.float64)\n    return x ** 2",
     "when it returns, torch's default number type is another"),
    ("ranks", "return np.argsort(np.argsort(x)).astype(float)", "right values in the wrong number type"),
    ("ranks", "return np.argsort(np.argsort(x)) + 1", "off by a constant: +1"),
]


@pytest.mark.parametrize(("name", "body", "diagnosis"), MISTAKES)
def test_a_mistake_is_named(name, body, diagnosis):
    parameters = ", ".join(exercises.find_exercise(f"96.{name}").parameters)
    result = verdict(name, f"def {name}({parameters}):\n    {body}")
    assert result.outcome is Outcome.NOT_YET and result.points < result.max_points
    if diagnosis is not None:
        assert diagnosis in result.diagnosis.name
        assert result.diagnosis.why and (result.diagnosis.hint or "raised" in diagnosis)


def test_a_result_that_depends_on_an_earlier_call_is_named():
    result = verdict("running", "seen = []\ndef running(x):\n    seen.append(1)\n    return np.cumsum(x) + (len(seen) > 2)")
    assert result.outcome is Outcome.NOT_YET
    assert result.diagnosis.name == "the result depends on an earlier call"


@pytest.mark.parametrize("refusal", ["if len(x) > 1:\n        raise ValueError('too long')", "assert len(x) < 2, 'too long'"])
def test_an_answer_that_refuses_good_input_is_sent_to_its_own_condition(refusal):
    result = verdict("running", f"def running(x):\n    {refusal}\n    return np.cumsum(x)")
    assert "too long" in result.diagnosis.name and "condition above" in result.diagnosis.hint
    from_a_library = verdict("running", "def running(x):\n    return np.cumsum(x) + np.array([1.0] * 99)")
    assert "condition above" not in from_a_library.diagnosis.hint


def test_one_case_that_looks_like_the_other_axis_does_not_outweigh_those_that_are_right():
    result = verdict_on("01.tuned_baseline", {"tuned_test_accuracy": lambda val, test: test[
        np.concatenate([val, test], axis=1).mean(axis=1).argmax()]})
    assert result.outcome is Outcome.NOT_YET
    assert result.diagnosis is None or "axis" not in result.diagnosis.name


class OnTheGraphicsCard(LocalSubject):
    """An answer that gives the right numbers from another device, as its observation tells on a machine that has one."""

    def observe(self, action, arguments, upstream=None):
        seen = super().observe(action, arguments, upstream)
        return replace(seen, value=replace(seen.value, device="cuda:0"))


def test_the_right_numbers_on_another_device_are_not_right_and_told_so():
    result = judge(exercises.find_exercise("96.squares"), OnTheGraphicsCard({"squares": lambda x: x * x}, "squares"))
    assert result.outcome is Outcome.NOT_YET
    assert result.diagnosis.name == "the result is on cuda:0, and cpu is due"
    assert (result.failing.expected, result.failing.got) == ("cpu", "cuda:0")


def test_another_number_of_arguments_says_how_it_is_called():
    result = verdict("mean_squared_error", "def mean_squared_error(prediction):\n    return 0.0")
    assert result.diagnosis.name == "another number of arguments"
    assert "def mean_squared_error(prediction, target):" in result.diagnosis.hint


def test_a_type_error_inside_the_answer_is_not_taken_for_one_at_its_door():
    result = verdict("running", "def helper(a, b): return a\ndef running(x):\n    return helper(x)")
    assert "in line 4 of its cell" in result.diagnosis.name


SHRUNK = [
    ("column_means", "return x.sum(axis=0)", "x = [[1.], [0.]] (shape (2, 1))"),
    ("mean_squared_error", "return -np.mean((prediction - target) ** 2)", "prediction = [0.], target = [1.]"),
    ("running", "return np.concatenate([[0.0], np.cumsum(x)])", "x = [0.]"),
    ("probabilities", "return logits", "logits = [[0., 0.]] (shape (1, 2))"),
]


@pytest.mark.parametrize(("name", "body", "inputs"), SHRUNK)
def test_the_failing_case_is_shrunk_until_it_fits_on_a_line(name, body, inputs):
    parameters = ", ".join(exercises.find_exercise(f"96.{name}").parameters)
    found = verdict(name, f"def {name}({parameters}):\n    {body}").failing
    assert len(found.inputs) <= len(inputs) + 12, found
    assert len(found.inputs) < 60


def test_a_case_says_that_it_was_made_smaller_and_a_shape_is_told_as_one():
    result = verdict("column_means", "def column_means(x):\n    return x.mean()")
    assert result.failing.what.endswith(" (made smaller)")
    assert result.failing.where == "the shape of the value"
    assert result.failing.expected.startswith("(") and result.failing.got.startswith("a single number, with ")


def test_yes_and_no_have_no_logarithm():
    from tlkit.grading import relations

    inputs = [(np.zeros(2),), (np.zeros(3),)]
    assert relations.compared([(False, True, 0), (True, False, 1)], inputs) is None
    assert relations.compared([(np.array([True, False]), np.array([False, True]), 0)], inputs) is None


def test_tiny_numbers_are_no_multiples_of_each_other_unless_they_are():
    from tlkit.grading import relations

    due = np.array([1e-9, 2e-9, 3e-9])
    assert relations.sign_or_factor([(due, np.array([2e-9, 3e-9, 1e-9]), 0)]) is None
    assert relations.sign_or_factor([(due, 2 * due, 0)]).name == "off by a constant factor: 2"


def test_two_sides_that_read_alike_say_what_sets_them_apart():
    from tlkit.grading.compare import both_in_words

    assert both_in_words(np.array([0.5, 0.25]), np.array([0.5, 0.25 + 3e-9])) == ("[0.5 , 0.25]", "[0.5 , 0.25] (off by up to 3e-09)")
    assert both_in_words(np.array([0.5]), [0.5]) == ("[0.5]", "[0.5] (a list)")
    assert both_in_words(3, 3.0) == ("3 (int)", "3 (float)")
    assert both_in_words(1.0, 2.0) == ("1", "2")


def test_all_results_that_are_due_are_shown_where_an_answer_stops():
    shown = verdict("both", "def both(x):\n    return x.nothing").failing
    assert shown.expected.startswith("[[") and shown.expected.count("]") == 3 and shown.got == "raises AttributeError"


def test_a_smaller_case_in_which_nothing_but_zeros_are_due_is_not_shown():
    assert verdict("multiples", "def multiples(x, times):\n    return x * times + times").failing.expected.strip("[]0., -")


def test_a_slow_answer_is_not_asked_again_to_shrink(monkeypatch):
    from tlkit.grading import shrink as module

    asked = []
    original = module._try
    monkeypatch.setattr(module, "_try", lambda *a: asked.append(1) or original(*a))
    from tlkit.grading.engine import judge
    from tlkit.grading.subject import LocalSubject
    import time

    def running(x):
        time.sleep(0.12)
        return x

    assert judge(RECORDS[3], LocalSubject({"running": running}, "running")).outcome is Outcome.NOT_YET
    assert asked == []


def test_a_record_can_keep_its_cases_as_they_are_or_shrink_them_its_own_way():
    from dataclasses import replace

    from tlkit.grading.engine import judge
    from tlkit.grading.subject import LocalSubject

    def wrong(record):
        return judge(record, LocalSubject({"running": lambda x: x * 0}, "running")).failing.inputs

    assert wrong(replace(RECORDS[3], shrinks=False)).count(",") == 3
    assert wrong(replace(RECORDS[3], shrinks=lambda call: [(np.array([7.0]), call[1])])) == "x = [7.]"
    trial.forget()


def test_a_single_row_says_nothing_about_a_shift_and_stops_nothing():
    from tlkit.grading import relations

    table = np.arange(12.0).reshape(4, 3) ** 1.5
    one, other = (table[:1], np.zeros((1, 3)), 0), (table, np.concatenate([np.zeros((1, 3)), table[:-1]]), 1)
    assert relations.compared([one, other], [(table[:1],), (table,)]).name.startswith("off by one along axis 0")
    assert relations.compared([one], [(table[:1],)]) is None
