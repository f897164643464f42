"""Distillation at a temperature, and what the T squared in its loss is for (Hinton, Vinyals and Dean 2015, section 2.1).

Axes: C classes; s and t are one example's logits of student and teacher (C,).
"""

import torch

from tlkit import heads
from tlkit.gradients.derivation import Derivation, Line
from tlkit.gradients.proofs import Derivative, Fact, Point

CLASSES = 5


def _draw(generator: torch.Generator) -> Point:
    student, teacher = 3 * torch.randn(2, CLASSES, generator=generator, dtype=torch.float64)
    temperature = 1 + 4 * torch.rand((), generator=generator, dtype=torch.float64)
    return {"s": student, "t": teacher, "T": temperature, "u": student / temperature}


def _loss(at: Point) -> torch.Tensor:
    return heads.distillation_loss(at["s"][None], at["t"][None], at["T"])


def _q(at: Point) -> torch.Tensor:
    return torch.softmax(at["t"] / at["T"], 0)


def _divergence(at: Point) -> torch.Tensor:
    p, q = torch.softmax(at["s"] / at["T"], 0), _q(at)
    return at["T"] ** 2 * (q * (q.log() - p.log())).sum()


def _in_u(at: Point) -> torch.Tensor:
    q = _q(at)
    return at["T"] ** 2 * ((q * q.log()).sum() - (q * at["u"]).sum() + torch.log(at["u"].exp().sum()))


def _gradient(at: Point) -> torch.Tensor:
    return at["T"] * (torch.softmax(at["s"] / at["T"], 0) - _q(at))


def _hot_gradient_is_a_difference_of_logits(seed: int) -> str:
    at = _draw(torch.Generator().manual_seed(seed))
    due = ((at["s"] - at["s"].mean()) - (at["t"] - at["t"].mean())) / CLASSES
    for temperature in (1e3, 1e4, 1e5):
        error = float((_gradient({**at, "T": torch.tensor(temperature)}) - due).abs().max() / due.abs().max())
        if error > 30 / temperature:
            return f"at T = {temperature:g} the gradient is {error:.2g} away from the limit, more than 30 / T"
    return ""


def _without_the_square_it_fades(seed: int) -> str:
    at = _draw(torch.Generator().manual_seed(seed))
    sizes = [float((_gradient({**at, "T": torch.tensor(t)}) / t**2).abs().max()) for t in (1e3, 1e4)]
    return "" if abs(sizes[0] / sizes[1] - 100) < 2 else f"ten times the temperature divides the gradient by {sizes[0] / sizes[1]:.3g}, not by 100"


DISTILLATION = Derivation("distillation", "Distillation at temperature T", (
    Line(r"\ell = T^2\sum_k q_k\,(\log q_k - \log p_k),\quad p = \mathrm{softmax}(s/T),\ q = \mathrm{softmax}(t/T)",
         "l = T^2 sum_k q_k (log q_k - log p_k), p = softmax(s/T), q = softmax(t/T)", "definition",
         "How far the student's softened probabilities are from the teacher's, times T squared.", _divergence, _loss, ()),
    Line(r"\ell = T^2\Big(\sum_k q_k\log q_k - \sum_k q_k u_k + \log\sum_j e^{u_j}\Big),\quad u = \frac{s}{T}",
         "l = T^2 (sum q_k log q_k - sum q_k u_k + log sum exp(u_j)), u = s/T", "logarithm of a quotient",
         "log p_k = u_k - log sum exp(u), and the q_k add up to 1.", _in_u, _loss),
    Line(r"\frac{\partial\ell}{\partial u_k} = T^2\,(p_k - q_k)", "dl/du_k = T^2 (p_k - q_k)", "derivative of log-sum-exp",
         "As for cross-entropy, with soft targets q in place of one hot label; the teacher's term is constant.",
         lambda at: at["T"] ** 2 * (torch.softmax(at["u"], 0) - _q(at)), Derivative(_in_u, "u"),
         by=lambda line: Derivative(line, "u")),
    Line(r"\frac{du_k}{ds_k} = \frac1T", "du_k/ds_k = 1/T", "derivative of a quotient", "The student's logits were divided by T.",
         lambda at: torch.eye(CLASSES, dtype=torch.float64) / at["T"], Derivative(lambda at: at["s"] / at["T"], "s"), ()),
    Line(r"\frac{\partial\ell}{\partial s_k} = T\,(p_k - q_k)", "dl/ds_k = T (p_k - q_k)", "chain rule",
         "Outer times inner derivative: one of the two factors T is used up.", _gradient, Derivative(_loss, "s"), (3, 4),
         lambda outer, inner: lambda at: outer(at) @ inner(at)),
    Line(r"\frac{\partial\ell}{\partial s_k} \to \frac1C\left((s_k-\bar s) - (t_k-\bar t)\right)\quad(T\to\infty)",
         "dl/ds_k -> ((s_k - mean s) - (t_k - mean t)) / C for large T", "exp(x) is close to 1 + x",
         "A hot softmax is close to 1/C + (s_k - mean s)/(C T): the T in front cancels, and the student copies logits.",
         _gradient, Fact(_hot_gradient_is_a_difference_of_logits), ()),
    Line(r"\text{without } T^2:\quad \frac{\partial\ell}{\partial s_k} = \frac{p_k-q_k}{T} \sim \frac{1}{T^2}",
         "without T^2: dl/ds_k = (p_k - q_k)/T, about 1/T^2", "what the square is for",
         "Without it the gradient would fade with the square of the temperature, and the true labels' loss would drown it.",
         lambda at: _gradient(at) / at["T"] ** 2, Fact(_without_the_square_it_fades), ()),
), {"s": "the student's logits (C,)", "t": "the teacher's logits (C,)", "T": "temperature, above 0", "p": "softmax(s/T)", "q": "softmax(t/T)"},
    _draw)

DERIVATIONS = (DISTILLATION,)
