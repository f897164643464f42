"""Exercise 03.mend: the lines of section 4.2 of the source, mended."""

import math

import numpy as np

from tlkit.exercises.record import Case, Exercise, Misconception


def _mend_cases(rng: np.random.Generator) -> list[Case]:
    def at(line, y, free):
        """Values of all symbols; l and s are what y, f and d make of them where a line may be written either way."""
        f, d, n = round(rng.uniform(0.15, 0.85), 2), round(rng.uniform(0.5, 2), 2), float(rng.integers(3, 9))
        loss = -(y * math.log(f) + (1 - y) * math.log(1 - f))
        slope = -(y / f - (1 - y) / (1 - f)) * d
        return (line, round(rng.uniform(1, 2), 2) if free else loss, round(rng.uniform(1, 2), 2) if free else slope, y, f, d, n)

    what = (("a positive example", 1.0), ("a negative example", 0.0), ("a soft label", 0.3))
    groups = (("loss", "line 2: the mean loss", False), ("gradient", "line 3: its gradient", False),
              ("slope", "the step that is missing", True), ("expanded", "line 4: the gradient, expanded", True))
    return [Case(group, words, (at(line, y, free),)) for line, group, free in groups for words, y in what]


_SLOPE = "-(y/f - (1 - y)/(1 - f))*d"


def _lines(loss="l/N", gradient="s/N", slope=_SLOPE, expanded=_SLOPE + "/N"):
    return {"loss": loss, "gradient": gradient, "slope": slope, "expanded": expanded}


_PLUS = "(y/f - (1 - y)/(1 - f))*d"

MEND = Exercise(
    id="03.mend",
    title="mend the source's 4.2",
    name="mended",
    kind="formulas",
    parameters=("l", "s", "y", "f", "d", "N"),
    points=4,
    minutes=10,
    difficulty="medium",
    reference="tlkit.gradients.scalar_steps:mended_term",
    cases=_mend_cases,
    equivalent_mutants={
        "dropped: if line == 'gradient':\n    return s / N": "the gradient, expanded, is the gradient",
    },
    hint="Line 1 stays. Go from it to each line in turn: which minus, which 1/N and which derivative does the step bring, or take away?",
    misconceptions=(
        Misconception("the lines as the source has them", "They are printed, and the last one is right.",
                      "Is the mean of positive losses positive?", _lines("-l/N", "-s/N", _PLUS)),
        Misconception("only line 2 is mended", "Its minus is the first mistake; but line 3 carries it on.",
                      "Differentiate your line 2: what stands in front?", _lines(gradient="-s/N")),
        Misconception("the last line loses its minus too", "Every minus in front of 1/N looks like the same mistake.",
                      "Where does the last line's minus come from?", _lines(expanded=_PLUS + "/N")),
        Misconception("the missing step has no minus", "The derivative of the logarithm has none; the loss that it stands in does.",
                      "Differentiate line 1 with its minus and all.", _lines(slope=_PLUS)),
        Misconception("the minus of the loss is lost on the way", "The logarithm's derivative has none, and then the last line must lose its own as well.",
                      "Differentiate line 1 with its minus and all.", _lines(slope=_PLUS, expanded=_PLUS + "/N")),
        Misconception("the chain ends at the output", "The bracket is the derivative by f, and the parameters lie one step further.",
                      "By what is differentiated on the left?",
                      _lines(slope="-(y/f - (1 - y)/(1 - f))", expanded="-(y/f - (1 - y)/(1 - f))/N")),
        Misconception("1/N is left out", "For one example it changes nothing.", "What stands in front of the sum in the source?",
                      _lines("l", "s", _SLOPE, _SLOPE)),
        Misconception("multiplied by N", "Each example's share of a mean gets smaller when there are more of them.",
                      "What stands in front of the sum in the source?", _lines("l*N", "s*N", expanded=_SLOPE + "*N")),
        Misconception("the output's derivative comes twice in line 3", "`s` is the derivative by the parameter, all the way down; `d` is in it already.",
                      "What does the exercise say `s` is?", _lines(gradient="s*d/N")),
        Misconception("label and complement are swapped", "Both terms look alike, and which one belongs to f is easily mixed up.",
                      "Which term of the loss is left for y = 1?",
                      _lines(slope="-((1 - y)/f - y/(1 - f))*d", expanded="-((1 - y)/f - y/(1 - f))*d/N")),
        Misconception("the mean in the single example's step", "1/N stands in every line around it.",
                      "Does the loss of one example know how many others there are?", _lines(slope=_SLOPE + "/N")),
        Misconception("the derivative is not written out", "`s` is a name for it, and the exercise asks what it is.",
                      "Which names may stand in these two lines?", _lines(slope="s", expanded="s/N")),
        Misconception("only the term of the true class", "For y = 1 the second term vanishes, so it is easily forgotten for y = 0.",
                      "Which of the two terms is left for y = 0?", _lines(slope="-y/f*d", expanded="-y/f*d/N")),
        Misconception("predicted minus wanted", "That is the gradient by the logit; here f is any function and d its whole derivative.",
                      "Has a sigmoid been mentioned in 4.2?", _lines(slope="(f - y)*d", expanded="(f - y)*d/N")),
        Misconception("log(1 - f) has an inner derivative", "The minus of the second term comes from inside the logarithm.",
                      "What is the derivative of 1 - f by f?",
                      _lines(slope="-(y/f + (1 - y)/(1 - f))*d", expanded="-(y/f + (1 - y)/(1 - f))*d/N")),
    ),
)
