"""Formulas are read through a whitelist, equal by value, and can neither run code nor hang the check."""

import math

import pytest
import sympy

from tlkit.errors import TlkitError
from tlkit.grading.check import verdict_on
from tlkit.grading.expressions import evaluate, parse


def value(text, **symbols):
    return evaluate(parse(text, tuple(symbols)), tuple(symbols.values()))


@pytest.mark.parametrize(("text", "expected"), [
    ("x + 2*y", 7.0), ("-x**2 / y", -1 / 3), ("exp(-x) + log(y)", math.exp(-1) + math.log(3)), ("sqrt(x + y)", 2.0),
    ("1/(1 + exp(-x))", 1 / (1 + math.exp(-1))), ("Abs(x - y)", 2.0), ("max(x, y) - min(x, y)", 2.0), ("pi*x", math.pi),
    ("x\n", 1.0), ("(x)", 1.0), ("ln(E)", 1.0), ("tanh(x)", math.tanh(1)), ("1e-3 * x", 1e-3),
])
def test_formulas_have_the_value_that_python_gives_them(text, expected):
    assert value(text, x=1.0, y=3.0) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("text", [
    "__import__('os').system('true')", "x.__class__", "open('f')", "[x]", "x if y else 1", "lambda: x", "x := 1", "f'{x}'",
    "x @ y", "x // y", "x % y", "x ^ y", "x == y", "x; y", "import os", "z", "exp", "exp(x, base=2)", "exp(*[x])", "'x'", "x(1)",
    "True", "None", "x[0]", "x = 1", "", "  ", "x +", "\x00", "1j", "eval('1')", "exp()", "log(x, y, x)",
])
def test_everything_else_is_refused_in_words(text):
    with pytest.raises(TlkitError):
        parse(text, ("x", "y"))


@pytest.mark.parametrize("text", [
    "9**9**9", "9**9**9**9", "(9**64)**64", "x**(9**9)", "10**100000", "1" * 900, "exp(exp(exp(exp(x + 99))))", "(" * 400 + "x" + ")" * 400,
    "x" + "+x" * 2000, "-" * 500 + "x", "sqrt(" * 60 + "x" + ")" * 60, "2**-9**9",
])
def test_formulas_that_would_take_for_ever_are_refused_or_bounded(text):
    try:
        found = value(text, x=1.0)
    except TlkitError:
        return
    assert isinstance(found, float)


def test_what_is_not_real_has_no_value():
    assert all(math.isnan(value(text, x=-2.0)) for text in ("sqrt(x)", "log(x)", "x**0.5", "1/(x + 2)", "exp(exp(99))"))
    assert value("sqrt(x**2)", x=-2.0) == 2.0


@pytest.mark.parametrize("answer", ["(p - y)*p*(1 - p)", "p*(p-y) - p**2*(p-y)", "-(y - p)*p + (y - p)*p**2"])
def test_any_form_of_the_right_value_is_right(example_unit, answer):
    assert verdict_on("98.slope", {"slope": answer}).outcome.value == "right"
    assert verdict_on("98.slope", {"slope": sympy.sympify(answer)}).outcome.value == "right"


def test_what_is_no_formula_says_why(example_unit):
    result = verdict_on("98.slope", {"slope": "(p - q)*p"})
    assert result.diagnosis.name == "the formula cannot be read"
    assert "`q` is not among the symbols p, y" in result.diagnosis.why
    assert "a formula in p, y is due" in verdict_on("98.slope", {"slope": lambda p, y: p}).message
    assert "to multiply, write `p*(...)`" in verdict_on("98.slope", {"slope": "p(1 - p)"}).diagnosis.why


def test_formulas_are_filled_in_one_by_one(example_unit):
    right = {"outer": "p - y", "inner": "p - p*p", "whole": sympy.sympify("p*(1 - p)*(p - y)")}
    assert verdict_on("98.slopes", {"steps": right}).outcome.value == "right"
    for begun in ({}, dict.fromkeys(right, ...)):
        assert verdict_on("98.slopes", {"steps": begun}).outcome.value == "not attempted"
    partly = verdict_on("98.slopes", {"steps": right | {"inner": ...}})
    assert (partly.outcome.value, partly.points) == ("not yet", 2.0)
    assert '`steps["inner"]` is still missing' in partly.diagnosis.why
    del right["whole"]
    missing = verdict_on("98.slopes", {"steps": right})
    assert (missing.points, missing.groups["the whole derivative"]) == (2.0, False)
    assert '`steps["whole"]` is still missing' in missing.diagnosis.why


def test_a_formula_among_others_that_cannot_be_read_costs_only_its_own_points(example_unit):
    broken = verdict_on("98.slopes", {"steps": {"outer": "p - y", "inner": "sigma(z)", "whole": "(p - y)*p*(1 - p)"}})
    assert broken.points == 2.0
    assert "`sigma` is not a function" in broken.diagnosis.why
    assert broken.failing.inputs.startswith('steps["inner"] at p = ')
    assert "a dict of formulas in p, y is due" in verdict_on("98.slopes", {"steps": "p - y"}).message


def test_what_is_no_text_among_formulas_is_told(example_unit):
    right = {"outer": "p - y", "inner": "p - p*p", "whole": "p*(1 - p)*(p - y)"}
    comma = verdict_on("98.slopes", {"steps": right | {"inner": ("p - p*p",)}})
    assert comma.points == 2.0 and "is a tuple; a comma in the brackets makes one" in comma.diagnosis.why
    function = verdict_on("98.slopes", {"steps": right | {"inner": lambda p, y: p - p * p}})
    assert "is an object of type function, and a formula in quotes is due" in function.diagnosis.why


def test_a_formula_with_a_flipped_sign_or_a_factor_is_told(example_unit):
    assert verdict_on("98.slope", {"slope": "2*(p - y)*p*(1 - p)"}).diagnosis.name == "off by a constant factor: 2"
