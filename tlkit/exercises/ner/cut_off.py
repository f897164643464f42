"""Exercise 08.cut_off (optional): entities that nobody asks for, because they were cut off."""

import numpy as np

from tlkit.exercises.record import Case, Exercise, Misconception
from tlkit.spans import spans


def _cases(rng: np.random.Generator) -> list[Case]:
    tags = ["B-PER", "I-PER", "O", "O", "B-LOC", "O", "B-ORG", "I-ORG", "I-ORG", "O", "B-LOC"]
    ones = [1] * len(tags)
    pieces = [int(count) for count in rng.integers(1, 4, len(tags))]
    return [
        Case("behind the cut", "three words are read of three", ((["O", "B-PER", "O"], [1, 1, 1], 2),)),
        Case("behind the cut", "the first word alone is read", ((["B-PER", "O", "B-LOC"], [1, 2, 1], 1),)),
        Case("behind the cut", "the last two of four entities are lost", ((tags, ones, 6),)),
        Case("behind the cut", "the very last is lost", ((tags, ones, 10),)),
        Case("words of several tokens", "tokens, not words, are counted", ((tags, [2] * len(tags), 13),)),
        Case("words of several tokens", "words of various lengths", ((tags, pieces, sum(pieces[:6])),)),
        Case("words of several tokens", "a word of which one token is read", ((["O", "B-PER", "O", "B-LOC"], [1, 3, 1, 1], 2),)),
        Case("cut in the middle", "an entity loses its last word", ((tags, ones, 8),)),
        Case("cut in the middle", "an entity loses all but its first", ((tags, ones, 7),)),
        Case("nothing is lost", "all fits, but for the first case", ((tags, ones, 4),)),
        Case("nothing is lost", "all fits", ((tags, pieces, sum(pieces)),)),
        Case("nothing is lost", "what is cut off holds no entity", (([*tags, "O", "O"], [*ones, 1, 1], len(tags)),)),
    ]


def _lost(read, whole=True, count=lambda found: len(found)):
    def answer(tags, pieces, room):
        limit = read(np.asarray(pieces), room)
        return count([span for span in spans(tags) if (span.end > limit if whole else span.start >= limit)])

    return answer


def _first_token_read(pieces, room):
    return int((np.cumsum(pieces) - pieces < room).sum())


def _kept(tags, pieces, room):
    limit = _first_token_read(np.asarray(pieces), room)
    return sum(span.end <= limit for span in spans(tags))


def _tags_lost(tags, pieces, room):
    return sum(tag != "O" for tag in tags[_first_token_read(np.asarray(pieces), room):])


CUT_OFF = Exercise(
    id="08.cut_off",
    title="entities that nobody asks for",
    name="entities_cut_off",
    parameters=("tags", "pieces", "room"),
    points=2,
    minutes=8,
    difficulty="medium",
    reference="tlkit.windows:entities_cut_off",
    cases=_cases,
    given={"spans": "tlkit.spans:spans"},
    hint="Where does each word's first token stand? `np.cumsum` tells where each word ends.",
    misconceptions=(
        Misconception("words are counted, not tokens", "`room` is in tokens, and a word has one or more.", "How many tokens do the first five words have?",
                      _lost(lambda pieces, room: room)),
        Misconception("an entity that is cut in two counts as read", "What is left of it is another entity, and a wrong one.", "Is “New” of “New York” whole?",
                      _lost(_first_token_read, whole=False)),
        Misconception("only whole words are read", "A word is judged at its first token; whether its last one is there matters to nobody.",
                      "Which token of a word has its tag?", _lost(lambda pieces, room: int((np.cumsum(pieces) <= room).sum()))),
        Misconception("one token too many", "`room` tokens have the places 0 to room - 1.", "Which is the last place that is read?",
                      _lost(lambda pieces, room: int((np.cumsum(pieces) - pieces <= room).sum()))),
        Misconception("those that are kept", "The other ones are asked for.", "How many are lost?", _kept),
        Misconception("tags, not entities", "An entity of three words has three tags.", "What is one entity?", _tags_lost),
    ),
)
