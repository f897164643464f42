"""Exercise 08.spans: entities from tags."""

import numpy as np

from tlkit.exercises.record import Case, Exercise, Misconception


def _cases(rng: np.random.Generator) -> list[Case]:
    kinds = [str(kind) for kind in rng.permutation(["PER", "LOC", "ORG", "MISC"])]
    a, b, c = kinds[:3]
    gap = ["O"] * int(rng.integers(1, 4))
    return [
        Case("whole entities", "an entity of two words", (([*gap, f"B-{a}", f"I-{a}", "O"],),)),
        Case("whole entities", "two entities of one word", (([f"B-{a}", *gap, f"B-{b}", "O"],),)),
        Case("whole entities", "an entity of three words, and another", (([f"B-{b}", f"I-{b}", f"I-{b}", "O", f"B-{c}", "O"],),)),
        Case("at the end of the sentence", "the last word is an entity", ((["O", *gap, f"B-{a}"],),)),
        Case("at the end of the sentence", "nothing but an entity", (([f"B-{b}", f"I-{b}", f"I-{b}"],),)),
        Case("neighbours", "two entities of one type side by side", (([f"B-{a}", f"B-{a}", f"I-{a}", "O"],),)),
        Case("neighbours", "two entities of two types side by side", ((["O", f"B-{a}", f"I-{a}", f"B-{b}", "O"],),)),
        Case("tags that begin with I", "an I behind O, and an entity", (([*gap, f"I-{a}", f"I-{a}", "O", f"B-{b}", "O"],),)),
        Case("tags that begin with I", "an I of another type behind an entity", (([f"B-{a}", f"I-{b}", f"I-{b}", "O"],),)),
        Case("tags that begin with I", "an I of its own type behind another's", (([f"B-{a}", f"I-{b}", f"I-{a}", "O"],),)),
        Case("names of types", "a type with a hyphen in it", ((["O", "B-work-of-art", "I-work-of-art", "O", "B-work", "O"],),)),
        Case("names of types", "types that begin alike", ((["B-PERSON", "I-PERSON", "O", f"B-{a}", "O"],),)),
        Case("nothing there", "one entity is there", (([f"B-{c}", "O"],),)),
        Case("nothing there", "O alone", ((["O"] * 3,),)),
        Case("nothing there", "no words", (([],),)),
    ]


def _walk(tags, lenient=False, inclusive=False, last=True, any_type=False, merge=False, first_hyphen=False, starts=0):
    """A walk through the tags with one mistake."""
    found, kind, start = [], None, 0

    def close(place):
        if kind is not None:
            found.append((kind, start + starts, place - int(inclusive)))

    for place, tag in enumerate(tags):
        prefix, of = ("O", None) if tag == "O" else (tag[0], tag.split("-")[1] if first_hyphen else tag[2:])
        if kind is not None and prefix == "I" and (any_type or of == kind):
            continue
        if merge and kind is not None and prefix == "B" and of == kind:
            continue
        close(place)
        kind = None
        if prefix == "B" or (lenient and prefix == "I"):
            kind, start = of, place
    if last:
        close(len(tags))
    return found


def _with(**mistake):
    return lambda tags: _walk(list(tags), **mistake)


def _swapped(tags):
    return [(start, end, kind) for kind, start, end in _walk(list(tags))]


def _lengths(tags):
    return [(kind, start, end - start) for kind, start, end in _walk(list(tags))]


def _words_alone(tags):
    return [(tag[2:], place, place + 1) for place, tag in enumerate(tags) if tag != "O"]


def _beginnings_alone(tags):
    return [(tag[2:], place, place + 1) for place, tag in enumerate(tags) if tag.startswith("B-")]


def _broken_dropped(tags):
    """An entity that an I of another type follows is thrown away with it."""
    tags = list(tags)
    return [(kind, start, end) for kind, start, end in _walk(tags) if end == len(tags) or tags[end][0] != "I"]


def _view(values, calls):
    return [[tuple(span) if isinstance(span, (tuple, list)) else span for span in value] if isinstance(value, (list, tuple)) else value
            for value in values]


SPANS = Exercise(
    id="08.spans",
    title="entities from tags",
    name="spans",
    parameters=("tags",),
    points=4,
    minutes=12,
    difficulty="medium",
    reference="tlkit.spans:spans",
    cases=_cases,
    view=_view,
    equivalent_mutants={
        "dropped: _refuse_unknown(scheme)": "answers have no scheme; the usual one is known",
        **dict.fromkeys(("found, kind, start = ([], '', 1)", "found, kind, start = ([], '', -1)"), "the start is set before it is used"),
        **dict.fromkeys((
            "if prefix == 'B' or (scheme == 'conlleval' and prefix != 'I' and (not goes_on)):",
            "if prefix == 'B' or (scheme == 'conlleval' and prefix == 'I' and goes_on):",
        ), "the scheme is strict here, so the second half is false"),
    },
    hint="Walk through the tags with the open entity in hand: at each tag, does it go on, does it end, does one begin?",
    misconceptions=(
        Misconception("an I may begin an entity", "The script of the shared task is lenient like that, and the word is likely part of a name; strict scoring "
                      "asks for a B.", "What may an entity begin with?", _with(lenient=True)),
        Misconception("the end is the last word", "Both conventions are in use. Here `end` is the first word behind, so that `tags[start:end]` is the entity.",
                      "What should `tags[start:end]` be?", _with(inclusive=True)),
        Misconception("the entity at the end is lost", "An entity is put on the list when the next tag ends it, and behind the last word there is none.",
                      "Who closes an entity whose last word is the sentence's?", _with(last=False)),
        Misconception("an I of another type goes on", "Both are I, but a person does not end as a place.", "What else has to be the same for an I to go on?",
                      _with(any_type=True)),
        Misconception("neighbours are merged", "Two names of one type side by side look like one long name; the B between them says that they are two.",
                      "What does a B say, whatever stands before it?", _with(merge=True)),
        Misconception("the type is cut at its second hyphen", "`split(\"-\")` cuts at every hyphen.", "What is the type of B-work-of-art?",
                      _with(first_hyphen=True)),
        Misconception("places before type", "The order is a matter of taste until two programs meet.", "In which order does the exercise name the three?",
                      _swapped),
        Misconception("the length for the end", "Start and length say the same, in another way.", "Which three things does the exercise ask for?", _lengths),
        Misconception("each word by itself", "Each tagged word is a part of an entity, but the entity is the whole.", "How many entities are B-PER I-PER?",
                      _words_alone),
        Misconception("beginnings alone", "There are as many entities as B tags, but they can be longer than a word.", "Where does B-PER I-PER end?",
                      _beginnings_alone),
        Misconception("counted from 1", "People count from one, lists do not.", "Which number has the first word?", _with(starts=1)),
        Misconception("a broken end spoils the entity", "What follows is against the rules, but the entity before it is whole.",
                      "Which of the tags B-PER I-LOC breaks a rule?", _broken_dropped),
    ),
)
