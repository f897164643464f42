"""Exercise 03.bce_steps: the missing steps from binary cross-entropy to its gradient by the logit."""

import numpy as np

from tlkit.exercises.record import Case, Exercise, Misconception


def _bce_steps_cases(rng: np.random.Generator) -> list[Case]:
    def at(y):
        return (round(rng.uniform(0.1, 0.9), 2), y, float(rng.integers(3, 9)), round(rng.uniform(1.5, 3), 1))

    what = (("a positive example", 1.0), ("a negative example", 0.0), ("a soft label", round(rng.uniform(0.2, 0.8), 1)))
    groups = {"dl_dp": "the outer derivative", "dp_dz": "the inner derivative", "dl_dz": "the chain of both", "dL_dz": "the mean over N"}
    return [Case(group, words, ((step, *at(y)),)) for step, group in groups.items() for words, y in what]


def _steps(dl_dp="-y/p + (1 - y)/(1 - p)", dp_dz="p*(1 - p)", dl_dz="p - y", dL_dz="g*(p - y)/N"):
    return {"dl_dp": dl_dp, "dp_dz": dp_dz, "dl_dz": dl_dz, "dL_dz": dL_dz}


BCE_STEPS = Exercise(
    id="03.bce_steps",
    title="binary cross-entropy, step by step",
    name="steps",
    kind="formulas",
    parameters=("p", "y", "N", "g"),
    points=4,
    minutes=10,
    difficulty="easy",
    reference="tlkit.gradients.scalar_steps:bce_step",
    cases=_bce_steps_cases,
    hint="Take the outer derivative as if p were free, then multiply by how p moves with z.",
    misconceptions=(
        Misconception("the minus of the loss is lost", "The logarithm's derivative is 1/p, and the minus stands far in front of the bracket.",
                      "What does the minus before the bracket do to both terms?",
                      _steps("y/p - (1 - y)/(1 - p)", dl_dz="y - p", dL_dz="g*(y - p)/N")),
        Misconception("log(1 - p) has an inner derivative", "It looks like a logarithm like any other, so its minus is easily overlooked.",
                      "What is the derivative of 1 - p by p?",
                      _steps("-y/p - (1 - y)/(1 - p)", dl_dz="-y*(1 - p) - (1 - y)*p", dL_dz="g*(-y*(1 - p) - (1 - y)*p)/N")),
        Misconception("only the term of the true class", "For y = 1 the second term vanishes, so it is easily forgotten for y = 0.",
                      "Which of the two terms is left for y = 0?", _steps("-y/p", dl_dz="-y*(1 - p)", dL_dz="-g*y*(1 - p)/N")),
        Misconception("the slope of the exponential for that of the sigmoid", "exp is its own derivative, and there is an exp in the sigmoid.",
                      "How steep is the sigmoid at both ends?", _steps(dp_dz="p", dl_dz="-y + (1 - y)*p/(1 - p)", dL_dz="g*(-y + (1 - y)*p/(1 - p))/N")),
        Misconception("the outer derivative alone", "p is the natural variable, so one stops there; but the network moves z.",
                      "How does p move when z does?", _steps(dl_dz="-y/p + (1 - y)/(1 - p)", dL_dz="g*(-y/p + (1 - y)/(1 - p))/N")),
        Misconception("the sigmoid's slope once too often", "With a squared error it would stay; here it cancels against the denominators.",
                      "Multiply the two steps before and cancel.", _steps(dl_dz="(p - y)*p*(1 - p)", dL_dz="g*(p - y)*p*(1 - p)/N")),
        Misconception("wanted minus predicted", "An update moves towards the target, and the gradient points the other way.",
                      "For y = 1 and a small p: should z rise, and what is the sign of the gradient then?",
                      _steps(dl_dz="y - p", dL_dz="g*(y - p)/N")),
        Misconception("a sum, not a mean", "The sum over the batch has the simpler gradient.",
                      "By what is each example's share divided in a mean?", _steps(dL_dz="g*(p - y)")),
        Misconception("label and complement are swapped", "Both terms look alike, and which one belongs to p is easily mixed up.",
                      "Which term of the loss is left for y = 1?",
                      _steps("-(1 - y)/p + y/(1 - p)", dl_dz="p - (1 - y)", dL_dz="g*(p - (1 - y))/N")),
        Misconception("the denominators are swapped", "Each term is divided by what stands in its own logarithm.",
                      "What is the derivative of log p by p, and what stands in front of that logarithm?", _steps("-y/(1 - p) + (1 - y)/p")),
        Misconception("odds in place of a slope", "p/(1 - p) is what the logit is the logarithm of; the slope is a product.",
                      "How steep is the sigmoid at its upper end, where p is close to 1?", _steps(dp_dz="p/(1 - p)")),
        Misconception("one example's gradient, alone", "Without a mean and at the end of a network nothing would be missing.",
                      "Where do N and g come in?", _steps(dL_dz="p - y")),
        Misconception("what comes from above is left out", "At the end of a network g is 1, so it is easily forgotten.",
                      "What if L is itself multiplied by g further up?", _steps(dL_dz="(p - y)/N")),
        Misconception("what comes from above is added", "Contributions of several paths are added, but this is one path.",
                      "Does the chain rule add or multiply along one path?", _steps(dL_dz="g + (p - y)/N")),
    ),
)
