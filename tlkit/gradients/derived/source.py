"""Section 4.2 of the document that the course grew from: as it is written there, and mended.

The model's output for example i is any function f_i of the parameter t; three examples stand for N, each with another
function, so that what is proved is proved for any model.
"""

import sympy

from tlkit import heads
from tlkit.gradients.derivation import Derivation, Line
from tlkit.gradients.proofs import Library

t = sympy.Symbol("t", real=True)
q = sympy.Symbol("q", positive=True)  # the output, as line 1 writes it
y = sympy.Symbol("y", positive=True)
_examples = [(sympy.Function(f"f{i}")(t), sympy.Symbol(f"y{i}", positive=True)) for i in (1, 2, 3)]
_N = len(_examples)

_loss = -(y * sympy.log(q) + (1 - y) * sympy.log(1 - q))
_losses = [_loss.subs({q: f, y: label}) for f, label in _examples]
_mean = sum(_losses) / _N
_bracket = sum((label / f - (1 - label) / (1 - f)) * sympy.diff(f, t) for f, label in _examples) / _N


def _mean_over_examples(loss):
    return sum(loss.subs({q: f, y: label}) for f, label in _examples) / _N


def _by_t(value):
    return sympy.diff(value, t)


_DEFINITION = Line(
    r"\ell(\hat y, y) = -[y\log\hat y + (1-y)\log(1-\hat y)]", "l(q, y) = -(y log q + (1 - y) log(1 - q))", "definition",
    "Binary cross-entropy of one example, with its minus.", _loss, Library(heads.binary_cross_entropy, (q, y)), ())
_LAST = r"\frac{\partial\mathcal L}{\partial\theta} = -\frac1N\sum_{i=1}^N\left(\frac{y_i}{f_\theta(x_i)} - "\
    r"\frac{1-y_i}{1-f_\theta(x_i)}\right)\frac{\partial f_\theta(x_i)}{\partial\theta}"
_LAST_PLAIN = "dL/dt = -1/N sum_i (y_i/f_i - (1 - y_i)/(1 - f_i)) df_i/dt"
_SYMBOLS = {"q": "the model's output, written with a hat over y in the source", "f_i": "the output for example i, a function of t", "df_i": "its derivative by t",
            "t": "the parameters, theta", "y_i": "the target", "N": "number of examples"}

AS_WRITTEN = Derivation("source_4_2", "Section 4.2 of the source, as written", (
    _DEFINITION,
    Line(r"\mathcal L(y, f_\theta(x)) = -\frac1N\sum_{i=1}^N \ell(y_i, f_\theta(x_i))", "L = -1/N sum_i l(y_i, f_i)",
         "“insert the loss above”", "Meant is the mean of the losses; the minus is in the loss already.", -_mean, _mean,
         by=_mean_over_examples,
         note="The arguments have changed places: line 1 defines l(output, target), here l(target, output) is used. Read "
              "literally, the logarithm is taken of the target. We read it as it is meant."),
    Line(r"\frac{\partial\mathcal L}{\partial\theta} = -\frac1N\sum_{i=1}^N \frac{\partial\ell(y_i, f_\theta(x_i))}{\partial\theta}",
         "dL/dt = -1/N sum_i dl(y_i, f_i)/dt", "“chain rule”",
         "The derivative of a sum is the sum of derivatives: the step is right, what it starts from is not.",
         -_by_t(_mean), _by_t(_mean), by=_by_t),
    Line(_LAST, _LAST_PLAIN, "“expand l further”",
         "Expanding l brings out its own minus, which should have cancelled the one in front.", -_bracket, _by_t(_mean)),
), _SYMBOLS, of="the source, section 4.2")

MENDED = Derivation("source_4_2_mended", "Section 4.2 of the source, mended", (
    _DEFINITION,
    Line(r"\mathcal L = \frac1N\sum_{i=1}^N \ell(f_\theta(x_i), y_i)", "L = 1/N sum_i l(f_i, y_i)", "mean over the examples",
         "The loss is positive already, and so is its mean; output first, target second, as in the definition.", _mean, _mean,
         by=_mean_over_examples),
    Line(r"\frac{\partial\mathcal L}{\partial\theta} = \frac1N\sum_{i=1}^N \frac{\partial\ell(f_\theta(x_i), y_i)}{\partial\theta}",
         "dL/dt = 1/N sum_i dl(f_i, y_i)/dt", "the mean is linear", "The derivative of a mean is the mean of the derivatives.",
         _by_t(_mean), _by_t(_mean), by=_by_t),
    Line(_LAST, _LAST_PLAIN, "chain rule and derivative of the logarithm",
         "The minus in front is the one that stood in the definition.", -_bracket, _by_t(_mean)),
), _SYMBOLS, of="the source, section 4.2, with lines 2 and 3 changed")

DERIVATIONS = (AS_WRITTEN, MENDED)
