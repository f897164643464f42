"""The sigmoid, and binary cross-entropy on probabilities and on logits. Scalars: every line is an identity in sympy."""

import sympy
import torch

from tlkit import heads
from tlkit.gradients.derivation import Derivation, Line
from tlkit.gradients.proofs import Library

z = sympy.Symbol("z", real=True)
p = sympy.Symbol("p", positive=True)
y, N, g = sympy.symbols("y N g", positive=True)
rest = sympy.Symbol("R", real=True)

_sigmoid = 1 / (1 + sympy.exp(-z))
_loss_p = -(y * sympy.log(p) + (1 - y) * sympy.log(1 - p))
_loss_z = _loss_p.subs(p, _sigmoid)


def _by_z(value):
    return sympy.diff(value, z)


def _by_p(value):
    return sympy.diff(value, p)


_SLOPE = _by_z(_sigmoid)

SIGMOID = Derivation("sigmoid", "The slope of the sigmoid", (
    Line(r"\sigma(z) = \frac{1}{1+e^{-z}}", "s(z) = 1 / (1 + exp(-z))", "definition",
         "It squeezes any number into a probability.", _sigmoid, Library(torch.sigmoid, (z,)), ()),
    Line(r"\frac{d\sigma}{dz} = \frac{e^{-z}}{(1+e^{-z})^2}", "ds/dz = exp(-z) / (1 + exp(-z))^2", "quotient rule",
         "The numerator is constant, and the denominator's derivative is -exp(-z); two minus signs make a plus.",
         sympy.exp(-z) / (1 + sympy.exp(-z)) ** 2, _SLOPE, by=_by_z),
    Line(r"\frac{d\sigma}{dz} = \frac{1}{1+e^{-z}}\cdot\frac{e^{-z}}{1+e^{-z}}",
         "ds/dz = 1 / (1 + exp(-z)) * exp(-z) / (1 + exp(-z))", "split the fraction",
         "One of the two factors is the sigmoid itself.", _sigmoid * (sympy.exp(-z) / (1 + sympy.exp(-z))), _SLOPE),
    Line(r"\frac{d\sigma}{dz} = \sigma(z)\left(1-\frac{1}{1+e^{-z}}\right)", "ds/dz = s(z) * (1 - 1 / (1 + exp(-z)))",
         "add and take away 1", "exp(-z) is (1 + exp(-z)) - 1, so the other factor is what is missing to 1.",
         _sigmoid * (1 - 1 / (1 + sympy.exp(-z))), _SLOPE),
    Line(r"\frac{d\sigma}{dz} = \sigma(z)\,(1-\sigma(z))", "ds/dz = s(z) * (1 - s(z))", "definition of the sigmoid",
         "The slope needs nothing but the value: steep in the middle, flat at both ends.", _sigmoid * (1 - _sigmoid), _SLOPE),
), {"z": "logit, any real number", "s": "sigmoid, a probability"})


_SLOPE_P = _by_p(_loss_p)
_single = (p - y) / (p * (1 - p))

BCE = Derivation("bce", "Binary cross-entropy on probabilities", (
    Line(r"\ell = -\left[y\log p + (1-y)\log(1-p)\right]", "l = -(y log p + (1 - y) log(1 - p))", "definition",
         "The negative logarithm of the probability that the model gave to what happened.", _loss_p,
         Library(heads.binary_cross_entropy, (p, y)), ()),
    Line(r"\frac{\partial\ell}{\partial p} = -\left[\frac{y}{p} - \frac{1-y}{1-p}\right]", "dl/dp = -(y/p - (1 - y)/(1 - p))",
         "derivative of the logarithm", "The second term gets a minus of its own from the inner derivative of 1 - p.",
         -(y / p - (1 - y) / (1 - p)), _SLOPE_P, by=_by_p),
    Line(r"\frac{\partial\ell}{\partial p} = -\frac{y(1-p) - (1-y)p}{p(1-p)}", "dl/dp = -(y (1 - p) - (1 - y) p) / (p (1 - p))",
         "common denominator", "Both fractions over p (1 - p).", -(y * (1 - p) - (1 - y) * p) / (p * (1 - p)), _SLOPE_P),
    Line(r"\frac{\partial\ell}{\partial p} = \frac{p-y}{p(1-p)}", "dl/dp = (p - y) / (p (1 - p))", "multiply out",
         "The two products y p cancel, and the minus turns y - p round.", _single, _SLOPE_P),
    Line(r"\frac{\partial L}{\partial p_i} = \frac{g}{N}\,\frac{p_i-y_i}{p_i(1-p_i)}",
         "dL/dp_i = g/N * (p_i - y_i) / (p_i (1 - p_i))", "the mean is linear",
         "Of the mean over N examples only one term holds p_i; g is what comes back to the mean from above.",
         g / N * _single, _by_p(g * (_loss_p + rest) / N), by=lambda slope: g * slope / N),
), {"p": "probability that the model gives to class 1, between 0 and 1", "y": "target, 0 or 1 (or between)",
    "N": "number of examples in the mean", "g": "upstream gradient of the mean, dL/dL = 1 at the end of a network"})


_SLOPE_Z = _by_z(_loss_z)

BCE_WITH_LOGITS = Derivation("bce_with_logits", "Binary cross-entropy on logits", (
    Line(r"\ell = -\left[y\log\sigma(z) + (1-y)\log(1-\sigma(z))\right]", "l = -(y log s(z) + (1 - y) log(1 - s(z)))",
         "definition", "The same loss, with the probability made from a logit: p = s(z).", _loss_z,
         Library(heads.binary_cross_entropy_with_logits, (z, y)), ()),
    Line(r"\frac{\partial\ell}{\partial p} = -\frac{y}{p} + \frac{1-y}{1-p}", "dl/dp = -y/p + (1 - y)/(1 - p)",
         "derivative of the logarithm", "First the outer function, as if p were free.",
         (-y / p + (1 - y) / (1 - p)), _SLOPE_P, (1,), lambda loss: _by_p(loss.subs(_sigmoid, p))),
    Line(r"\frac{dp}{dz} = p\,(1-p)", "dp/dz = p (1 - p)", "identity of the sigmoid",
         "Then the inner function: derive(\"sigmoid\") proves it.", _sigmoid * (1 - _sigmoid), _SLOPE, ()),
    Line(r"\frac{\partial\ell}{\partial z} = \left(-\frac{y}{p} + \frac{1-y}{1-p}\right) p\,(1-p)",
         "dl/dz = (-y/p + (1 - y)/(1 - p)) * p (1 - p)", "chain rule", "Outer derivative times inner derivative.",
         ((-y / p + (1 - y) / (1 - p)) * p * (1 - p)).subs(p, _sigmoid), _SLOPE_Z, (2, 3),
         lambda outer, inner: outer.subs(p, _sigmoid) * inner),
    Line(r"\frac{\partial\ell}{\partial z} = -y\,(1-p) + (1-y)\,p", "dl/dz = -y (1 - p) + (1 - y) p", "cancel",
         "Each fraction loses its denominator: what blows up in one factor vanishes in the other.",
         (-y * (1 - p) + (1 - y) * p).subs(p, _sigmoid), _SLOPE_Z),
    Line(r"\frac{\partial\ell}{\partial z} = p - y = \sigma(z) - y", "dl/dz = p - y = s(z) - y", "multiply out",
         "Predicted minus wanted: never larger than 1, whatever the logit.", _sigmoid - y, _SLOPE_Z),
    Line(r"\frac{\partial L}{\partial z_i} = \frac{g}{N}\left(\sigma(z_i) - y_i\right)", "dL/dz_i = g/N * (s(z_i) - y_i)",
         "the mean is linear", "Of the mean over N examples only one term holds z_i; g comes from above.",
         g / N * (_sigmoid - y), _by_z(g * (_loss_z + rest) / N), by=lambda slope: g * slope / N),
), {"z": "logit, any real number", "p": "s(z), the probability", "y": "target, 0 or 1 (or between)",
    "N": "number of examples in the mean", "g": "upstream gradient of the mean"})

DERIVATIONS = (SIGMOID, BCE, BCE_WITH_LOGITS)
