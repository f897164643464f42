"""Is a gradient right? `gradient_check` compares it with derivatives by trying, and says what is wrong where it is not."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch

from tlkit.errors import TlkitError
from tlkit.gradients import numeric

_TOLERANCE = {torch.float64: 1e-6, torch.float32: 2e-3}
_STEP = {torch.float64: numeric.CENTRAL_STEP, torch.float32: 5e-3}


@dataclass(frozen=True)
class Entry:
    """One entry of one gradient, twice.

    Args:
        argument: the input by which is differentiated.
        index: the entry.
        analytic: what backpropagation or the closed form says.
        numeric: what trying says.
        relative_error: |analytic - numeric| / max |numeric| of that argument's gradient.
    """

    argument: str
    index: tuple[int, ...]
    analytic: float
    numeric: float
    relative_error: float

    def __str__(self) -> str:
        place = f"[{', '.join(map(str, self.index))}]" if self.index else ""
        return (f"{self.argument}{place}: analytic {self.analytic:.6g}, numeric {self.numeric:.6g}, "
                f"relative error {self.relative_error:.2g}")


@dataclass(frozen=True)
class GradientReport:
    """A gradient check that passed.

    Args:
        worst: the entry with the largest relative error, by argument.
        method: how each argument's numeric gradient was found, "complex step" or "central differences".
        entries: how many entries were compared.
    """

    worst: dict[str, Entry]
    method: dict[str, str]
    entries: int

    @property
    def largest_error(self) -> float:
        return max(entry.relative_error for entry in self.worst.values())

    def __repr__(self) -> str:
        lines = [f"gradient check passed: {self.entries} entries, largest relative error {self.largest_error:.2g}"]
        return "\n".join(lines + [f"  {entry} ({self.method[name]})" for name, entry in self.worst.items()])


class GradientMismatch(TlkitError):
    """A gradient check that failed: `entry` is the worst entry, `reason` the likely reason in words."""

    def __init__(self, entry: Entry, reason: str):
        super().__init__(f"the gradient of {entry}. Likely reason: {reason}")
        self.entry = entry
        self.reason = reason


def gradient_check(
    f: Callable[..., torch.Tensor], inputs: Sequence[torch.Tensor] | Mapping[str, torch.Tensor],
    gradients: Callable[..., Sequence[torch.Tensor]] | None = None, *, tolerance: float | None = None, seed: int = 0,
) -> GradientReport:
    """Compare gradients with derivatives by trying, for every entry of every floating-point input.

    f's output is multiplied by a random upstream gradient and summed, so that a wrong transpose or a missing upstream
    shows. Derivatives come from the complex step where f takes complex numbers (and central differences agree), else from
    central differences.

    Args:
        f: takes the inputs by position and returns a tensor of any shape.
        inputs: tensors, or tensors by name; those of integers and bools are handed on and not differentiated.
        gradients: (*inputs, upstream) -> one gradient for each floating-point input (a tensor where there is one);
            None takes autograd's.
        tolerance: the largest relative error that passes; 1e-6 for float64, 2e-3 for float32.
        seed: of the upstream gradient.
    Returns:
        The figures, where every entry agrees.
    Raises:
        GradientMismatch: an entry that does not, with argument, index, both values and a likely reason.
        TlkitError: no floating-point input, or an output without a number.
    """
    names, tensors = _named(inputs)
    wanted = [i for i, tensor in enumerate(tensors) if tensor.is_floating_point()]
    if not wanted:
        raise TlkitError("there is no floating-point input to differentiate by")
    coarse = min((tensors[i].dtype for i in wanted), key=lambda dtype: torch.finfo(dtype).bits)
    if coarse not in _TOLERANCE:
        raise TlkitError(f"inputs of type {coarse} are too coarse for differences; use torch.float64 (or float32)")
    tolerance = _TOLERANCE[coarse] if tolerance is None else tolerance
    leaves = [tensor.detach().clone().requires_grad_(i in wanted) for i, tensor in enumerate(tensors)]
    output = f(*leaves)
    if output.numel() == 0:
        raise TlkitError(f"the function returned no number (shape {tuple(output.shape)})")
    upstream = torch.randn(output.shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).to(output.dtype)
    analytic = _analytic(output, leaves, wanted, gradients, upstream)
    held = [leaf.detach() for leaf in leaves]
    worst, method = {}, {}
    for i, found in zip(wanted, analytic, strict=True):
        if found is not None and found.shape != held[i].shape:
            raise TlkitError(f"the gradient of {names[i]} has shape {tuple(found.shape)}, {tuple(held[i].shape)} is due")
        tried, method[names[i]] = _numeric(f, held, i, upstream, _STEP[coarse])
        worst[names[i]] = _worst(names[i], found, tried)
        if not worst[names[i]].relative_error <= tolerance:
            reason = _reason(f, held, i, upstream, found, tried, worst[names[i]], _STEP[coarse], output, gradients is None)
            raise GradientMismatch(worst[names[i]], reason)
    return GradientReport(worst, method, sum(held[i].numel() for i in wanted))


def _named(inputs: Sequence[torch.Tensor] | Mapping[str, torch.Tensor] | torch.Tensor) -> tuple[list[str], list[torch.Tensor]]:
    if isinstance(inputs, torch.Tensor):
        inputs = (inputs,)
    if isinstance(inputs, Mapping):
        return list(inputs), list(inputs.values())
    return [f"argument {i}" for i in range(len(inputs))], list(inputs)


def _analytic(output: torch.Tensor, leaves: list[torch.Tensor], wanted: list[int], gradients: Callable | None,
              upstream: torch.Tensor) -> list[torch.Tensor | None]:
    if gradients is not None:
        found = gradients(*[leaf.detach() for leaf in leaves], upstream)
        return [found] if isinstance(found, torch.Tensor) else list(found)
    if not output.requires_grad:
        return [None] * len(wanted)
    return list(torch.autograd.grad(output, [leaves[i] for i in wanted], upstream, allow_unused=True))


def _numeric(f: Callable, held: list[torch.Tensor], i: int, upstream: torch.Tensor, step: float) -> tuple[torch.Tensor, str]:
    tried = numeric.differences(f, held, i, upstream, step).double()
    if held[i].dtype == torch.float64 and bool(torch.isfinite(tried).all()):
        exact = numeric.complex_step(f, held, i, upstream)
        if exact is not None and torch.allclose(exact, tried, rtol=1e-5, atol=1e-5 * float(tried.abs().max()) + 1e-9):
            return exact, "complex step"
    return tried, "central differences"


def _worst(name: str, found: torch.Tensor | None, tried: torch.Tensor) -> Entry:
    found = torch.zeros_like(tried) if found is None else found.detach().double()
    scale = float(torch.maximum(tried.abs().max(), found.abs().max()).clamp(min=1e-12))
    errors = ((found - tried).abs() / scale).nan_to_num(nan=float("inf"))
    place = int(errors.argmax())
    index = tuple(int(k) for k in torch.unravel_index(torch.tensor(place), errors.shape))
    return Entry(name, index, float(found.reshape(-1)[place]), float(tried.reshape(-1)[place]), float(errors.reshape(-1)[place]))


def _reason(f: Callable, held: list[torch.Tensor], i: int, upstream: torch.Tensor, found: torch.Tensor | None,
            tried: torch.Tensor, entry: Entry, step: float, output: torch.Tensor, by_autograd: bool) -> str:
    """The likeliest reason, those that make the comparison itself worthless first."""
    with torch.no_grad():
        once, again = f(*held), f(*held)
    if not torch.equal(once.nan_to_num(), again.nan_to_num()):
        return "the function is not deterministic: the same inputs gave another output (dropout, random draws); fix the seed inside it"
    if not bool(torch.isfinite(tried).all()):
        return "the function is nan or infinite close to this point"
    if found is None:
        return "the output does not depend on this input through autograd: look for detach(), no_grad(), .item() or a new tensor"
    if held[i].dtype == torch.float64 and output.dtype != torch.float64:
        return f"the function computes in {output.dtype} inside, too coarse for differences; keep float64 all the way"
    if held[i].dtype == torch.float32:
        fine = [tensor.double() if tensor.is_floating_point() else tensor for tensor in held]
        try:
            with torch.no_grad():
                f(*fine)
        except RuntimeError:  # parameters of its own, in float32
            return "float32 is coarse: try again with the whole function in float64 before looking for a mistake"
        held, upstream, step = fine, upstream.double(), numeric.CENTRAL_STEP
        tried, _ = _numeric(f, held, i, upstream, step)
        if _close(found.detach().double(), tried):
            return "float32 is too coarse for this function: in float64 the two agree"
    place = int(torch.arange(tried.numel()).view(tried.shape)[entry.index])
    if _is_kink(f, held, i, place, upstream, step):
        right, left = numeric.one_sided(f, held, i, place, upstream, step)
        return (f"a kink: the slope is {right + 0.0:.4g} to the right and {left + 0.0:.4g} to the left (ReLU, absolute value, maximum at a tie); "
                "move the input away from it")
    without, _ = _numeric(f, held, i, torch.ones_like(upstream), step)
    if upstream.numel() > 1 and _close(found.detach().double(), without):
        return "the upstream gradient is not multiplied in: this is the gradient of the plain sum of the outputs"
    return _relation(found.detach().double(), tried, by_autograd)


def _is_kink(f: Callable, held: list[torch.Tensor], i: int, place: int, upstream: torch.Tensor, step: float) -> bool:
    """Whether the slopes to both sides differ, and go on to differ where the step becomes smaller."""
    for width in (step, step / 100):
        right, left = numeric.one_sided(f, held, i, place, upstream, width)
        if abs(right - left) <= 0.1 * max(abs(right), abs(left), 1e-12):
            return False
    return True


def _close(a: torch.Tensor, b: torch.Tensor) -> bool:
    return a.shape == b.shape and torch.allclose(a, b, rtol=1e-3, atol=1e-4 * float(b.abs().max()))


def _relation(found: torch.Tensor, tried: torch.Tensor, by_autograd: bool) -> str:
    """What relates the two gradients, where nothing is wrong with the comparison."""
    if not bool(found.any()):
        return "the analytic gradient is zero everywhere: the input was detached, or its gradient was never added up"
    if _close(found, -tried):
        return "the sign is flipped"
    solid = tried.abs() > 1e-6 * tried.abs().max()
    factor = float((found[solid] / tried[solid]).median()) if bool(solid.any()) else 0.0
    if factor and found.numel() > 1 and _close(found, factor * tried):
        return f"a constant factor of {factor:.4g}: sum or mean, a 2 or a scale that is missing or stands twice"
    if found.ndim == 2 and found.shape[0] == found.shape[1] and _close(found, tried.T):
        return "transposed"
    return "the formula and the function differ" if not by_autograd else (
        "autograd and the function differ: a custom backward, an in-place change, or a part cut off by detach()")
