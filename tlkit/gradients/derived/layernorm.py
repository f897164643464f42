"""LayerNorm of one example (Ba, Kiros and Hinton 2016, section 3).

Axes: D features; x, gamma, beta and g = dL/dy have the shape (D,).
"""

import torch
from torch.nn import functional

from tlkit.gradients.derivation import Derivation, Line
from tlkit.gradients.proofs import Derivative, Point

D, EPS = 5, 1e-5
_EYE = torch.eye(D, dtype=torch.float64)


def _draw(generator: torch.Generator) -> Point:
    x, scale, shift, upstream = torch.randn(4, D, generator=generator, dtype=torch.float64)
    at = {"x": 3 * x + 1, "gamma": scale, "beta": shift, "g": upstream}
    return {**at, "n": _normalised(at)}


def _mean(at: Point) -> torch.Tensor:
    return at["x"].mean()


def _root(at: Point) -> torch.Tensor:
    return (at["x"].var(unbiased=False) + EPS).sqrt()


def _normalised(at: Point) -> torch.Tensor:
    return (at["x"] - at["x"].mean()) / _root(at)


def _above(at: Point) -> torch.Tensor:
    return (at["g"] * functional.layer_norm(at["x"], (D,), at["gamma"], at["beta"], EPS)).sum()


def _above_n(at: Point) -> torch.Tensor:
    return (at["g"] * (at["gamma"] * at["n"] + at["beta"])).sum()


def _through(by: str):
    """sum_i g_i dy_i/d(by)"""
    return lambda y: lambda at: at["g"] @ Derivative(y, by)(at)


def _jacobian(at: Point) -> torch.Tensor:
    n = _normalised(at)
    return (_EYE - 1 / D - n[:, None] * n[None, :] / D) / _root(at)


def _final(at: Point) -> torch.Tensor:
    n, h = _normalised(at), at["g"] * at["gamma"]
    return (h - h.mean() - n * (h * n).mean()) / _root(at)


LAYERNORM = Derivation("layernorm", "LayerNorm", (
    Line(r"y_i = \gamma_i n_i + \beta_i,\quad n_i = \frac{x_i-\mu}{r},\quad r = \sqrt{v+\epsilon}",
         "y_i = gamma_i n_i + beta_i, n_i = (x_i - mu)/r, r = sqrt(v + eps)", "definition",
         "Mean mu and variance v are over the D features of one example; v is divided by D.",
         lambda at: at["gamma"] * _normalised(at) + at["beta"],
         lambda at: functional.layer_norm(at["x"], (D,), at["gamma"], at["beta"], EPS), ()),
    Line(r"\frac{\partial L}{\partial\gamma_i} = g_i n_i", "dL/dgamma_i = g_i n_i", "chain rule",
         "The scale acts on its own feature alone; over a batch its gradients are summed.", lambda at: at["g"] * _normalised(at),
         Derivative(_above, "gamma"), (1,), _through("gamma")),
    Line(r"\frac{\partial L}{\partial\beta_i} = g_i", "dL/dbeta_i = g_i", "chain rule", "And so does the shift, with factor 1.",
         lambda at: at["g"], Derivative(_above, "beta"), (1,), _through("beta")),
    Line(r"\frac{\partial L}{\partial n_i} = g_i\gamma_i =: h_i", "dL/dn_i = g_i gamma_i =: h_i", "chain rule",
         "What reaches the normalised features.", lambda at: at["g"] * at["gamma"], Derivative(_above_n, "n"), ()),
    Line(r"\frac{\partial\mu}{\partial x_j} = \frac1D", "dmu/dx_j = 1/D", "derivative of a mean", "Every feature moves the mean by its share.",
         lambda at: torch.full((D,), 1 / D, dtype=torch.float64), Derivative(_mean, "x"), ()),
    Line(r"\frac{\partial r}{\partial x_j} = \frac{1}{2r}\cdot\frac{2(x_j-\mu)}{D} = \frac{n_j}{D}", "dr/dx_j = 1/(2r) * 2 (x_j - mu)/D = n_j/D",
         "derivative of the root", "The variance's derivative is 2 (x_j - mu)/D: through mu nothing comes, since deviations add up to 0.",
         lambda at: _normalised(at) / D, Derivative(_root, "x"), ()),
    Line(r"\frac{\partial n_i}{\partial x_j} = \frac{[i=j]-\frac1D}{r} - \frac{x_i-\mu}{r^2}\cdot\frac{n_j}{D}",
         "dn_i/dx_j = ([i = j] - 1/D)/r - (x_i - mu)/r^2 * n_j/D", "quotient rule", "Numerator and denominator both depend on x_j.",
         lambda at: (_EYE - 1 / D) / _root(at) - ((at["x"] - _mean(at)) / _root(at) ** 2)[:, None] * _normalised(at)[None, :] / D,
         Derivative(_normalised, "x"), (5, 6),
         lambda mean, root: lambda at: ((_EYE - mean(at)[None, :]) * _root(at) - (at["x"] - _mean(at))[:, None] * root(at)[None, :]) / _root(at) ** 2),
    Line(r"\frac{\partial n_i}{\partial x_j} = \frac1r\left([i=j] - \frac1D - \frac{n_i n_j}{D}\right)",
         "dn_i/dx_j = 1/r * ([i = j] - 1/D - n_i n_j/D)", "definition of n", "(x_i - mu)/r is n_i again.", _jacobian, Derivative(_normalised, "x")),
    Line(r"\frac{\partial L}{\partial x_j} = \sum_i h_i\,\frac{\partial n_i}{\partial x_j}", "dL/dx_j = sum_i h_i dn_i/dx_j", "chain rule",
         "Every normalised feature depends on x_j: add up all paths.", lambda at: (at["g"] * at["gamma"]) @ _jacobian(at),
         Derivative(_above, "x"), (4, 8), lambda h, jacobian: lambda at: h(at) @ jacobian(at)),
    Line(r"\frac{\partial L}{\partial x_j} = \frac1r\left(h_j - \overline{h} - n_j\,\overline{h n}\right)",
         "dL/dx_j = 1/r * (h_j - mean(h) - n_j mean(h n))", "multiply out",
         "Taken away is what would move mean and variance: shifting or stretching all of x changes nothing.", _final, Derivative(_above, "x")),
), {"x": "one example's features (D,)", "gamma, beta": "scale and shift (D,)", "g": "dL/dy (D,)", "bar": "mean over the D features"}, _draw)

DERIVATIONS = (LAYERNORM,)
