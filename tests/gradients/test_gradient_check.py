"""gradient_check passes what is right, and says what is wrong, where, and why."""

import math

import pytest
import torch
from torch.nn import functional as F

from tlkit.errors import TlkitError
from tlkit.gradients import GradientMismatch, gradient_check, numerical_gradient
from tlkit.gradients import numeric

X = torch.tensor([[0.3, -1.2, 2.0], [0.7, 0.1, -0.4]], dtype=torch.float64)
W = torch.tensor([[1.0, 2.0, -1.0], [0.5, -0.3, 0.8]], dtype=torch.float64)


def mismatch(*arguments, **keywords) -> GradientMismatch:
    with pytest.raises(GradientMismatch) as raised:
        gradient_check(*arguments, **keywords)
    return raised.value


def test_a_right_gradient_passes_and_says_how_near_it_is():
    report = gradient_check(lambda x, w: torch.tanh(x @ w.T), {"x": X, "w": W})
    assert report.largest_error < 1e-12
    assert report.method == {"x": "complex step", "w": "complex step"}
    assert report.entries == 12
    assert "gradient check passed: 12 entries" in repr(report)


def test_where_no_complex_numbers_are_taken_differences_do():
    report = gradient_check(torch.relu, [X])
    assert report.method == {"argument 0": "central differences"} and report.largest_error < 1e-8


def test_a_complex_step_that_would_lie_is_not_believed():
    """Absolute values take complex numbers and are not analytic."""
    assert not torch.allclose(numeric.complex_step(_signed_square, [X], 0, torch.ones_like(X)), 2 * X.abs())
    assert gradient_check(_signed_square, [X]).method == {"argument 0": "central differences"}
    assert gradient_check(torch.abs, [X]).method == {"argument 0": "central differences"}


def _signed_square(x):
    return x * x.abs()


def test_integers_are_handed_on():
    report = gradient_check(lambda z, y: F.cross_entropy(z, y), {"z": X, "y": torch.tensor([2, 0])})
    assert list(report.worst) == ["z"]


def test_float32_passes_with_a_tolerance_of_its_own():
    assert gradient_check(F.softplus, [X.float()]).largest_error < 2e-3


def test_inputs_that_are_not_contiguous_are_no_trouble():
    gradient_check(lambda x: x.square() * W.T, [X.T])
    torch.testing.assert_close(numerical_gradient(lambda x, y: (x * y).square().sum(), X.T, W.T), 2 * X.T * W.T**2, rtol=1e-6, atol=1e-8)


def test_a_mismatch_names_argument_index_and_both_values():
    def wrong(x, w, upstream):
        into_w = upstream.T @ x
        into_w[1, 2] += 0.5
        return upstream @ w, into_w

    found = mismatch(F.linear, {"inputs": X, "weight": W}, wrong)
    assert (found.entry.argument, found.entry.index) == ("weight", (1, 2))
    assert found.entry.analytic - found.entry.numeric == pytest.approx(0.5)
    assert "the gradient of weight[1, 2]: analytic " in str(found)
    assert ", numeric " in str(found) and ", relative error " in str(found)


@pytest.mark.parametrize(("gradient", "reason"), [
    (lambda x, g: -2 * x * g, "the sign is flipped"),
    (lambda x, g: x * g, "a constant factor of 0.5"),
    (lambda x, g: 2 * x, "the upstream gradient is not multiplied in"),
    (lambda x, g: 0 * x, "zero everywhere"),
    (lambda x, g: 2 * x * g + 0.1, "the formula and the function differ"),
])
def test_a_wrong_formula_gets_its_likely_reason(gradient, reason):
    assert reason in mismatch(torch.square, [X], gradient).reason


def test_a_transposed_gradient_is_told():
    square = X[:, :2].contiguous()
    weights = torch.tensor([[1.0, 4.0], [-2.0, 3.0]], dtype=torch.float64)
    found = mismatch(lambda x: (x * weights).sum(), [square], lambda x, g: (g * weights).T)
    assert found.reason == "transposed"


def test_a_kink_is_told():
    found = mismatch(torch.relu, [torch.tensor([1.0, 0.0, -1.0], dtype=torch.float64)])
    assert found.entry.index == (1,) and found.reason.startswith("a kink")


def test_chance_is_told():
    assert "not deterministic" in mismatch(F.dropout, [X]).reason


def test_coarse_numbers_inside_are_told():
    assert "torch.float32 inside" in mismatch(lambda x: x.float() ** 2, [X]).reason


def test_float32_is_suspected_before_a_mistake():
    found = mismatch(lambda x: torch.sin(1e3 * x), [X.float()])
    assert found.reason == "float32 is too coarse for this function: in float64 the two agree"


def test_a_kink_is_told_in_float32_too():
    assert mismatch(torch.relu, [torch.tensor([1.0, 0.0, -1.0])]).reason.startswith("a kink")


def test_a_detached_input_is_told():
    assert "detach()" in mismatch(lambda x: x.detach() ** 2, [X]).reason
    assert "detach()" in mismatch(lambda x: x.detach() ** 2 + x, [X]).reason
    assert "no_grad" in mismatch(_under_no_grad, [X]).reason


def _under_no_grad(x):
    with torch.no_grad():
        return x**2


def test_nan_nearby_is_told():
    assert "nan or infinite" in mismatch(torch.log, [X]).reason


@pytest.mark.parametrize(("f", "inputs", "words"), [
    (torch.square, [X.half()], "too coarse"), (lambda y: y, [torch.tensor([1, 2])], "no floating-point input"),
    (lambda x: x[:0], [X], "no number"),
])
def test_what_cannot_be_checked_says_so(f, inputs, words):
    with pytest.raises(TlkitError, match=words):
        gradient_check(f, inputs)


def test_a_gradient_of_another_shape_is_refused():
    with pytest.raises(TlkitError, match=r"shape \(3, 2\), \(2, 3\) is due"):
        gradient_check(torch.square, [X], lambda x, g: (2 * x * g).T)


def test_numerical_gradient_is_the_central_difference_and_leaves_its_input():
    before = X.clone()
    found = numerical_gradient(lambda x, y: ((x - y) ** 3).sum(), X, W, step=0.1)
    torch.testing.assert_close(found, 3 * (X - W) ** 2 + 0.1**2, rtol=1e-10, atol=1e-10)
    assert torch.equal(X, before)
    assert numerical_gradient(lambda x, y: x.exp(), torch.tensor(0.5, dtype=torch.float64), None).item() == pytest.approx(math.exp(0.5))


def test_the_inputs_of_a_check_are_left_as_they_were():
    before = X.clone().requires_grad_()
    gradient_check(torch.square, [before])
    assert before.grad is None and torch.equal(before.detach(), X)
