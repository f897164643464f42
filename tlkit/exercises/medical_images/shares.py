"""Exercise 06.shares (optional): probabilities where classes have other shares."""

import numpy as np
from scipy.special import log_softmax, softmax

from tlkit.exercises.record import Case, Exercise, Misconception


def _cases(rng: np.random.Generator) -> list[Case]:
    def call(count, classes, balanced=False):
        trained = np.full(classes, 1 / classes) if balanced else np.round(rng.dirichlet(np.full(classes, 4.0)) * 0.8 + 0.2 / classes, 3)
        return np.round(rng.normal(0, 2, (count, classes)), 2), trained, np.round(rng.dirichlet(np.full(classes, 3.0)) * 0.7 + 0.3 / classes, 3)

    return [
        Case("two classes", "trained on equal shares", ((np.array([[0.0, 1.0]]), np.array([0.5, 0.5]), np.array([0.9, 0.1])),)),
        Case("two classes", "trained on others", (call(4, 2),)),
        Case("several classes", "trained on equal shares", (call(3, 4, balanced=True),)),
        Case("several classes", "trained on others", (call(5, 3),)),
        Case("large logits", "two classes", ((np.array([[900.0, 903.0], [-800.0, -801.5]]), np.array([0.3, 0.7]), np.array([0.6, 0.4])),)),
        Case("large logits", "three classes", (tuple(part * 400 if place == 0 else part for place, part in enumerate(call(4, 3))),)),
    ]


def _with(shift, keep=lambda logits: logits):
    return lambda logits, trained, expected: softmax(keep(logits) + shift(trained, expected), axis=1)


def _not_summing(logits, trained, expected):
    return softmax(logits, axis=1) * expected / trained


def _overflow(logits, trained, expected):
    with np.errstate(all="ignore"):
        raw = np.exp(logits) * expected / trained
        return raw / raw.sum(axis=1, keepdims=True)


SHARES = Exercise(
    id="06.shares",
    title="another clinic, other shares",
    name="for_other_shares",
    parameters=("logits", "trained", "expected"),
    points=3,
    minutes=8,
    difficulty="medium",
    reference="tlkit.calibration:for_other_shares",
    cases=_cases,
    atol=1e-12,
    equivalent_mutants={"return softmax(np.asarray(logits) + np.log(expected) - np.log(trained), axis=-1)": "the classes are the last axis"},
    hint="Bayes: a probability is proportional to its likelihood times the share of the class; take one share out and put the other in, in logs.",
    misconceptions=(
        Misconception("expected and trained are swapped", "Then a rare illness becomes more likely than it was.", "Should a class that is rarer now get a larger or a smaller probability?",
                      _with(lambda trained, expected: np.log(trained / expected))),
        Misconception("the new shares are put in, the old stay", "The network has learned the old shares already; they must be taken out.",
                      "What do the logits know of the shares in training?", _with(lambda trained, expected: np.log(expected))),
        Misconception("the old shares are taken out, no new ones put in", "That is right for a clinic in which all classes are equally frequent.",
                      "Where do the expected shares come in?", _with(lambda trained, expected: -np.log(trained))),
        Misconception("shares are added without a logarithm", "Logits are logarithms, so a factor on a probability becomes a sum of logs.",
                      "In which unit are logits?", _with(lambda trained, expected: expected / trained)),
        Misconception("rows that do not sum to 1", "After each probability was multiplied they must be brought back to a sum of 1.", "What is the sum of each row?", _not_summing),
        Misconception("logits are multiplied by the ratio", "The factor belongs to probabilities, not to logits.", "What becomes of a logit of 0?",
                      lambda logits, trained, expected: softmax(logits * expected / trained, axis=1)),
        Misconception("nothing is changed", "The network's probabilities are right for the shares that it was trained on.", "Where do the shares come in?",
                      _with(lambda trained, expected: 0.0)),
        Misconception("an overflow", "exp of 900 is infinite in float64.", "What does a stable softmax subtract first?", _overflow),
        Misconception("logarithms are returned", "The exercise asks for probabilities.", "What is the sum of each row?",
                      lambda logits, trained, expected: log_softmax(logits + np.log(expected / trained), axis=1)),
    ),
)
