"""The judge on small exercises of its own, so that each claim stands by itself."""

import math
import time

import numpy as np
import pytest

from tlkit import exercises
from tlkit.exercises.record import Case, Exercise, Misconception
from tlkit.grading.card import as_html, as_text
from tlkit.grading.engine import Outcome, judge
from tlkit.grading.reach import Forbidden
from tlkit.grading.subject import LocalSubject


def mean_of_squares(values):
    return float(np.mean(np.square(values)))


def _cases(rng):
    return [
        Case("numbers", "two numbers", ((np.array([1.0, 3.0]),),)),
        Case("numbers", "many numbers", ((rng.normal(size=7),),)),
        Case("zeros", "only zeros", ((np.zeros(3),),)),
    ]


def _forgets_the_square(values):
    return float(np.mean(values))


TOY = Exercise(
    id="99.toy", title="a toy", name="mean_of_squares", parameters=("values",), points=4, minutes=1, difficulty="easy",
    reference="tests.grading.test_engine:mean_of_squares", cases=_cases, hint="Square, then average.",
    misconceptions=(Misconception("the square is forgotten", "It is easy to miss.", "Look again.", _forgets_the_square),),
)


def _sorted_cases(rng):
    return [Case("all", "three numbers", ((np.array([3.0, 1.0, 2.0]),),))]


def in_order(values):
    return np.sort(values)


IN_ORDER = Exercise(
    id="99.in_order", title="sort", name="in_order", parameters=("values",), points=1, minutes=1, difficulty="easy",
    reference="tests.grading.test_engine:in_order", cases=_sorted_cases, hint="Look.", misconceptions=(),
)


def first_positive(values):
    if not (values > 0).any():
        raise ValueError("nothing is positive")
    return float(values[values > 0][0])


def _refusing_cases(rng):
    return [
        Case("found", "one positive number", ((np.array([-1.0, 2.0]),),)),
        Case("refused", "no positive number", ((np.array([-1.0]),),), raises="ValueError"),
    ]


REFUSING = Exercise(
    id="99.refusing", title="first positive", name="first_positive", parameters=("values",), points=2, minutes=1,
    difficulty="easy", reference="tests.grading.test_engine:first_positive", cases=_refusing_cases, hint="Look.",
    misconceptions=(),
)


@pytest.fixture(autouse=True)
def toy_unit(monkeypatch):
    """A unit 99 that exists for these tests alone."""
    import sys
    from types import SimpleNamespace

    monkeypatch.setitem(exercises._UNITS, "99", "toy_unit_of_the_tests")
    monkeypatch.setitem(sys.modules, "toy_unit_of_the_tests", SimpleNamespace(EXERCISES=(TOY, IN_ORDER, REFUSING)))
    monkeypatch.setitem(sys.modules, "tests.grading.test_engine", sys.modules[__name__])


def verdict(exercise, answer, **options):
    forbidden = Forbidden((exercise.reference, *exercise.shortcuts), exercise.allowed)
    return judge(exercise, LocalSubject({exercise.name: answer}, exercise.name, forbidden=forbidden, **options))


def test_a_right_answer_earns_every_point():
    result = verdict(TOY, lambda values: sum(v * v for v in values) / len(values))
    assert (result.outcome, result.points) == (Outcome.RIGHT, 4)


def test_points_are_a_plain_float():
    assert type(verdict(TOY, lambda values: 0.0).points) is float


def test_a_wrong_answer_earns_the_groups_that_it_gets_right():
    result = verdict(TOY, lambda values: 0.0)
    assert (result.outcome, result.points) == (Outcome.NOT_YET, 2)
    assert result.groups == {"numbers": False, "zeros": True}


def test_the_smallest_failing_case_is_shown_with_both_sides():
    failing = verdict(TOY, lambda values: 0.0).failing
    assert failing.inputs == "values = [1.]"
    assert (failing.expected, failing.got) == ("1", "0")


def test_an_answer_that_behaves_like_a_misconception_gets_its_name():
    result = verdict(TOY, lambda values: values.sum() / values.size)
    assert result.diagnosis.name == "the square is forgotten"


def test_a_name_that_does_not_exist_is_not_attempted_and_says_so():
    result = judge(TOY, LocalSubject({}, "mean_of_squares"))
    assert result.outcome is Outcome.NOT_ATTEMPTED
    assert "`mean_of_squares` is not defined" in result.message


def test_the_untouched_stub_is_not_attempted():
    def mean_of_squares(values):
        """Docstring."""
        values = np.asarray(values)
        ...

    result = verdict(TOY, mean_of_squares)
    assert (result.outcome, result.points) == (Outcome.NOT_ATTEMPTED, 0)


def test_a_function_without_a_value_is_attempted():
    def mean_of_squares(values):
        np.mean(values)

    result = verdict(TOY, mean_of_squares)
    assert (result.outcome, result.diagnosis.name) == (Outcome.NOT_YET, "returns None")


def test_printing_instead_of_returning_is_named():
    result = verdict(TOY, lambda values: print(np.mean(values**2)))
    assert result.diagnosis.name == "prints instead of returning"


def test_something_else_than_a_function_is_told_what_is_due():
    assert "a function is due" in verdict(TOY, 3.0).message


@pytest.mark.parametrize(
    ("answer", "name"),
    [
        (lambda v: -mean_of_squares_again(v), "the sign is flipped"),
        (lambda v: 2 * mean_of_squares_again(v), "off by a constant factor: 2"),
        (lambda v: mean_of_squares_again(v) / 3, "off by a constant factor: 1/3"),
        (lambda v: mean_of_squares_again(v) / np.log(10), "another logarithm"),
        (lambda v: v**2, "the shape is"),
        (lambda v: mean_of_squares_again(v) + np.nan, "nan appears"),
        (lambda v: object(), "returns an object of type object"),
        (lambda v: undefined_name, "it raised NameError"),  # noqa: F821
        (lambda v: 1 / 0, "it raised ZeroDivisionError"),
    ],
)
def test_general_mistakes_are_named_in_every_exercise(answer, name):
    result = verdict(TOY, answer)
    assert result.outcome is Outcome.NOT_YET
    assert name in result.diagnosis.name


def test_an_answer_that_changes_its_input_is_refused():
    def answer(values):
        values.sort()
        return values

    result = verdict(IN_ORDER, answer)
    assert result.outcome is Outcome.NOT_YET
    assert result.diagnosis.name == "changes its input `values` in place"


def test_floats_where_integers_are_due_are_refused_and_numpy_scalars_are_fine():
    assert verdict(TOY, lambda v: np.float64(np.mean(v**2))).outcome is Outcome.RIGHT
    assert verdict(TOY, lambda v: np.array(np.mean(v**2))).outcome is Outcome.RIGHT


def test_an_answer_in_float32_is_accepted():
    assert verdict(TOY, lambda v: np.mean(v.astype(np.float32) ** 2)).outcome is Outcome.RIGHT


def test_a_torch_tensor_is_accepted():
    torch = pytest.importorskip("torch")
    assert verdict(TOY, lambda v: torch.as_tensor(v).square().mean()).outcome is Outcome.RIGHT


def test_an_object_that_equals_everything_is_refused():
    class Yes(float):
        def __eq__(self, other):
            return True

        __ne__ = __lt__ = __gt__ = lambda self, other: False

    assert verdict(TOY, lambda v: Yes(0.5)).outcome is Outcome.NOT_YET


def test_an_answer_that_never_ends_is_stopped():
    def answer(values):
        while True:
            try:
                time.sleep(0.01)
            except Exception:
                pass

    result = verdict(TOY, answer, seconds_per_call=0.2)
    assert result.outcome is Outcome.NOT_YET
    assert "had not finished after 0.2 s" in result.diagnosis.name


def test_exit_inside_an_answer_does_not_end_the_kernel():
    assert verdict(TOY, lambda v: exit()).outcome is Outcome.NOT_YET


def test_bad_input_must_be_refused_where_the_reference_refuses():
    careless = verdict(REFUSING, lambda v: float(v.max()))
    assert (careless.points, careless.diagnosis.name) == (1, "no ValueError for bad input")

    class Special(ValueError):
        pass

    def special(v):
        if not (v > 0).any():
            raise Special("own kind of ValueError")
        return v[v > 0][0]

    assert verdict(REFUSING, special).outcome is Outcome.RIGHT


def test_using_the_reference_itself_is_told_kindly_and_earns_nothing():
    def answer(values):
        return mean_of_squares(values)

    result = verdict(TOY, answer)
    assert (result.outcome, result.points) == (Outcome.NOT_YET, 0)
    assert "would be the whole answer" in result.message


def test_the_session_keeps_its_random_state_whatever_an_answer_does():
    np.random.seed(5)
    expected = np.random.RandomState(5).rand()

    def answer(values):
        np.random.seed(0)
        return mean_of_squares_again(values)

    verdict(TOY, answer)
    assert np.random.rand() == expected


def test_other_seeds_draw_other_cases_of_the_same_kinds():
    first, second = (TOY.cases(np.random.default_rng(seed)) for seed in (0, 1))
    assert [case.group for case in first] == [case.group for case in second]
    assert not np.array_equal(first[1].calls[0][0], second[1].calls[0][0])


def test_an_earlier_exercise_that_is_wrong_does_not_count_twice():
    namespace = {}
    exec("def helper(v):\n    return 0.0\n\ndef mean_of_squares(v):\n    return helper(v)\n", namespace)
    own = namespace["helper"]
    result = judge(TOY, LocalSubject(namespace, "mean_of_squares", given={"helper": lambda v: np.mean(v**2)}))
    assert result.outcome is Outcome.RIGHT
    assert namespace["helper"] is own


def test_the_card_escapes_what_learners_return():
    html = as_html(verdict(TOY, lambda v: "<script>alert(1)</script>"))
    assert "<script>" not in html
    assert "&lt;script&gt;" in html


def test_the_card_says_the_outcome_in_words():
    for answer, word in ((mean_of_squares_again, "right"), (lambda v: 0.0, "not yet")):
        assert word in as_text(verdict(TOY, answer)).splitlines()[0]
        assert word in as_html(verdict(TOY, answer))


def mean_of_squares_again(values):
    return math.fsum(v * v for v in values) / len(values)
