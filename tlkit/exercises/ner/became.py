"""Exercise 08.became (optional): what became of an entity."""

import numpy as np

from tlkit.exercises.record import Case, Exercise, Misconception


def _cases(rng: np.random.Generator) -> list[Case]:
    a, b = (str(kind) for kind in rng.permutation(["PER", "LOC", "ORG"])[:2])
    at = int(rng.integers(2, 6))
    gold = (a, at, at + 3)
    far = (a, at + 7, at + 8)
    return [
        Case("right", "found as it is", ((gold, [gold]),)),
        Case("right", "found, and another far away", ((gold, [far, gold]),)),
        Case("the wrong type", "the same words", ((gold, [(b, at, at + 3)]),)),
        Case("the wrong type", "the same words, and one of its own type beyond", ((gold, [(b, at, at + 3), far]),)),
        Case("the wrong boundary", "too short", ((gold, [(a, at, at + 2)]),)),
        Case("the wrong boundary", "too long on both sides", ((gold, [(a, at - 1, at + 4)]),)),
        Case("the wrong boundary", "in two pieces, one of another type", ((gold, [(b, at, at + 1), (a, at + 1, at + 3)]),)),
        Case("both wrong", "another type, and too short", ((gold, [(b, at + 1, at + 3)]),)),
        Case("both wrong", "a neighbour of its type, and one of another that overlaps", ((gold, [(a, at + 3, at + 5), (b, at - 1, at + 1)]),)),
        Case("missed", "nothing was named", ((gold, []),)),
        Case("missed", "one of its type far away", ((gold, [far]),)),
        Case("missed", "the next word is another entity", ((gold, [(a, at + 3, at + 4)]),)),
        Case("missed", "the word before is another entity", ((gold, [(a, at - 1, at), far]),)),
    ]


def _sorted_by(overlap=lambda one, other: one[1] < other[2] and other[1] < one[2], order=("right", "type", "boundary"), rest="both", far="missed"):
    def answer(span, named):
        span, named = tuple(span), [tuple(other) for other in named]
        near = [other for other in named if overlap(span, other)]
        tests = {"right": span in named, "type": any(other[1:] == span[1:] for other in near), "boundary": any(other[0] == span[0] for other in near)}
        return next((name for name in order if tests[name]), rest if near else far)

    return answer


def _first_alone(span, named):
    near = [other for other in named if span[1] < other[2] and other[1] < span[2]]
    return _sorted_by()(span, near[:1])


def _same_beginning(span, named):
    return _sorted_by(overlap=lambda one, other: one[1] == other[1])(span, named)


BECAME = Exercise(
    id="08.became",
    title="what became of an entity",
    name="what_became_of",
    parameters=("span", "named"),
    points=3,
    minutes=10,
    difficulty="medium",
    reference="tlkit.spans:what_became_of",
    cases=_cases,
    equivalent_mutants={"near = [other for other in named if _share_words(other, span)]": "sharing has two equal sides"},
    hint="First find those that share a word with it; then ask the questions in the exercise's order.",
    misconceptions=(
        Misconception("touching counts as sharing", "`end` is the first word behind: a span that begins there shares nothing.",
                      "Which words belong to a span that ends where another begins?",
                      _sorted_by(overlap=lambda one, other: one[1] <= other[2] and other[1] <= one[2])),
        Misconception("everything in the sentence is near", "An entity that stands elsewhere has nothing to do with this one.", "When do two spans share a word?",
                      _sorted_by(overlap=lambda one, other: True)),
        Misconception("only the first that is near", "Two spans can share words with it, and the better one counts.", "What if the second is the better one?",
                      _first_alone),
        Misconception("only those with the same beginning", "A span that begins a word later shares the rest.", "When do two spans share a word?",
                      _same_beginning),
        Misconception("both wrong is missed", "Something was seen there, if nothing about it was right.", "What if another type is named for a part of it?",
                      _sorted_by(rest="missed")),
        Misconception("both wrong is a wrong boundary", "The type is wrong as well.", "Which word does the exercise have for it?", _sorted_by(rest="boundary")),
        Misconception("both wrong is a wrong type", "The boundary is wrong as well.", "Which word does the exercise have for it?", _sorted_by(rest="type")),
    ),
)
