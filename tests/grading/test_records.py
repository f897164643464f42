"""Bad records: `tlkit verify` (or the record itself) names record, field and reason."""

import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from tlkit import exercises
from tlkit.errors import TlkitError
from tlkit.exercises.record import Case, Choice, Exercise, Misconception, Question, Quiz
from tlkit.grading import trial
from tlkit.grading.known_answers import alternatives_of
from tlkit.grading.verify import main, verify

STUB = '''
# %% nbgrader={"grade": false, "grade_id": "97-halve", "locked": false, "schema_version": 3, "solution": true, "task": false}
def halve(values):
    ### BEGIN SOLUTION
    SOLUTION
    ### END SOLUTION
'''
ALTERNATIVES = "import numpy as np\ndef a(v): return v / 2\ndef b(v): return v * 0.5\ndef c(v): return [x / 2 for x in v]\n" \
               "ALTERNATIVES = {'97.halve': (a, b, c)}\n"


def halve(values):
    """Half of every value. values (N,), returns (N,)."""
    return values / 2


def _cases(rng):
    return [Case("halves", "two values", ((np.array([1.0, 4.0]),),)), Case("halves", "many", ((rng.normal(size=6),),))]


def _wrong(name, answer):
    return Misconception(name, "It happens.", "Look again.", answer)


FIELDS = dict(
    id="97.halve", title="halve", name="halve", parameters=("values",), points=2, minutes=1, difficulty="easy", hint="Divide.",
    reference="tests.grading.test_records:halve", cases=_cases,
    misconceptions=(
        _wrong("not halved", lambda v: v), _wrong("doubled", lambda v: v * 2), _wrong("squared", lambda v: v**2),
        _wrong("negative", lambda v: -v / 2), _wrong("one half subtracted", lambda v: v - 0.5),
    ),
)


@pytest.fixture
def examine(tmp_path, monkeypatch):
    """The faults of one record of unit 97, with its solution and alternatives in a folder."""
    unit = tmp_path / "97_bad"
    unit.mkdir()
    monkeypatch.setitem(sys.modules, "tests.grading.test_records", sys.modules[__name__])

    def faults(solution="return values / 2", alternatives=ALTERNATIVES, **changes):
        (unit / "97_bad.py").write_text(STUB.replace("    SOLUTION\n", f"    {solution}\n"))
        (unit / "alternatives.py").write_text(alternatives)
        record = Exercise(**{**FIELDS, **changes})
        monkeypatch.setitem(exercises._UNITS, "97", "unit_97_of_the_tests")
        monkeypatch.setitem(sys.modules, "unit_97_of_the_tests", SimpleNamespace(EXERCISES=(record,)))
        trial.forget()
        return verify(record, tmp_path)[1]

    yield faults
    trial.forget()


def test_a_good_record_has_no_fault(examine):
    assert examine() == []


def with_last(answer, name="odd"):
    return (*FIELDS["misconceptions"][:4], _wrong(name, answer))


FAULTS = {
    "an alternative that fails": (
        dict(alternatives=ALTERNATIVES.replace("v * 0.5", "v * 0.6")), "alternative `b` is refused: two values"),
    "too few alternatives": (dict(alternatives=ALTERNATIVES.replace("(a, b, c)", "(a, b)")), "alternatives: 2, at least 3 are due"),
    "too few misconceptions": (dict(misconceptions=FIELDS["misconceptions"][:4]), "field `misconceptions`: 4, at least 5 are due"),
    "a misconception that is right": (
        dict(misconceptions=with_last(lambda v: v * 0.5)), "misconception “odd” behaves like the reference on all cases"),
    "two misconceptions that behave alike": (
        dict(misconceptions=with_last(lambda v: v + v)), "misconceptions “doubled” and “odd” behave alike on all cases"),
    "a solution that is wrong": (dict(solution="return values"), "the solution in solutions/ is “not yet”"),
    "a stub that is not recognised": (dict(solution="return values / 2\n    ### END SOLUTION\n    return 0\n    ### BEGIN SOLUTION"),
                                      "the untouched stub is “not yet”"),
    "a case that the reference cannot do": (
        dict(cases=lambda rng: [Case("halves", "a word", (("word",),))]),
        "field `cases`: on “a word” the reference raises TypeError"),
    "a case that should be refused and is not": (
        dict(cases=lambda rng: [*_cases(rng), Case("bad", "zeros", ((np.zeros(2),),), raises="ValueError")]),
        "field `cases`: on “zeros” the reference returns a value, and the case has `raises='ValueError'`"),
    "a case group that an answer without a thought passes": (
        dict(cases=lambda rng: [*_cases(rng), Case("zero", "zeros", ((np.zeros(2),),))]),
        "an answer that returns its first argument earns"),
    "cases that raise": (dict(cases=lambda rng: 1 / 0), "field `cases`: with seed 0 they raise ZeroDivisionError"),
    "a tolerance that lets a mutant pass": (
        dict(reference="tests.grading.test_records:halve_loosely", rtol=0.05), "field `rtol`: 0.05 lets a mutant pass: "),
    "a mutant that survives": (
        dict(cases=lambda rng: [Case("halves", "zeros", ((np.zeros(2),),))]), "mutant survives: return values * 2"),
}


def halve_loosely(values):
    """Half of every value, and next to nothing. values (N,), returns (N,)."""
    return values / 2 + 1e-9 * values


@pytest.mark.parametrize("fault", FAULTS)
def test_every_fault_of_a_record_is_named(examine, fault):
    changes, words = FAULTS[fault]
    assert any(words in said for said in examine(**changes)), examine(**changes)


WRONG_FIELDS = {
    "no points": (dict(points=None), "field `points`: is None; a number above 0 is due"),
    "an odd id": (dict(id="halve"), "field `id`: must read like"),
    "an unknown kind": (dict(kind="essay"), "field `kind`: is 'essay'; one of function, class"),
    "an unknown difficulty": (dict(difficulty="brutal"), "field `difficulty`: is 'brutal'"),
    "a reference without its module": (dict(reference="halve"), "field `reference`: is 'halve'; \"module:function\" is due"),
    "cases that are a list": (dict(cases=[]), "field `cases`: must be a function of a random generator"),
    "a name that is none": (dict(name="1st"), "field `name`: is '1st'"),
    "parameters in one string": (dict(parameters="values"), "field `parameters`: is 'values'; a tuple of names is due"),
    "no hint": (dict(hint=" "), "field `hint`: is empty"),
    "a negative tolerance": (dict(rtol=-1), "field `rtol`: is -1"),
    "a tolerance that accepts everything": (dict(rtol=0.5), "field `rtol`: is 0.5"),
    "a misconception without a reason": (
        dict(misconceptions=(Misconception("odd", "", "Look.", abs),)), "field `misconceptions`: “odd” has no why"),
    "a misconception without an answer": (dict(misconceptions=(Misconception("odd", "So.", "Look."),)), "“odd” has no answer"),
    "a misconception that is a value": (
        dict(misconceptions=(Misconception("odd", "So.", "Look.", 3),)), "its answer must be a function or class"),
    "two misconceptions of one name": (dict(misconceptions=(FIELDS["misconceptions"][0],) * 2), "two of them are called “not halved”"),
    "an equivalent mutant without a reason": (dict(equivalent_mutants={"return v": ""}), "`return v` has no reason"),
    "a shortcut without its module": (dict(shortcuts=("halve",)), "field `shortcuts`: holds 'halve'"),
}


@pytest.mark.parametrize("fault", WRONG_FIELDS)
def test_a_wrong_field_names_record_field_and_reason(fault):
    changes, words = WRONG_FIELDS[fault]
    with pytest.raises(TlkitError) as raised:
        Exercise(**{**FIELDS, **changes})
    assert words in str(raised.value) and "exercise " in str(raised.value)


@pytest.mark.parametrize("field", ["title", "name", "points", "minutes", "difficulty", "reference", "hint"])
def test_a_missing_field_is_named(field):
    with pytest.raises(TlkitError, match=f"exercise '97.halve', field `{field}`: is missing"):
        Exercise(**{key: value for key, value in FIELDS.items() if key != field})


def question(*choices):
    return Quiz("97.quiz", "quiz", "answers", 1, 1, (Question("?", choices),))


def test_a_quiz_needs_one_right_choice_and_an_explanation_for_each():
    with pytest.raises(TlkitError, match="question 1 needs exactly one right choice and has 2"):
        question(Choice("a", "so", True), Choice("b", "so", True))
    with pytest.raises(TlkitError, match="question 1 has a choice without an explanation"):
        question(Choice("a", "so", True), Choice("b", ""))


def test_verify_reports_a_unit_that_cannot_be_read_and_goes_on(monkeypatch, capsys, tmp_path):
    class Broken:
        @property
        def EXERCISES(self):
            return (replace(Exercise(**FIELDS), points=0),)

    monkeypatch.setattr(exercises, "_UNITS", {"97": "unit_97_of_the_tests"})
    monkeypatch.setitem(sys.modules, "unit_97_of_the_tests", Broken())
    assert main(tmp_path / "out.json", tmp_path) == 1
    assert "unit 97: exercise '97.halve', field `points`: is 0; a number above 0 is due" in capsys.readouterr().out


def test_alternatives_of_a_unit_without_any_are_none(tmp_path):
    assert alternatives_of(Exercise(**FIELDS), Path(tmp_path)) == []


def test_a_mutant_that_is_listed_as_equivalent_must_be_accepted(examine):
    (fault,) = examine(equivalent_mutants={"return values * 2": "a reason"})
    assert fault.startswith("field `equivalent_mutants`: no accepted mutant reads like this") and "return values * 2" in fault
