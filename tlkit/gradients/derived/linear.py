"""The linear layer, index by index and as matrices.

Axes: B batch, I input features, O output features. G = dL/dY is given; L may be anything above.
"""

import torch
from torch.nn import functional

from tlkit.gradients.derivation import Derivation, Line
from tlkit.gradients.proofs import Derivative, Point

BATCH, INPUTS, OUTPUTS = 4, 3, 2


def _draw(generator: torch.Generator) -> Point:
    shapes = {"X": (BATCH, INPUTS), "W": (OUTPUTS, INPUTS), "b": (OUTPUTS,), "G": (BATCH, OUTPUTS)}
    return {name: torch.randn(shape, generator=generator, dtype=torch.float64) for name, shape in shapes.items()}


def layer(at: Point) -> torch.Tensor:
    return functional.linear(at["X"], at["W"], at["b"])


def above(at: Point) -> torch.Tensor:
    """A loss whose gradient by Y is G."""
    return (at["G"] * layer(at)).sum()


def _by_index(at: Point) -> torch.Tensor:
    return torch.stack([torch.stack([sum(at["X"][n, i] * at["W"][o, i] for i in range(INPUTS)) + at["b"][o] for o in range(OUTPUTS)])
                        for n in range(BATCH)])


def _through(by: str, output: str = "no"):
    """sum_no G_no dY_no/d(by)"""
    def chain(line):
        return lambda at: torch.tensordot(at["G"], Derivative(line, by)(at), dims=2)

    return chain


LINEAR = Derivation("linear", "A linear layer", (
    Line(r"Y_{no} = \sum_i X_{ni}\,W_{oi} + b_o", "Y_no = sum_i X_ni W_oi + b_o", "definition",
         "Row n is an example; the rows of W are the outputs.", _by_index, layer, ()),
    Line(r"\frac{\partial L}{\partial W_{oi}} = \sum_n\sum_{o'} G_{no'}\,\frac{\partial Y_{no'}}{\partial W_{oi}}",
         "dL/dW_oi = sum_n sum_o' G_no' dY_no'/dW_oi", "chain rule",
         "Every output of every example may depend on the weight: add up all paths.", _through("W")(_by_index), Derivative(above, "W"),
         by=_through("W")),
    Line(r"\frac{\partial L}{\partial W_{oi}} = \sum_n G_{no}\,X_{ni}", "dL/dW_oi = sum_n G_no X_ni", "derivative of a sum",
         "W_oi meets X_ni, and only in output o.", lambda at: torch.einsum("no,ni->oi", at["G"], at["X"]), Derivative(above, "W")),
    Line(r"\frac{\partial L}{\partial W} = G^\top X", "dL/dW = G^T X", "matrix product",
         "The sum over n is the inner one of a product; the shape is that of W.", lambda at: at["G"].T @ at["X"], Derivative(above, "W")),
    Line(r"\frac{\partial L}{\partial b} = \sum_n G_n", "dL/db = sum_n G_n", "chain rule",
         "The bias stands in every row, with factor 1: the batch is summed, not averaged.", lambda at: at["G"].sum(0),
         Derivative(above, "b"), (1,), _through("b")),
    Line(r"\frac{\partial L}{\partial X_{ni}} = \sum_o G_{no}\,W_{oi}", "dL/dX_ni = sum_o G_no W_oi", "chain rule",
         "X_ni feeds every output of its own example, and of no other.", lambda at: torch.einsum("no,oi->ni", at["G"], at["W"]),
         Derivative(above, "X"), (1,), _through("X")),
    Line(r"\frac{\partial L}{\partial X} = G\,W", "dL/dX = G W", "matrix product", "The way back uses the same weights, untransposed.",
         lambda at: at["G"] @ at["W"], Derivative(above, "X")),
), {"X": "inputs (B, I)", "W": "weights (O, I)", "b": "bias (O,)", "Y": "outputs (B, O)", "G": "dL/dY, what comes from above (B, O)"}, _draw)

DERIVATIONS = (LINEAR,)
