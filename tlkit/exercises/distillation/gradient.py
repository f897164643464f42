"""Exercise 10.gradient (optional): what the teacher's part sends back to the student's logits."""

import numpy as np
import torch
from torch.nn import functional as F

from tlkit.exercises.record import Case, Exercise, Misconception


def _cases(rng: np.random.Generator) -> list[Case]:
    def call(batch, classes, temperature, scale=2.0):
        student, teacher = (torch.tensor(np.round(rng.normal(size=(batch, classes)) * scale, 2)) for _ in range(2))
        return student, teacher, float(temperature)

    many, few = int(rng.integers(6, 9)), int(rng.integers(3, 5))
    warm = round(rng.uniform(2, 6), 1)
    return [
        Case("at temperature 1", "one example", (call(1, 3, 1),)),
        Case("at temperature 1", "several examples", (call(few, 5, 1),)),
        Case("at other temperatures", "one example, T = 2", (call(1, 3, 2),)),
        Case("at other temperatures", "more examples than classes", (call(many, few, warm),)),
        Case("at other temperatures", "more classes than examples", (call(few, many, warm),)),
        Case("at other temperatures", "below 1", (call(3, 4, 0.5),)),
        Case("at a very high temperature", "two examples, T = 1000", (call(2, 3, 1000),)),
        Case("at a very high temperature", "more examples, T = 300", (call(5, 4, 300),)),
    ]


def _p(logits, temperature):
    return torch.softmax(logits / temperature, 1)


def _gradient(formula):
    return lambda student_logits, teacher_logits, temperature: formula(student_logits, teacher_logits, temperature)


def _kl(s, t, T):
    """KL(student || teacher) of each example, (B, 1)."""
    q, p = torch.log_softmax(s / T, 1), torch.log_softmax(t / T, 1)
    return (q.exp() * (q - p)).sum(1, keepdim=True)


def _jacobian_missing(s, t, T):
    """The derivative by the student's probabilities."""
    return -(T**2) * _p(t, T) / _p(s, T) / len(s)


GRADIENT = Exercise(
    id="10.gradient",
    title="what the teacher sends back",
    name="kd_gradient",
    parameters=("student_logits", "teacher_logits", "temperature"),
    points=2,
    minutes=10,
    difficulty="hard",
    reference="tlkit.distillation_losses:distillation_gradient",
    cases=_cases,
    shrinks=False,
    rtol=1e-5,
    atol=1e-8,
    hint="For one example at T = 1 it is the gradient of a softmax cross-entropy whose label is a row of probabilities. Which factors does T bring?",
    shortcuts=("torch.autograd:grad", "torch:Tensor.backward", "torch.autograd:backward", "torch.func:grad", "torch.func:grad_and_value", "torch.func:vjp",
               "torch.func:jvp", "torch.func:jacrev", "torch.func:jacfwd", "torch.autograd.functional:jacobian", "torch.autograd.functional:vjp", "torch.autograd.functional:jvp"),
    misconceptions=(
        Misconception("T squared in front", "The loss has T squared; the chain rule through s / T takes one T away.", "What is the derivative of s / T by s?",
                      _gradient(lambda s, t, T: T**2 * (_p(s, T) - _p(t, T)) / len(s))),
        Misconception("no factor T", "One T is left: T squared of the loss times 1 / T of the chain rule.", "What is T squared times 1 / T?",
                      _gradient(lambda s, t, T: (_p(s, T) - _p(t, T)) / len(s))),
        Misconception("1 / T in front", "That is the gradient of the loss without T squared.", "What is T squared times 1 / T?",
                      _gradient(lambda s, t, T: (_p(s, T) - _p(t, T)) / T / len(s))),
        Misconception("the wrong sign", "A step goes towards the teacher, and the gradient points the other way.",
                      "Should a logit fall or rise where the student's probability is too high, and what is the gradient's sign then?",
                      _gradient(lambda s, t, T: T * (_p(t, T) - _p(s, T)) / len(s))),
        Misconception("not divided by the batch", "The loss is a mean over the examples.", "How much does one example's logit move the mean?",
                      _gradient(lambda s, t, T: T * (_p(s, T) - _p(t, T)))),
        Misconception("divided by all entries", "The mean is over examples, not over entries.", "How many examples are there?",
                      _gradient(lambda s, t, T: T * (_p(s, T) - _p(t, T)) / s.numel())),
        Misconception("at temperature 1", "Both softmaxes have a T.", "At which temperature does the loss compare the two?",
                      _gradient(lambda s, t, T: T * (_p(s, 1) - _p(t, 1)) / len(s))),
        Misconception("the difference of the logits", "True in the limit of a very high T, up to a factor and to each row's mean.",
                      "What stays of softmax(s / T) if T is 2?", _gradient(lambda s, t, T: (s - t) / s.numel())),
        Misconception("the limit for every temperature", "True for a very high T only.", "What stays of softmax(s / T) if T is 2?",
                      _gradient(lambda s, t, T: (s - s.mean(1, keepdim=True) - t + t.mean(1, keepdim=True)) / s.numel())),
        Misconception("the limit where the temperature is high", "At T = 300 it is close, and still another number; the closed form is as short and holds for every T.",
                      "By how much do the two differ at T = 300?",
                      _gradient(lambda s, t, T: T * (_p(s, T) - _p(t, T)) / len(s) if T < 64 else (s - s.mean(1, keepdim=True) - t + t.mean(1, keepdim=True)) / s.numel())),
        Misconception("the teacher's answer in place of its probabilities", "That is the gradient for a hard label, and what the teacher thinks of the other classes is lost.",
                      "What is p in the loss?", _gradient(lambda s, t, T: T * (_p(s, T) - F.one_hot(t.argmax(1), t.shape[1])) / len(s))),
        Misconception("the derivative by the probabilities", "The chain goes on, from probabilities to logits.", "By what is the gradient asked for?",
                      _gradient(_jacobian_missing)),
        Misconception("the softmax's slope of each class by itself", "p (1 - p) is the diagonal of the Jacobian; every logit moves every probability.",
                      "Which probabilities move if one logit does?", _gradient(lambda s, t, T: T * (_p(s, T) - _p(t, T)) * _p(s, T) * (1 - _p(s, T)) / len(s))),
        Misconception("divided by the number of classes", "The mean is over examples.", "How many examples are there?",
                      _gradient(lambda s, t, T: T * (_p(s, T) - _p(t, T)) / s.shape[1])),
        Misconception("a difference of logarithms", "It stands in KL itself; its derivative is a difference of probabilities.", "What is the derivative of log softmax?",
                      _gradient(lambda s, t, T: T * (_p(s, T).log() - _p(t, T).log()) / len(s))),
        Misconception("only the logit's own probability moves", "Each logit stands in the denominators of all probabilities.", "Which probabilities move if one logit does?",
                      _gradient(lambda s, t, T: -T * _p(t, T) * (1 - _p(s, T)) / len(s))),
        Misconception("over the batch", "`dim=0` goes through the examples; the classes of one example are in a row.", "Along which axis do the classes of one example lie?",
                      _gradient(lambda s, t, T: T * (torch.softmax(s / T, 0) - torch.softmax(t / T, 0)) / len(s))),
        Misconception("only the student has a temperature", "The teacher's probabilities are soft as well.", "Which of the two softmaxes has a T?",
                      _gradient(lambda s, t, T: T * (_p(s, T) - _p(t, 1)) / len(s))),
        Misconception("KL the other way round", "That is the gradient of KL(student || teacher).", "Whose probabilities weigh the logarithms in the loss?",
                      _gradient(lambda s, t, T: T * _p(s, T) * ((s - t) / T - torch.logsumexp(s / T, 1, True) + torch.logsumexp(t / T, 1, True)
                                                                - _kl(s, t, T)) / len(s))),
        Misconception("the gradient by the logarithms of the probabilities", "-p is the derivative of KL by log q; the chain goes on through the softmax's denominator.",
                      "By what is the gradient asked for?", _gradient(lambda s, t, T: -T * _p(t, T) / len(s))),
    ),
)
