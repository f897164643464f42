"""Exercise 07.pad: texts of different lengths in one batch, and the mask of what is not padding."""

import numpy as np
import torch

from tlkit.exercises.record import Case, Exercise, Misconception


def _cases(rng: np.random.Generator) -> list[Case]:
    def rows(*lengths):
        return [[101, *rng.integers(1000, 30000, length - 2).tolist(), 102] for length in lengths]

    some = [int(length) for length in rng.choice(np.arange(3, 12), 4, replace=False)]
    inside = [[50256, 11, 7], [11, 50256, 50256, 9, 13], [8, 50256]]
    longest, same = "up to the longest of the batch", "texts of one length"
    return [
        Case(longest, "a text of three tokens and one of two", (([[101, 7592, 102], [101, 102]], 0),)),
        Case(longest, "the longest comes last", ((rows(3, 4, 7), 0),)),
        Case(longest, "four texts", ((rows(*some), 0),)),
        Case(same, "two texts of four tokens", ((rows(4, 4), 0),)),
        Case(same, "a single text", ((rows(5), 0),)),
        Case("another padding token", "padding is token 1", ((rows(5, 3, 4), 1),)),
        Case("another padding token", "the token of padding occurs in the texts", ((inside, 50256),)),
        Case("a text without tokens", "an empty row", (([[7, 8], [], [9]], 0),)),
        Case("no texts are refused", "one token", (([[5]], 0),)),
        Case("no texts are refused", "no rows", (([], 0),), raises="ValueError"),
    ]


def _padded(length=max, pad=None, left=False, mask=lambda is_token, tokens, pad_token: is_token):
    """Rows padded by some rule: how long, with what, on which side, and with which mask."""

    def answer(rows, pad_token):
        if not rows:
            raise ValueError("no rows")
        places = length([len(row) for row in rows])
        tokens = torch.full((len(rows), places), pad_token if pad is None else pad)
        is_token = torch.zeros(len(rows), places, dtype=torch.bool)
        for number, row in enumerate(rows):
            kept = row[:places]
            where = slice(places - len(kept), places) if left else slice(0, len(kept))
            tokens[number, where] = torch.tensor(kept, dtype=torch.long)
            is_token[number, where] = True
        return tokens, mask(is_token, tokens, pad_token)

    return answer


def _transposed(rows, pad_token):
    tokens, mask = _padded()(rows, pad_token)
    return tokens.T, mask.T


def _lengths(rows, pad_token):
    tokens, mask = _padded()(rows, pad_token)
    return tokens, mask.sum(dim=1)


def _tokens_alone(rows, pad_token):
    return _padded()(rows, pad_token)[0]


def _nothing(rows, pad_token):
    return _padded()(rows, pad_token) if rows else (torch.zeros(0, 0, dtype=torch.long), torch.zeros(0, 0, dtype=torch.bool))


PAD = Exercise(
    id="07.pad",
    title="a batch of texts of different lengths",
    name="pad_batch",
    parameters=("rows", "pad_token"),
    points=3,
    minutes=10,
    difficulty="medium",
    reference="tlkit.backbones.padding:pad_batch",
    cases=_cases,
    shrinks=False,
    shortcuts=("torch.nn.utils.rnn:pad_sequence",),
    equivalent_mutants=dict.fromkeys(
        ("dropped: if len(rows) == 0:\n    raise TlkitError('a batch needs one text or more, and got none')",
         "dropped: raise TlkitError('a batch needs one text or more, and got none')", "if len(rows) == -1:"),
        "the largest of nothing is a ValueError as well"),
    hint="Fill a rectangle with `pad_token`, then write each row over its beginning, and True beside it.",
    misconceptions=(
        Misconception("padded to a fixed length", "As the source does, to 128. It is right and slow: most of what is computed is padding.",
                      "How long is the longest row of this batch?", _padded(length=lambda lengths: max([128, *lengths]))),
        Misconception("cut to the shortest", "A rectangle too, but the ends of all other texts are gone.", "Which row decides how wide the batch is?",
                      _padded(length=min)),
        Misconception("padded on the left", "Right for models that go on writing; BERT counts positions from the first token on.",
                      "At which place does a text's [CLS] stand?", _padded(left=True)),
        Misconception("padded with 0, whatever the padding token is", "For BERT it is 0, for others it is another.", "What is `pad_token` for?", _padded(pad=0)),
        Misconception("True on padding", "PyTorch's own layers want it so (`key_padding_mask`); tokenizers and this course mark what counts.",
                      "What should the mask be at a text's first token?", _padded(mask=lambda is_token, tokens, pad_token: ~is_token)),
        Misconception("the mask is read off the tokens", "`tokens != pad_token` is right until the token of padding is a token of the text too, as for GPT-2.",
                      "What tells padding from a token, if not its number?", _padded(mask=lambda is_token, tokens, pad_token: tokens != pad_token)),
        Misconception("the mask is True where a token is not 0", "Zero is padding for BERT alone.", "What tells padding from a token, if not its number?",
                      _padded(mask=lambda is_token, tokens, pad_token: tokens != 0)),
        Misconception("no padding is masked", "The shape is right, and attention and means will count padding as text.",
                      "What should the mask be behind a text's end?", _padded(mask=lambda is_token, tokens, pad_token: torch.ones_like(is_token))),
        Misconception("the mask is one place short", "The last token of each text, [SEP], is a token too.", "How many True has a row of four tokens?",
                      _padded(mask=lambda is_token, tokens, pad_token: is_token & torch.cat([is_token[:, 1:], torch.zeros_like(is_token[:, :1])], 1))),
        Misconception("texts in columns", "Sequence first, as recurrent networks once had it.", "Which axis is the batch's?", _transposed),
        Misconception("lengths for a mask", "They hold the same, but the body wants to know it of each place.", "Which shape has the mask?", _lengths),
        Misconception("no mask", "Without it nobody can tell padding from text.", "Which two things should be returned?", _tokens_alone),
        Misconception("an empty batch for no rows", "Harmless here; the body stops at it, with an error that is harder to read.",
                      "What does the exercise ask for where there are no rows?", _nothing),
    ),
)
