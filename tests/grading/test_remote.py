"""An answer in another process is judged as one in the same process is, and what it sends back is looked at first."""

import json

import numpy as np
import pytest

from tests.grading.test_kinds import IDS, SOLUTIONS
from tlkit.exercises import exercises_of, find_exercise
from tlkit.grading.answering import Answering
from tlkit.grading.crossing import NotAllowed, Packer, Unpacker
from tlkit.grading.encoding import as_plain, encode
from tlkit.grading.engine import judge
from tlkit.grading.known_answers import alternatives_of
from tlkit.grading.observation import Array, Opaque
from tlkit.grading.reach import Forbidden
from tlkit.grading.remote import AnswerError, RemoteObject, RemoteSubject, fetched
from tlkit.grading.subject import LocalSubject


def asked(namespace):
    """Questions and answers as bytes, by way of JSON, as between two processes."""
    answering = Answering(namespace)

    def ask(about, numbers):
        content, numbers = answering.answer(json.loads(json.dumps(about)), bytes(numbers))
        return json.loads(json.dumps(content)), bytes(numbers)

    return ask


def verdicts(exercise, answer):
    namespace = {exercise.name: answer}
    forbidden = Forbidden((exercise.reference, *exercise.shortcuts), exercise.allowed)
    return (judge(exercise, LocalSubject(namespace, exercise.name, forbidden=forbidden), shrinks=False),
            judge(exercise, RemoteSubject(exercise, asked(namespace), []), shrinks=False))


@pytest.mark.parametrize("exercise_id", IDS)
def test_every_kind_of_exercise_gets_the_same_verdict_there(example_unit, exercise_id):
    exercise = find_exercise(exercise_id)
    answers = [*alternatives_of(exercise, SOLUTIONS / "98_examples"), *(wrong.answer for wrong in exercise.misconceptions)]
    for answer in answers:
        here, there = verdicts(exercise, answer)
        assert (here.outcome, here.points, here.groups, here.diagnosis, here.failing) == (
            there.outcome, there.points, there.groups, there.diagnosis, there.failing)


@pytest.mark.slow
def test_the_units_misconceptions_get_the_same_verdict_there():
    for exercise in exercises_of("01"):
        for wrong in getattr(exercise, "misconceptions", ()):
            here, there = verdicts(exercise, wrong.answer)
            assert (here.points, here.groups) == (there.points, there.groups), wrong.name


VALUES = [None, True, 3, -2.5, float("nan"), "text", [1, (2.0, None)], {"a": np.arange(6).reshape(2, 3), 3: [np.float32(1)]},
          np.array(True), np.zeros((0, 3)), np.array([1 + 2j]), ..., object(), print]


@pytest.mark.parametrize("value", VALUES, ids=lambda value: repr(value).split(" at 0x")[0])
def test_a_value_is_the_same_on_the_other_side(value):
    packer = Packer()
    content = json.loads(json.dumps(packer.pack(encode(value))))
    back = Unpacker(packer.numbers).unpack(content)
    assert repr(as_plain(back)) == repr(as_plain(encode(value)))


def nested(depth):
    return [nested(depth - 1)] if depth else 1


ARRAY = ["float64", [2], 0, "numpy", False, "float64", "cpu"]
REFUSED = {
    "object without a kind": {}, "two kinds": {"tuple": [], "dict": []}, "another kind": {"pickle": "x"},
    "a recipe": {"recipe": ["model", "m", 0, {"dict": []}]}, "a step": {"step": ["call", {"tuple": []}, {"dict": []}]},
    "too deep": nested(30), "too long": [0] * 10_001, "too many": [[0] * 5_000 for _ in range(50)],
    "numbers that are not there": {"array": [*ARRAY[:1], [3], *ARRAY[2:]]}, "negative start": {"array": [*ARRAY[:2], -8, *ARRAY[3:]]},
    "negative shape": {"array": ["float64", [-1], *ARRAY[2:]]}, "huge shape": {"array": ["float64", [10**6, 10**6], *ARRAY[2:]]},
    "objects in an array": {"array": ["object", [2], *ARRAY[2:]]}, "void": {"array": ["V8", [2], *ARRAY[2:]]},
    "a shape of truths": {"array": ["float64", [True], *ARRAY[2:]]}, "a key that is a list": {"dict": [[[1], 2]]},
    "a pair that is none": {"dict": [[1]]}, "an opaque that is none": {"opaque": "x"}, "a long text": "x" * 300_000,
    "a long name": {"opaque": ["n" * 300, False]},
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_is_no_value_does_not_cross(what):
    with pytest.raises(NotAllowed):
        Unpacker(b"\0" * 16).unpack(REFUSED[what])


def test_the_same_shape_with_its_numbers_does_cross():
    assert isinstance(Unpacker(b"\0" * 16).unpack({"array": ARRAY}), Array)


def test_names_of_types_lose_what_steers_a_terminal():
    assert Unpacker(b"").unpack({"opaque": ["a\x1b[2J\u202eb", False]}) == Opaque("a[2Jb")


class Net:
    """What a learner may write; torch is not needed to see how it is reached."""

    def __init__(self, width):
        self.width, self._hidden = width, 1

    def __call__(self, x):
        return x * self.width

    def state(self):
        return {"width": np.array([self.width])}

    def copy(self):
        return Net(self.width + 1)

    def fail(self):
        raise KeyError("nothing of that name")


def test_objects_are_reached_by_handles():
    ask = asked({"Net": Net, "number": 3})
    made = RemoteObject(ask, {"name": "Net"})(2)
    assert isinstance(made, RemoteObject) and made != made.copy()
    assert made.width == 2 and made.copy().width == 3
    np.testing.assert_array_equal(made(np.array([1.0, 2.0])), [2.0, 4.0])
    assert made.state()["width"][0] == 2
    assert fetched(ask, {"name": "number"}) == 3
    with pytest.raises(KeyError, match="nothing of that name"):
        made.fail()
    with pytest.raises(AttributeError):
        made._hidden
    with pytest.raises(AttributeError):
        made.width = 5
    with pytest.raises(NameError):
        fetched(ask, {"name": "nothing"})


@pytest.mark.parametrize("reply", [[], None, 5, {}, {"value": {"recipe": []}}, {"handle": "x"}, {"raised": 1}, {"gone": "it died"}])
def test_a_reply_that_is_none_is_an_error_and_nothing_else(reply):
    with pytest.raises(AnswerError):
        fetched(lambda about, numbers: (reply, b""), {"name": "f"})


def test_arrays_that_share_their_numbers_do_not_cross():
    """Some thousands of them would fit into a small reply, and fill the memory of the checks' side."""
    def array(start):
        return {"array": ["float64", [4], start, "numpy", False, "float64", "cpu"]}

    assert [list(made.data) for made in Unpacker(bytes(64)).unpack([array(0), array(32)])] == [[0] * 4] * 2
    with pytest.raises(NotAllowed, match="without its numbers"):
        Unpacker(bytes(64)).unpack([array(0), array(0), array(32)])
