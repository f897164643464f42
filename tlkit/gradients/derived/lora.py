"""A low-rank update beside a frozen linear layer (Hu et al. 2021, section 4.1).

Axes: B batch, I input features, O output features, R rank. G = dL/dY is given.
"""

import torch

from tlkit.gradients.derivation import Derivation, Line
from tlkit.gradients.proofs import Derivative, Fact, Point, derivative

BATCH, INPUTS, OUTPUTS, RANK = 5, 4, 3, 2


def _draw(generator: torch.Generator) -> Point:
    shapes = {"X": (BATCH, INPUTS), "W": (OUTPUTS, INPUTS), "A": (RANK, INPUTS), "B": (OUTPUTS, RANK), "G": (BATCH, OUTPUTS)}
    at = {name: torch.randn(shape, generator=generator, dtype=torch.float64) for name, shape in shapes.items()}
    return {**at, "c": torch.tensor(1.5, dtype=torch.float64), "H": at["X"] @ at["A"].T}


def _layer(at: Point) -> torch.Tensor:
    return at["X"] @ at["W"].T + at["c"] * at["X"] @ at["A"].T @ at["B"].T


def _above(at: Point) -> torch.Tensor:
    return (at["G"] * _layer(at)).sum()


def _merged(at: Point) -> torch.Tensor:
    return at["X"] @ (at["W"] + at["c"] * at["B"] @ at["A"]).T


def _from_narrow(at: Point) -> torch.Tensor:
    return (at["G"] * (at["X"] @ at["W"].T + at["c"] * at["H"] @ at["B"].T)).sum()


def _backward(seed: int, up_is_zero: bool) -> dict[str, torch.Tensor | None]:
    """What autograd leaves in .grad, with W frozen."""
    at = _draw(torch.Generator().manual_seed(seed))
    if up_is_zero:
        at["B"] = torch.zeros_like(at["B"])
    for name in ("A", "B"):
        at[name].requires_grad_()
    _above(at).backward()
    return {name: at[name].grad for name in ("A", "B", "W")}


def _only_b_moves_first(seed: int) -> str:
    found = _backward(seed, up_is_zero=True)
    if bool(found["A"].any()):
        return f"dL/dA is not zero: {found['A'].tolist()}"
    return "" if bool(found["B"].all()) else f"dL/dB has zeros: {found['B'].tolist()}"


def _w_gets_none(seed: int) -> str:
    found = _backward(seed, up_is_zero=False)["W"]
    return "" if found is None else f"W.grad is {found.tolist()}"


LORA = Derivation("lora", "A low-rank update (LoRA)", (
    Line(r"Y = X W^\top + c\,H B^\top,\quad H = X A^\top,\quad c = \frac{\alpha}{R}", "Y = X W^T + c H B^T, H = X A^T, c = alpha/R",
         "definition", "The frozen layer, plus a way around it through R numbers. (The merged weight W + c B A gives the same.)",
         _layer, _merged, ()),
    Line(r"\frac{\partial L}{\partial B} = c\,G^\top H", "dL/dB = c G^T H", "linear layer",
         "B is the weight of a linear layer whose input is H and whose output counts c times.",
         lambda at: at["c"] * at["G"].T @ (at["X"] @ at["A"].T), Derivative(_above, "B"),
         by=lambda layer: derivative("B")(lambda at: (at["G"] * layer(at)).sum())),
    Line(r"\frac{\partial L}{\partial H} = c\,G\,B", "dL/dH = c G B", "linear layer", "What comes back to the input of that layer.",
         lambda at: at["c"] * at["G"] @ at["B"], Derivative(_from_narrow, "H"), ()),
    Line(r"\frac{\partial L}{\partial A} = \left(\frac{\partial L}{\partial H}\right)^{\!\top} X = c\,B^\top G^\top X",
         "dL/dA = (dL/dH)^T X = c B^T G^T X", "chain rule", "A is the weight of the linear layer below, and H its output.",
         lambda at: at["c"] * at["B"].T @ at["G"].T @ at["X"], Derivative(_above, "A"), (3,),
         lambda narrow: lambda at: narrow(at).T @ at["X"]),
    Line(r"\frac{\partial L}{\partial X} = G\,W + c\,G\,B\,A", "dL/dX = G W + c G B A", "sum over paths",
         "The input feeds both ways, so what comes back is added: the frozen W passes gradients on.",
         lambda at: at["G"] @ at["W"] + at["c"] * at["G"] @ at["B"] @ at["A"], Derivative(_above, "X"), (1, 3),
         lambda layer, narrow: lambda at: at["G"] @ at["W"] + narrow(at) @ at["A"]),
    Line(r"B = 0:\quad \frac{\partial L}{\partial A} = 0,\quad \frac{\partial L}{\partial B} = c\,G^\top H \neq 0",
         "B = 0: dL/dA = 0, dL/dB = c G^T H is not 0", "insert the start", "LoRA starts with B = 0: the first step moves B alone. "
         "With A = 0 as well, neither would ever move.", None, Fact(_only_b_moves_first), ()),
    Line(r"\frac{\partial L}{\partial W}:\ \text{not computed}", "dL/dW: not computed", "frozen",
         "W does not require a gradient; after backward its .grad is None, and no memory was spent on it.", None, Fact(_w_gets_none), ()),
), {"X": "inputs (B, I)", "W": "frozen weights (O, I)", "A": "down (R, I)", "B": "up (O, R)", "c": "alpha / R", "G": "dL/dY (B, O)"}, _draw)

DERIVATIONS = (LORA,)
