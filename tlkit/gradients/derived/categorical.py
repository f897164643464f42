"""Softmax and cross-entropy on logits.

Axes: B examples in the mean, C classes; z is one example's logits (C,), Z the batch's (B, C).
"""

import torch

from tlkit import heads
from tlkit.gradients.derivation import Derivation, Line
from tlkit.gradients.proofs import Derivative, Point, derivative

CLASSES, BATCH = 5, 4


def _draw(generator: torch.Generator) -> Point:
    return {"z": 2 * torch.randn(CLASSES, generator=generator, dtype=torch.float64), "label": torch.tensor(3),
            "Z": 2 * torch.randn(BATCH, CLASSES, generator=generator, dtype=torch.float64), "labels": torch.tensor([1, 4, 0, 4]),
            "g": torch.tensor(1.7, dtype=torch.float64)}


def _loss(point: Point) -> torch.Tensor:
    return heads.cross_entropy(point["z"][None], point["label"][None])


def _as_probability(point: Point) -> torch.Tensor:
    return -torch.log((point["z"].exp() / point["z"].exp().sum())[point["label"]])


def _as_difference(point: Point) -> torch.Tensor:
    return torch.log(point["z"].exp().sum()) - point["z"][point["label"]]


def _one_hot(point: Point) -> torch.Tensor:
    return torch.nn.functional.one_hot(point["label"], CLASSES).double()


_TRUTH = Derivative(_loss, "z")

SOFTMAX_CROSS_ENTROPY = Derivation("softmax_cross_entropy", "Cross-entropy of a softmax", (
    Line(r"\ell = -\log p_y,\quad p_c = \frac{e^{z_c}}{\sum_j e^{z_j}}", "l = -log p_y, p_c = exp(z_c) / sum_j exp(z_j)",
         "definition", "The negative logarithm of the probability that the model gave to the true class.",
         _as_probability, _loss, ()),
    Line(r"\ell = \log\sum_j e^{z_j} - z_y", "l = log sum_j exp(z_j) - z_y", "logarithm of a quotient",
         "Only the last term knows the label; the first treats all classes alike.", _as_difference, _loss),
    Line(r"\frac{\partial\ell}{\partial z_k} = \frac{1}{\sum_j e^{z_j}}\,\frac{\partial}{\partial z_k}\sum_j e^{z_j} - [k=y]",
         "dl/dz_k = 1/(sum_j exp(z_j)) * d(sum_j exp(z_j))/dz_k - [k = y]", "chain rule",
         "Derivative of the logarithm, times the inner derivative; z_y counts for k = y alone.",
         lambda at: Derivative(lambda p: p["z"].exp().sum(), "z")(at) / at["z"].exp().sum() - _one_hot(at), _TRUTH,
         by=derivative("z")),
    Line(r"\frac{\partial\ell}{\partial z_k} = \frac{e^{z_k}}{\sum_j e^{z_j}} - [k=y]",
         "dl/dz_k = exp(z_k) / sum_j exp(z_j) - [k = y]", "derivative of the exponential", "Of the sum, only the term j = k moves with z_k.",
         lambda at: at["z"].exp() / at["z"].exp().sum() - _one_hot(at), _TRUTH),
    Line(r"\frac{\partial\ell}{\partial z_k} = p_k - [k=y]", "dl/dz_k = p_k - [k = y]", "definition of softmax",
         "Predicted minus wanted, class by class. The entries add up to zero.",
         lambda at: torch.softmax(at["z"], 0) - _one_hot(at), _TRUTH),
    Line(r"\frac{\partial L}{\partial Z} = \frac{g}{B}\left(\mathrm{softmax}(Z) - \mathrm{onehot}(y)\right)",
         "dL/dZ = g/B * (softmax(Z) - onehot(y))", "the mean is linear",
         "The same for each row of a batch; each example counts 1/B, and g comes from above.",
         lambda at: at["g"] / BATCH * (torch.softmax(at["Z"], 1) - torch.nn.functional.one_hot(at["labels"], CLASSES)),
         Derivative(lambda at: at["g"] * heads.cross_entropy(at["Z"], at["labels"]), "Z"),
         by=lambda single: lambda at: torch.stack([single({"z": z, "label": y}) for z, y in zip(at["Z"], at["labels"])]) * at["g"] / BATCH),
), {"z": "logits of one example (C,)", "y": "its class", "p": "softmax(z) (C,)", "[k = y]": "1 where k is the true class, else 0",
    "Z": "logits of a batch (B, C)", "g": "upstream gradient of the mean"}, _draw)

DERIVATIONS = (SOFTMAX_CROSS_ENTROPY,)
