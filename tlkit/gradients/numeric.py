"""Derivatives by trying: central differences, and the complex step where a function takes complex numbers.

Axes: any shape.
"""

import warnings
from collections.abc import Callable

import torch

CENTRAL_STEP = 6e-6   # near the cube root of float64's precision, where truncation and rounding are equally small
COMPLEX_STEP = 1e-30  # nothing is subtracted, so the step can be as small as one likes


def numerical_gradient(f: Callable, x: torch.Tensor, y: torch.Tensor, step: float = CENTRAL_STEP) -> torch.Tensor:
    """Gradient of f(x, y) by x, from central differences:

        df/dx_i = (f(x + step * e_i, y) - f(x - step * e_i, y)) / (2 * step)

    Args:
        f: takes x and y and returns one number.
        x: of any shape; it is left as it is.
        y: a second argument that is held fixed, such as targets.
    Returns:
        A tensor of x's shape.
    """
    gradient = torch.empty_like(x).flatten()
    with torch.no_grad():
        for place in range(x.numel()):
            move = torch.zeros_like(gradient)
            move[place] = step
            gradient[place] = (f(x + move.view(x.shape), y) - f(x - move.view(x.shape), y)) / (2 * step)
    return gradient.view(x.shape)


def differences(f: Callable[..., torch.Tensor], inputs: list[torch.Tensor], argument: int, upstream: torch.Tensor,
                relative_step: float = CENTRAL_STEP) -> torch.Tensor:
    """Gradient of sum(upstream * f(*inputs)) by one of the inputs, from central differences.

    The step is relative_step * max(1, |x_i|), as far as it can be written in the input's dtype.

    Returns:
        A tensor of that input's shape.
    """
    x = inputs[argument].detach()
    gradient = torch.zeros(x.shape, dtype=x.dtype)
    for place in range(x.numel()):
        width = relative_step * max(1.0, abs(float(x.reshape(-1)[place])))
        ends = [_moved(f, inputs, argument, place, direction, upstream) for direction in (width, -width)]
        gradient.view(-1)[place] = (ends[0][0] - ends[1][0]) / (ends[0][1] - ends[1][1])
    return gradient


def one_sided(f: Callable[..., torch.Tensor], inputs: list[torch.Tensor], argument: int, place: int, upstream: torch.Tensor,
              relative_step: float) -> tuple[float, float]:
    """Slopes to the right and to the left of one entry; at a kink they differ, however small the step."""
    middle, at = _moved(f, inputs, argument, place, 0.0, upstream)
    width = relative_step * max(1.0, abs(at))
    slopes = []
    for direction in (width, -width):
        value, moved = _moved(f, inputs, argument, place, direction, upstream)
        slopes.append((value - middle) / (moved - at))
    return slopes[0], slopes[1]


def complex_step(f: Callable[..., torch.Tensor], inputs: list[torch.Tensor], argument: int, upstream: torch.Tensor) -> torch.Tensor | None:
    """The same gradient from a step along the imaginary axis (Squire and Trapp 1998), exact to rounding:

        df/dx_i = Im f(x + i h e_i) / h

    Returns:
        A tensor of that input's shape; None where f does not take complex numbers. Where f is not analytic (it takes
        absolute values, say) the result is wrong without a word: compare it with central differences.
    """
    inputs = [tensor.to(torch.complex128) if tensor.is_floating_point() else tensor for tensor in inputs]
    x = inputs[argument].detach()
    gradient = torch.zeros(x.shape, dtype=torch.float64)
    try:
        with torch.no_grad(), warnings.catch_warnings(action="ignore"):
            for place in range(x.numel()):
                moved = x.clone(memory_format=torch.contiguous_format)
                moved.view(-1)[place] += 1j * COMPLEX_STEP
                output = f(*[moved if i == argument else tensor for i, tensor in enumerate(inputs)])
                if not output.is_complex():
                    return None
                gradient.view(-1)[place] = float((upstream * output.imag).sum()) / COMPLEX_STEP
    except (RuntimeError, NotImplementedError, TypeError, ValueError):
        return None
    return gradient


def _moved(f: Callable[..., torch.Tensor], inputs: list[torch.Tensor], argument: int, place: int, by: float,
           upstream: torch.Tensor) -> tuple[float, float]:
    """sum(upstream * f) with one entry moved, and where that entry came to lie."""
    moved = inputs[argument].detach().clone(memory_format=torch.contiguous_format)
    moved.view(-1)[place] += by
    with torch.no_grad():
        output = f(*[moved if i == argument else tensor for i, tensor in enumerate(inputs)])
    return float((upstream.double() * output.double()).sum()), float(moved.view(-1)[place])
