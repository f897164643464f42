"""Scaled dot-product attention (Vaswani et al. 2017, section 3.2.1).

Axes: T queries, S places attended to, D features of queries and keys, E features of values. G = dL/dO is given.
"""

import torch
from torch.nn import functional

from tlkit.gradients.derivation import Derivation, Line
from tlkit.gradients.proofs import Derivative, Point

T, S, D, E = 3, 4, 2, 5


def _draw(generator: torch.Generator) -> Point:
    shapes = {"Q": (T, D), "K": (S, D), "V": (S, E), "G": (T, E)}
    at = {name: torch.randn(shape, generator=generator, dtype=torch.float64) for name, shape in shapes.items()}
    return {**at, "scores": _scores(at), "row": _scores(at)[0], "A": _weights(at)}


def _scores(at: Point) -> torch.Tensor:
    return at["Q"] @ at["K"].T / D**0.5                                    # (T, S)


def _weights(at: Point) -> torch.Tensor:
    return torch.softmax(_scores(at), dim=1)                               # (T, S)


def _output(at: Point) -> torch.Tensor:
    return functional.scaled_dot_product_attention(at["Q"][None], at["K"][None], at["V"][None])[0]


def _above(at: Point) -> torch.Tensor:
    return (at["G"] * _output(at)).sum()


def _above_weights(at: Point) -> torch.Tensor:
    return (at["G"] * (at["A"] @ at["V"])).sum()


def _above_scores(at: Point) -> torch.Tensor:
    return (at["G"] * (torch.softmax(at["scores"], 1) @ at["V"])).sum()


def _into_scores(at: Point) -> torch.Tensor:
    weights, into_weights = _weights(at), at["G"] @ at["V"].T
    return weights * (into_weights - (into_weights * weights).sum(1, keepdim=True))


def _path_by_path(at: Point) -> torch.Tensor:
    weights, into_weights = _weights(at), at["G"] @ at["V"].T
    softmax = weights[:, :, None] * (torch.eye(S, dtype=torch.float64) - weights[:, None, :])      # dA_tk / dscore_ts
    return torch.einsum("tk,tks->ts", into_weights, softmax)


ATTENTION = Derivation("attention", "Scaled dot-product attention", (
    Line(r"Z = \frac{Q K^\top}{\sqrt D},\quad A = \mathrm{softmax}(Z),\quad O = A V", "Z = Q K^T / sqrt(D), A = softmax(Z), O = A V", "definition",
         "Each query takes a mean of the values, weighted by how well the keys fit; softmax goes along each row.",
         lambda at: _weights(at) @ at["V"], _output, ()),
    Line(r"\frac{\partial L}{\partial V} = A^\top G", "dL/dV = A^T G", "linear layer", "O = A V is a matrix product, with V as the weights.",
         lambda at: _weights(at).T @ at["G"], Derivative(_above, "V"),
         by=lambda output: Derivative(lambda at: (at["G"] * output(at)).sum(), "V")),
    Line(r"\frac{\partial L}{\partial A} = G V^\top =: P", "dL/dA = G V^T =: P", "linear layer", "The same product, by its other factor.",
         lambda at: at["G"] @ at["V"].T, Derivative(_above_weights, "A"), ()),
    Line(r"\frac{\partial A_{tk}}{\partial Z_{ts}} = A_{tk}\left([k=s]-A_{ts}\right)", "dA_tk/dZ_ts = A_tk ([k = s] - A_ts)", "derivative of softmax",
         "Raising one score raises its weight and lowers all others of that row; rows do not mix. (Shown: the first row.)",
         lambda at: _weights(at)[0][:, None] * (torch.eye(S, dtype=torch.float64) - _weights(at)[0][None, :]),
         Derivative(lambda at: torch.softmax(at["row"], 0), "row"), ()),
    Line(r"\frac{\partial L}{\partial Z_{ts}} = \sum_k P_{tk}\,A_{tk}\left([k=s]-A_{ts}\right)", "dL/dZ_ts = sum_k P_tk A_tk ([k = s] - A_ts)",
         "chain rule", "Through every weight of the row.", _path_by_path, Derivative(_above_scores, "scores"), (3,),
         lambda into: lambda at: torch.einsum("tk,tkus->us", into(at), Derivative(lambda p: torch.softmax(p["scores"], 1), "scores")(at))),
    Line(r"\frac{\partial L}{\partial Z} = A\circ\left(P - \mathrm{rowsum}(P\circ A)\right)", "dL/dZ = A * (P - rowsum(P * A))", "multiply out",
         "Only what differs from the row's weighted mean counts: shifting all scores of a row changes nothing.", _into_scores, Derivative(_above_scores, "scores")),
    Line(r"\frac{\partial L}{\partial Q} = \frac{1}{\sqrt D}\,\frac{\partial L}{\partial Z}\,K", "dL/dQ = 1/sqrt(D) dL/dZ K", "chain rule",
         "Z is linear in Q, with weights K / sqrt(D).", lambda at: _into_scores(at) @ at["K"] / D**0.5, Derivative(_above, "Q"), (6,),
         lambda into: lambda at: torch.tensordot(into(at), Derivative(_scores, "Q")(at), dims=2)),
    Line(r"\frac{\partial L}{\partial K} = \frac{1}{\sqrt D}\left(\frac{\partial L}{\partial Z}\right)^{\!\top} Q", "dL/dK = 1/sqrt(D) (dL/dZ)^T Q", "chain rule",
         "And linear in K, with weights Q / sqrt(D).", lambda at: _into_scores(at).T @ at["Q"] / D**0.5, Derivative(_above, "K"), (6,),
         lambda into: lambda at: torch.tensordot(into(at), Derivative(_scores, "K")(at), dims=2)),
), {"Q": "queries (T, D)", "K": "keys (S, D)", "V": "values (S, E)", "A": "weights (T, S)", "G": "dL/dO (T, E)"}, _draw)

DERIVATIONS = (ATTENTION,)
