"""Exercise 07.audit: what a limit of tokens cuts off."""

import numpy as np

from tlkit.exercises.record import Case, Exercise, Misconception


def _cases(rng: np.random.Generator) -> list[Case]:
    some = [int(length) for length in rng.integers(4, 60, 9)]
    cut, limit, none = "texts that are cut", "at the limit", "other special tokens"
    return [
        Case(cut, "one text of two is cut", (([6, 13], 10, 2),)),
        Case(cut, "all texts are cut", (([20, 31, 45], 16, 2),)),
        Case(cut, "nine texts", (([*some, 70], 32, 2),)),
        Case(limit, "pieces and special tokens just fit; another text is two pieces too long", (([8, 10], 10, 2),)),
        Case(limit, "one piece too many, two, and one too few", (([9, 10, 7], 10, 2),)),
        Case(limit, "everything fits but one text", (([3, 5, 2, 40], 20, 2),)),
        Case(none, "no special tokens", (([10, 11, 14], 10, 0),)),
        Case(none, "three special tokens", (([10, 6, 14], 10, 3),)),
        Case("nothing is cut", "everything fits", (([3, 5, 2], 20, 2), ([3, 50], 20, 2))),
        Case("no texts are refused", "a single text", (([30], 12, 2),)),
        Case("no texts are refused", "no text", (([], 128, 2),), raises="ValueError"),
    ]


def _found(room=lambda limit, special: limit - special, share=None, count=None):
    def answer(pieces, max_length, special):
        if len(pieces) == 0:
            raise ValueError("no texts")
        pieces = np.asarray(pieces)
        lost = np.maximum(pieces - room(max_length, special), 0)
        cut = float((lost > 0).mean()) if share is None else float(share(lost, pieces))
        return cut, int(lost.sum()) if count is None else int(count(lost, pieces, max_length - special))

    return answer


def _at_the_limit(pieces, max_length, special):
    if len(pieces) == 0:
        raise ValueError("no texts")
    lost = np.asarray(pieces) - (max_length - special)
    return float((lost >= 0).mean()), int(np.maximum(lost, 0).sum())


def _share_lost(pieces, max_length, special):
    share, lost = _found()(pieces, max_length, special)
    return share, lost / sum(pieces)


def _swapped(pieces, max_length, special):
    return _found()(pieces, max_length, special)[::-1]


def _zero(pieces, max_length, special):
    return _found()(pieces, max_length, special) if len(pieces) else (0.0, 0)


AUDIT = Exercise(
    id="07.audit",
    title="what a limit cuts off",
    name="truncation",
    parameters=("pieces", "max_length", "special"),
    points=2,
    minutes=7,
    difficulty="easy",
    reference="tlkit.backbones.padding:truncation",
    cases=_cases,
    hint="How many word pieces fit into `max_length` tokens, if `special` of them are not for words?",
    misconceptions=(
        Misconception("special tokens are forgotten", "[CLS] and [SEP] take places as well, so fewer pieces fit than the limit says.",
                      "How many pieces of a text fit into 10 tokens?", _found(lambda limit, special: limit)),
        Misconception("special tokens are added, not taken off", "They make a text longer, so they make the room smaller.",
                      "How many pieces of a text fit into 10 tokens?", _found(lambda limit, special: limit + special)),
        Misconception("always two special tokens", "BERT has two, others have none or three.", "What is the last argument for?",
                      _found(lambda limit, special: limit - 2)),
        Misconception("one special token", "[CLS] is remembered, [SEP] is not (or the other way round).", "How many are there?",
                      _found(lambda limit, special: limit - min(special, 1))),
        Misconception("a text that just fits is cut", "At equality nothing is lost.", "How many pieces does a text lose that has as many as there is room?",
                      _at_the_limit),
        Misconception("the share of pieces for the share of texts", "One long text can lose most of what is lost.", "What is counted, texts or pieces?",
                      _found(share=lambda lost, pieces: lost.sum() / pieces.sum())),
        Misconception("the number of texts for their share", "A share lies between 0 and 1.", "Divided by what?",
                      _found(share=lambda lost, pieces: (lost > 0).sum())),
        Misconception("the share that is whole", "The others are asked for.", "Which texts are counted?", _found(share=lambda lost, pieces: (lost == 0).mean())),
        Misconception("all pieces of a text that is cut", "Its beginning is read after all.", "How many pieces of a text are lost that has one too many?",
                      _found(count=lambda lost, pieces, room: pieces[lost > 0].sum())),
        Misconception("the pieces that are kept", "The others are asked for.", "What is lost?", _found(count=lambda lost, pieces, room: np.minimum(pieces, room).sum())),
        Misconception("short texts make up for long ones", "A text that is too short gives its places to nobody.", "What does a text lose that has room to spare?",
                      _found(count=lambda lost, pieces, room: (pieces - room).sum())),
        Misconception("the share of pieces that are lost", "A share says more, but a count is asked for.", "What is the second number?", _share_lost),
        Misconception("the two the other way round", "First the share of texts, then the pieces.", "Which comes first?", _swapped),
        Misconception("nothing is lost where there is no text", "No text was cut, but none was looked at either.", "What does the exercise ask for where there is no "
                      "text?", _zero),
    ),
)
