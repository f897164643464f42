"""Exercise 04.schedule: warm-up and decay."""

import math

import numpy as np

from tlkit.exercises.record import Case, Exercise, Misconception


def _schedule_cases(rng: np.random.Generator) -> list[Case]:
    n = int(rng.integers(30, 60))
    late = int(rng.integers(n // 2, n - 3))
    return [
        Case("warm-up", "the first step of twenty, four of which warm up", (("cosine", 0, 20, 0.2),)),
        Case("warm-up", "the last step of the warm-up", (("linear", 3, 20, 0.2),)),
        Case("warm-up", "two and a half steps of warm-up: the third step", (("constant", 2, 25, 0.1),)),
        Case("warm-up", "in the middle", (("cosine", n // 5, n, 0.5),)),
        Case("the cosine", "half-way down", (("cosine", 12, 20, 0.2),)),
        Case("the cosine", "without a warm-up", (("cosine", late, n, 0.0),)),
        Case("the cosine", "two and a half steps of warm-up", (("cosine", 7, 25, 0.1),)),
        Case("the line", "half-way down", (("linear", 12, 20, 0.2),)),
        Case("the line", "without a warm-up", (("linear", late, n, 0.0),)),
        Case("the line", "two and a half steps of warm-up", (("linear", 7, 25, 0.1),)),
        Case("the ends", "the first step without a warm-up, and the second", (("linear", 0, 10, 0.0), ("cosine", 1, 10, 0.0))),
        Case("the ends", "nearly all of ten steps warm up: the last one", (("linear", 9, 10, 0.85),)),
        Case("the ends", "the first step after the warm-up, and the next", (("cosine", 4, 20, 0.2), ("linear", 5, 20, 0.2))),
        Case("the ends", "after the last step", (("cosine", 20, 20, 0.2), ("linear", 23, 20, 0.2), ("cosine", 27, 20, 0.2), ("cosine", 9, 20, 0.2))),
        Case("constant", "the warm-up, and after it", (("constant", 1, 20, 0.2), ("constant", 15, 20, 0.2))),
    ]


def _answer(rise=lambda step, w: (step + 1) / (w + 1), warm=True, rest=lambda step, w, steps: (step - w) / max(1.0, steps - w), ends=True,
            cosine=lambda t: (1 + math.cos(math.pi * t)) / 2, line=lambda t: 1 - t, share=True, whole=None, both=False, constant=1.0,
            swapped=False, inclusive=False):
    """A schedule with one mistake."""

    def rate_factor(schedule, step, steps, warmup):
        w = warmup * (steps if share else 1)
        w = whole(w) if whole else w
        rising = rise(step, w) if step < w or inclusive and step == w else 1.0
        if warm and rising != 1.0 and not both:
            return rising
        t = rest(step, w, steps)
        t = min(1.0, t) if ends else t
        shapes = {"cosine": cosine(t), "linear": line(t), "constant": constant}
        if swapped:
            shapes["cosine"], shapes["linear"] = shapes["linear"], shapes["cosine"]
        return shapes[schedule] * (rising if both else 1.0)

    return rate_factor


SCHEDULE = Exercise(
    id="04.schedule",
    title="warm-up and decay",
    name="rate_factor",
    parameters=("schedule", "step", "steps", "warmup"),
    points=5,
    minutes=10,
    difficulty="easy",
    reference="tlkit.schedules:rate_factor",
    cases=_schedule_cases,
    rtol=1e-9,
    atol=1e-12,
    shrinks=False,
    hint="First ask whether the step still warms up; if not, how far through the rest is it, from 0 to 1?",
    shortcuts=("tlkit.schedules:warmup_cosine",),
    equivalent_mutants={
        "if step <= warmup_steps:": "where step and warm-up are equal, both branches give 1",
        "t = min(1.0, (step - warmup_steps) / max(-1.0, steps - warmup_steps))": "a warm-up over the whole run, and a step behind its end, are not asked for",
    },
    misconceptions=(
        Misconception("the first step has rate 0", "Counting from 0, step over W looks natural; then the first step is wasted.",
                      "How far does the weight move at step 0?", _answer(rise=lambda step, w: step / w)),
        Misconception("the warm-up ends at 1 one step too early", "(step + 1) / W reaches 1 while it is still warming up.",
                      "Which value has the last step of the warm-up?", _answer(rise=lambda step, w: (step + 1) / w)),
        Misconception("there is no warm-up", "Half of the formula is enough for a curve that looks right.", "Which value has step 0?",
                      _answer(warm=False)),
        Misconception("the decay begins at step 0", "Then the rate drops by a jump where the warm-up ends.",
                      "Which value has the first step after the warm-up?", _answer(rest=lambda step, w, steps: step / steps)),
        Misconception("the decay takes as long as the whole run", "It starts after the warm-up, but is stretched over all steps, and is cut off above 0.",
                      "How many steps are left when the warm-up is over?", _answer(rest=lambda step, w, steps: (step - w) / steps)),
        Misconception("warm-up is taken for a number of steps", "Many libraries count it in steps; here it is a share.",
                      "How many of 20 steps is a share of 0.2?", _answer(share=False)),
        Misconception("the warm-up is rounded down", "A number of steps should be whole, one thinks; the line does not need it.",
                      "Is step 2 before 2.5?", _answer(whole=int)),
        Misconception("the warm-up is rounded up", "A number of steps should be whole, one thinks; the line does not need it.",
                      "By what is the first step's 1 divided, when W is 2.5?", _answer(whole=math.ceil)),
        Misconception("warm-up times decay", "Both are factors, so multiplying them looks natural.",
                      "Does the decay begin before the warm-up is over?", _answer(both=True, rest=lambda step, w, steps: step / steps)),
        Misconception("the cosine is not moved up", "A cosine falls from 1 to -1.", "Which value has the factor in the middle of the way down?",
                      _answer(cosine=lambda t: math.cos(math.pi * t))),
        Misconception("a quarter of a wave", "cos from 0 to pi/2 also falls from 1 to 0, but it ends at full speed.",
                      "At which angle does the cosine end?", _answer(cosine=lambda t: math.cos(math.pi * t / 2))),
        Misconception("it goes on after the end", "t grows past 1: the line turns negative, the cosine rises again.",
                      "How large may t become?", _answer(ends=False)),
        Misconception("“constant” is 0", "After the warm-up it should stay, not go.", "Which factor leaves the rate as it is?", _answer(constant=0.0)),
        Misconception("line and cosine are swapped", "Two branches, and nothing complains.", "Which of the two is still near 1 a little after the warm-up?", _answer(swapped=True)),
    ),
)
