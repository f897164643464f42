"""Exercise 08.bounds: between what entity F1 must lie, by a table of token scores."""

import numpy as np

from tlkit.exercises.ner.token_accuracy import table
from tlkit.exercises.record import Case, Exercise, Misconception


def _cases(rng: np.random.Generator) -> list[Case]:
    def better(rows):
        return [(tag, *(np.round(1 - (1 - np.array([precision, recall])) / 8, 4).tolist()), support if tag[0] != "I" else support // 4 + 3)
                for tag, precision, recall, support in rows]

    begins = [row for row in table(rng, 3) if row[0][0] != "I"]
    perfect = [(tag, 1.0, 1.0, support) for tag, _, _, support in table(rng, 2)]
    spoiled = [("B-PER", 0.9, 0.8, 30), ("I-PER", 0.5, 0.4, 30), ("O", 0.99, 0.98, 2000)]
    return [
        Case("entities of one word", "no I in the table", (([("B-PER", 0.8, 0.5, 40), ("O", 0.97, 0.99, 900)],),)),
        Case("entities of one word", "three types, no I", ((begins,),)),
        Case("inside tags that are missed or invented", "one type", ((better(table(rng, 1)),),)),
        Case("inside tags that are missed or invented", "three types", ((better(table(rng, 3)),),)),
        Case("inside tags that are missed or invented", "all I are right", (([("B-PER", 0.9, 0.7, 60), ("I-PER", 1.0, 1.0, 33), ("O", 0.98, 0.99, 800)],),)),
        Case("inside tags that are missed or invented", "every I that was named is right", (([("B-LOC", 0.9, 0.7, 60), ("I-LOC", 1.0, 0.75, 16)],),)),
        Case("inside tags that are missed or invented", "every I that is there was named", (([("B-LOC", 0.9, 0.7, 60), ("I-LOC", 0.8, 1.0, 16)],),)),
        Case("never below 0, and 1 at most", "all is right", ((perfect,),)),
        Case("never below 0, and 1 at most", "more I are wrong than entities are right", ((spoiled,),)),
        Case("no row that begins an entity is refused", "one is enough", (([("B-ORG", 0.75, 0.6, 20)],),)),
        Case("no row that begins an entity is refused", "O alone", (([("O", 0.9, 0.9, 100)],),), raises="ValueError"),
        Case("no row that begins an entity is refused", "I and O", (([("I-PER", 0.9, 0.9, 10), ("O", 0.9, 0.9, 100)],),), raises="ValueError"),
    ]


def _bounds(missed=1.0, invented=1.0, clip=True, twice_there=False, outside=False, inside_as_begins=False, low_of=None):
    """The bounds with one mistake."""

    def answer(rows):
        begins = [row for row in rows if row[0].startswith("B-") or (outside and row[0] == "O") or (inside_as_begins and row[0].startswith("I-"))]
        inside = [row for row in rows if row[0].startswith("I-")]
        if not any(row[0].startswith("B-") for row in rows):
            raise ValueError("no row begins an entity")
        there = sum(row[3] for row in begins)
        right = sum(row[2] * row[3] for row in begins)
        named = there if twice_there else sum(row[2] * row[3] / row[1] for row in begins)
        lost = missed * sum(row[3] - row[2] * row[3] for row in inside) + invented * sum(row[2] * row[3] / row[1] - row[2] * row[3] for row in inside)
        high = 2 * right / (there + named)
        low = low_of(high, lost, there, named) if low_of else 2 * (right - lost) / (there + named)
        return (max(low, 0.0) if clip else low), high

    return answer


def _larger(rows):
    """The larger of the two kinds of wrong I is taken off."""
    only_missed, only_invented = _bounds(invented=0.0)(rows), _bounds(missed=0.0)(rows)
    return min(only_missed[0], only_invented[0]), only_missed[1]


def _exchanged(rows):
    return _bounds()([(tag, recall, precision, support) for tag, precision, recall, support in rows])


def _weighted_f1(rows):
    begins = [row for row in rows if row[0].startswith("B-")]
    low, _ = _bounds()(rows)
    return low, sum(2 * row[1] * row[2] / (row[1] + row[2]) * row[3] for row in begins) / sum(row[3] for row in begins)


def _swapped(rows):
    return _bounds()(rows)[::-1]


def _lost_named(rows):
    """What is lost is taken off the entities that were named and that are there as well."""
    begins, inside = ([row for row in rows if row[0].startswith(prefix)] for prefix in ("B-", "I-"))
    if not begins:
        raise ValueError("no row begins an entity")
    there, right = sum(row[3] for row in begins), sum(row[2] * row[3] for row in begins)
    named = sum(row[2] * row[3] / row[1] for row in begins)
    lost = sum(row[3] - 2 * row[2] * row[3] + row[2] * row[3] / row[1] for row in inside)
    return max(0.0, 2 * (right - lost) / max(there + named - 2 * lost, 1e-9)) if lost < right else 0.0, 2 * right / (there + named)


BOUNDS = Exercise(
    id="08.bounds",
    title="what entity F1 can be",
    name="entity_f1_bounds",
    parameters=("rows",),
    points=4,
    minutes=12,
    difficulty="hard",
    reference="tlkit.token_table:entity_f1_bounds",
    cases=_cases,
    rtol=1e-9,
    atol=1e-9,
    hint="Write down four sums first: entities there, entities named, right B, and I that are wrong in one way or the other.",
    misconceptions=(
        Misconception("only the missed I are taken off", "An I that was invented behind an entity makes it too long, which is as wrong as too short.",
                      "In which two ways can an I be wrong?", _bounds(invented=0.0)),
        Misconception("only the invented I are taken off", "An I that was missed makes an entity too short.", "In which two ways can an I be wrong?",
                      _bounds(missed=0.0)),
        Misconception("the larger of the two kinds of wrong I", "Each kind may spoil other entities: what one missed and another invented adds up.",
                      "Can an I that was missed and one that was invented lie in two entities?", _larger),
        Misconception("precision and recall are exchanged", "A row is (tag, precision, recall, support), in this order.",
                      "Which of the two says how many of those that are there were found?", _exchanged),
        Misconception("half an entity for each wrong I", "A token is missed and another invented where a boundary moved, but they may as well lie in two entities.",
                      "How many entities can one wrong I spoil at most?", _bounds(missed=0.5, invented=0.5)),
        Misconception("below 0", "More I can be wrong than there are entities with a right B; F1 is 0 then, and no less.", "What is the least that F1 can be?",
                      _bounds(clip=False)),
        Misconception("as many named as there are", "Precision says how many of those that were named are right, so it says how many were named.",
                      "How many tokens were given a tag of which you know TP and precision?", _bounds(twice_there=True)),
        Misconception("I counts as a beginning", "All tags but O, then: that is F1 of tokens, not of entities.", "Which tags are as many as entities?",
                      _bounds(inside_as_begins=True)),
        Misconception("O counts as a beginning", "O is no entity, and there is a lot of it.", "Which tags are as many as entities?", _bounds(outside=True)),
        Misconception("the mean of the rows' F1", "F1 of all entities is not the mean of the types' F1, not even with weights: sums come before division.",
                      "Which counts go into one F1 of all entities?", _weighted_f1),
        Misconception("high before low", "Both are there.", "Which of the two comes first?", _swapped),
        Misconception("what is lost is a share of those there", "That would be lost recall; F1 divides by both, those there and those named.",
                      "By what is the number of lost entities divided?", _bounds(low_of=lambda high, lost, there, named: high - lost / there)),
        Misconception("spoiled entities are no longer named", "They are: with the wrong end. They stay in P and in G.",
                      "Does an entity that is cut short disappear from those that were named?", _lost_named),
    ),
)
