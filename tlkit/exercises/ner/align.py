"""Exercise 08.align: from the tags of words to the targets of tokens."""

import numpy as np
import torch

from tlkit.exercises.record import Case, Exercise, Misconception

IGNORED = -100


def _cases(rng: np.random.Generator) -> list[Case]:
    def call(pieces, padding=0, cut=None):
        words = [word for word, count in enumerate(pieces) for _ in range(count)][:cut]
        tags = rng.permutation(np.arange(1, len(pieces) + 1))
        return torch.tensor([-1, *words, -1, *[-1] * padding]), torch.tensor(tags)

    some = [int(count) for count in rng.integers(1, 4, 5)]
    several, single = "a word of several tokens", "a word of one token"
    return [
        Case(single, "two words, a token each", (call([1, 1]),)),
        Case(single, "four words, a token each", (call([1, 1, 1, 1]),)),
        Case(several, "a word of three tokens", (call([1, 3]),)),
        Case(several, "two words of two tokens side by side", (call([2, 2, 1]),)),
        Case(several, "words of various lengths", (call([2, *some]),)),
        Case("padding behind the sentence", "a shorter sentence of its batch", (call([1, 2, 1], padding=3),)),
        Case("padding behind the sentence", "more padding than sentence", (call([2, 1], padding=5),)),
        Case("a sentence that was cut", "the last word is missing", (call([1, 2, 1, 1], cut=4),)),
        Case("a sentence that was cut", "the end of the last word is missing, and more words", (call([2, 3, 1, 2], cut=4),)),
    ]


def _each_token(words, tags, label):
    """Targets by a rule: label(place, word, word before, word behind)."""
    numbers = [-1, *words.tolist(), -1]
    return torch.tensor([label(numbers[place - 1], numbers[place], numbers[place + 1]) for place in range(1, len(numbers) - 1)])


def _every_piece(words, tags):
    return _each_token(words, tags, lambda before, word, behind: IGNORED if word < 0 else int(tags[word]))


def _last_piece(words, tags):
    return _each_token(words, tags, lambda before, word, behind: int(tags[word]) if word >= 0 and word != behind else IGNORED)


def _specials_outside(words, tags):
    return _each_token(words, tags, lambda before, word, behind: 0 if word < 0 else int(tags[word]) if word != before else IGNORED)


def _pieces_outside(words, tags):
    return _each_token(words, tags, lambda before, word, behind: IGNORED if word < 0 else int(tags[word]) if word != before else 0)


def _specials_last_tag(words, tags):
    return _each_token(words, tags, lambda before, word, behind: int(tags[word]) if word != before else IGNORED)


def _zero(words, tags):
    return _each_token(words, tags, lambda before, word, behind: int(tags[word]) if word >= 0 and word != before else 0)


def _tags_everywhere(words, tags):
    return tags[words]


def _in_order(words, tags):
    targets = torch.full_like(words, IGNORED)
    count = min(len(tags), len(words))
    targets[:count] = tags[:count]
    return targets


def _behind_the_first(words, tags):
    targets = torch.full_like(words, IGNORED)
    count = min(len(tags), len(words) - 2)
    targets[1 : count + 1] = tags[:count]
    return targets


def _one_more(words, tags):
    def label(before, word, behind):
        if word < 0:
            return IGNORED
        return int(tags[word]) if word != before else int(tags[word]) + 1

    return _each_token(words, tags, label)


def _minus_one(words, tags):
    targets = _each_token(words, tags, lambda before, word, behind: int(tags[word]) if word >= 0 and word != before else IGNORED)
    return torch.where(targets == IGNORED, -1, targets)


def _ends_missing(words, tags):
    targets = _each_token(words, tags, lambda before, word, behind: int(tags[word]) if word >= 0 and word != before else IGNORED)
    return targets[words >= 0]


ALIGN = Exercise(
    id="08.align",
    title="from words to tokens",
    name="align",
    parameters=("words", "tags"),
    points=4,
    minutes=10,
    difficulty="medium",
    reference="tlkit.kinds:aligned",
    cases=_cases,
    equivalent_mutants={"first = first_tokens(words[None])[-1]": "there is one sentence, which is the first and the last"},
    hint="A token begins a word if it belongs to one and the token before it does not belong to the same.",
    misconceptions=(
        Misconception("every token of a word is asked", "Each token belongs to the word, so why not? Because long words then count more often, "
                      "and an answer that is right at the first token can be wrong at the third.",
                      "How often should a word of three tokens be asked?", _every_piece),
        Misconception("the last token of a word is asked", "It has seen the whole word; the exercise, and what BERT's authors do, asks the first.",
                      "Which token of a word should get its tag?", _last_piece),
        Misconception("special tokens and padding are taught to be O", "They are outside of every entity, but they are no words: the model gets better "
                      "and better at something that nobody asks.", "Which target does cross-entropy leave out?", _specials_outside),
        Misconception("the rest of a word is taught to be O", "The word's tag stands at its first token already, but O behind it is a claim: that these "
                      "letters are no part of the name.", "Which target does cross-entropy leave out?", _pieces_outside),
        Misconception("0 where there is nothing to learn", "0 is the number of a class, as a rule O: the model would be taught it at every special token and at every "
                      "further piece.", "Which target does cross-entropy leave out?", _zero),
        Misconception("-1 picks the last tag", "`tags[-1]` is no error in Python, it is the last word's tag.", "What does `tags[words]` give where "
                      "`words` is -1?", _specials_last_tag),
        Misconception("-1 picks the last tag, and every token is asked", "`tags[words]` is short, and right for neither special tokens nor pieces.",
                      "What does `tags[words]` give where `words` is -1, and where a word repeats?", _tags_everywhere),
        Misconception("tags in a row from the first token on", "As many tags as words, but the first token is no word, and words have several.",
                      "Which token does the first word begin at?", _in_order),
        Misconception("tags in a row behind the first token", "Right as long as every word is one token.", "Where does the word behind a word of "
                      "three tokens begin?", _behind_the_first),
        Misconception("the next class for the rest of a word", "B-PER is followed by I-PER in the list of tags, but so is I-PER by B-LOC.",
                      "What comes behind I-PER in the list?", _one_more),
        Misconception("-1 is not -100", "Any number that is no class looks like “no label”; torch's cross-entropy leaves out -100 and stops at others.",
                      "Which number does the exercise name?", _minus_one),
        Misconception("targets for words' tokens alone", "Special tokens need no target, but the model has an output there, and the two are compared place "
                      "by place.", "How many targets does a sentence of T tokens need?", _ends_missing),
    ),
)
