"""Exercise 08.bio2 (optional): from BIO1 to BIO2."""

import numpy as np

from tlkit.exercises.record import Case, Exercise, Misconception


def _cases(rng: np.random.Generator) -> list[Case]:
    a, b = (str(kind) for kind in rng.permutation(["PER", "LOC", "ORG"])[:2])
    gap = ["O"] * int(rng.integers(1, 4))
    return [
        Case("an entity begins with B", "one word", (([*gap, f"I-{a}", "O"],),)),
        Case("an entity begins with B", "at the beginning of the sentence", (([f"I-{a}", f"I-{a}", "O", f"I-{b}"],),)),
        Case("an entity goes on with I", "three words", ((["O", f"I-{b}", f"I-{b}", f"I-{b}", *gap],),)),
        Case("an entity goes on with I", "two words, twice", (([f"I-{a}", f"I-{a}", "O", f"I-{a}", f"I-{a}"],),)),
        Case("neighbours", "of one type, told apart by a B", (([f"I-{a}", f"B-{a}", f"I-{a}", "O"],),)),
        Case("neighbours", "of two types", (([f"I-{a}", f"I-{a}", f"I-{b}", "O", f"I-{a}"],),)),
        Case("neighbours", "three of one type", (([f"I-{b}", f"B-{b}", f"B-{b}", f"I-{b}"],),)),
        Case("what is BIO2 already", "stays as it is", (([f"B-{a}", f"I-{a}", "O", f"B-{b}", f"B-{b}"],),)),
        Case("what is BIO2 already", "only the last entity is not", (([f"B-{b}", f"I-{b}", f"I-{b}", *gap, f"I-{a}"],),)),
    ]


def _by(begins):
    """B where `begins(prefix, type, previous prefix, previous type)` says so."""

    def answer(tags):
        converted, before = [], ("O", "")
        for tag in tags:
            prefix, _, kind = tag.partition("-")
            converted.append("O" if tag == "O" else f"{'B' if begins(prefix, kind, *before) else 'I'}-{kind}")
            before = (prefix, kind)
        return converted

    return answer


def _in_place(tags):
    right = _by(lambda prefix, kind, prefix_before, kind_before: prefix == "B" or kind != kind_before)(tags)
    tags[:] = right
    return tags


BIO2 = Exercise(
    id="08.bio2",
    title="from BIO1 to BIO2",
    name="bio2",
    parameters=("tags",),
    points=2,
    minutes=8,
    difficulty="easy",
    reference="tlkit.data.conll:bio_to_bio2",
    cases=_cases,
    hint="At each tag, look at the type of the one before.",
    misconceptions=(
        Misconception("only I behind O becomes B", "An entity can also begin right behind one of another type.",
                      "What about I-PER I-LOC?", _by(lambda prefix, kind, before, kind_before: prefix == "B" or before == "O")),
        Misconception("the B of BIO1 is lost", "Types alone do not tell neighbours of one type apart; BIO1's B is there for just that.",
                      "What does a B in BIO1 say?", _by(lambda prefix, kind, before, kind_before: kind != kind_before)),
        Misconception("every I becomes B", "Then every word is an entity of its own.", "What goes on with I in BIO2?", _by(lambda *_: True)),
        Misconception("nothing is changed", "In BIO2 an I may not begin an entity.", "What does an entity begin with in BIO2?",
                      _by(lambda prefix, *_: prefix == "B")),
        Misconception("B and I are exchanged", "In BIO1 B is rare, in BIO2 it is the beginning of every entity; but they are not each other's opposite.",
                      "What goes on with I in both?", _by(lambda prefix, *_: prefix == "I")),
        Misconception("the list is changed itself", "Whoever gave it may still need it as it was.", "Whose list is it?", _in_place),
        Misconception("an I behind a B begins", "Behind a B of its own type an I goes on.", "What does I say behind a tag of its own type?",
                      _by(lambda prefix, kind, before, kind_before: prefix == "B" or before != "I" or kind != kind_before)),
    ),
)
