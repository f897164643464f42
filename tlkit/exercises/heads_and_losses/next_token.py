"""Exercise 02.next_token: the loss of a model that predicts, at every place, the token after it."""

import numpy as np
import torch

from tlkit.exercises.heads_and_losses.cross_entropy import READY_MADE
from tlkit.exercises.record import Case, Exercise, Misconception


def _next_cases(rng: np.random.Generator) -> list[Case]:
    def call(asked, vocabulary, scale=2.0, gradient=False):
        asked = np.array(asked, bool)
        logits = torch.tensor(np.round(rng.normal(size=(*asked.shape, vocabulary)) * scale, 2), requires_grad=gradient)
        return logits, torch.tensor(rng.integers(0, vocabulary, asked.shape)), torch.tensor(asked)

    def from_to(*spans, places):
        """Each sequence is asked from one place up to, and not including, another."""
        at = np.arange(places)
        return [(at >= first) & (at < end) for first, end in spans]

    b, t, v = int(rng.integers(3, 5)), int(rng.integers(6, 8)), int(rng.integers(9, 11))
    spans = [(int(rng.integers(1, 4)), int(rng.integers(4, t + 1))) for _ in range(b)]
    return [
        Case("every token is asked", "one sequence of three tokens", (call(np.ones((1, 3)), 4),)),
        Case("every token is asked", "sizes that all differ", (call(np.ones((b, t)), v),)),
        Case("every token is asked", "large logits", (call(np.ones((2, 4)), 5, 2000.0),)),
        Case("only the answer is asked", "a question of two tokens, an answer of two", (call(from_to((2, 4), places=4), 5),)),
        Case("only the answer is asked", "another question in each sequence", (call(from_to(*((s, t) for s, _ in spans), places=t), v),)),
        Case("padding is not asked", "sequences of 4 and 2 tokens", (call(from_to((0, 4), (0, 2), places=4), 5),)),
        Case("padding is not asked", "question, answer and padding", (call(from_to(*spans, places=t), v),)),
        Case("padding is not asked", "padding in front", (call(from_to((3, 5), (1, 5), places=5), 6),)),
        Case("no token is asked", "the last one alone is", (call(from_to((3, 4), places=4), 5),)),
        Case("no token is asked", "only the first one, which nothing predicts", (call(from_to((0, 1), (0, 0), places=3), 4),)),
        Case("a gradient flows back", "none at places whose next token is not asked", (call(from_to((1, 4), (2, 3), places=4), 5, gradient=True),),
             upstream=round(rng.uniform(2, 3), 1)),
    ]


def _at_each_place(logits, targets):
    """Cross-entropy at every place, written out as learners must: what is ready-made is not allowed here."""
    return logits.logsumexp(-1) - logits.gather(-1, targets[..., None])[..., 0]


def _mean(logits, targets, counts):
    return _at_each_place(logits, targets)[counts].mean()


def _shifted(logits, tokens, is_asked):
    return logits[:, :-1], tokens[:, 1:], is_asked[:, 1:]


def _next_not_shifted(logits, tokens, is_asked):
    return _mean(logits, tokens, is_asked)


def _next_backwards(logits, tokens, is_asked):
    return _mean(logits[:, 1:], tokens[:, :-1], is_asked[:, :-1])


def _next_two_places(logits, tokens, is_asked):
    return _mean(logits[:, :-2], tokens[:, 2:], is_asked[:, 2:])


def _next_all(logits, tokens, is_asked):
    return _mean(*_shifted(logits, tokens, torch.ones_like(is_asked)))


def _next_mask_not_shifted(logits, tokens, is_asked):
    return _mean(logits[:, :-1], tokens[:, 1:], is_asked[:, :-1])


def _next_both_asked(logits, tokens, is_asked):
    return _mean(logits[:, :-1], tokens[:, 1:], is_asked[:, 1:] & is_asked[:, :-1])


def _next_round_the_corner(logits, tokens, is_asked):
    return _mean(logits, tokens.roll(-1, 1), is_asked.roll(-1, 1))


def _next_divided_by_all(logits, tokens, is_asked):
    losses, counts = _losses(logits, tokens, is_asked)
    return (losses * counts).mean() if counts.any() else losses.sum() * torch.nan


def _next_divided_by_asked(logits, tokens, is_asked):
    losses, counts = _losses(logits, tokens, is_asked)
    return (losses * counts).sum() / is_asked.sum()


def _losses(logits, tokens, is_asked):
    logits, tokens, counts = _shifted(logits, tokens, is_asked)
    return _at_each_place(logits, tokens), counts


def _next_mean_of_means(logits, tokens, is_asked):
    losses, counts = _losses(logits, tokens, is_asked)
    return ((losses * counts).sum(1) / counts.sum(1)).mean()


def _next_sum(logits, tokens, is_asked):
    losses, counts = _losses(logits, tokens, is_asked)
    return (losses * counts).sum() if counts.any() else losses.sum() * torch.nan


def _next_zero(logits, tokens, is_asked):
    losses, counts = _losses(logits, tokens, is_asked)
    return (losses * counts).sum() / counts.sum().clamp(min=1)


def _next_token_0(logits, tokens, is_asked):
    return _mean(*_shifted(logits, tokens.masked_fill(~is_asked, 0), torch.ones_like(is_asked)))


def _next_token_0_ignored(logits, tokens, is_asked):
    logits, tokens, counts = _shifted(logits, tokens, is_asked)
    return _mean(logits, tokens, counts & (tokens != 0))


def _next_perplexity(logits, tokens, is_asked):
    return _mean(*_shifted(logits, tokens, is_asked)).exp()


def _next_last_place_only(logits, tokens, is_asked):
    return _mean(logits[:, -2:-1], tokens[:, -1:], is_asked[:, -1:])


def _next_item(logits, tokens, is_asked):
    return _mean(*_shifted(logits, tokens, is_asked)).item()


NEXT_TOKEN = Exercise(
    id="02.next_token",
    title="the token after it",
    name="next_token_loss",
    parameters=("logits", "tokens", "is_asked"),
    points=3,
    minutes=7,
    difficulty="medium",
    reference="tlkit.heads:next_token_loss",
    cases=_next_cases,
    given={"token_loss": "tlkit.heads:token_loss"},
    allowed=("tlkit.heads:token_loss",),
    shortcuts=(*READY_MADE, "tlkit.heads:next_token_targets", "tlkit.heads:cross_entropy", "tlkit.heads:CrossEntropy"),
    hint="Write the tokens of a short sequence on paper, and below each what it has to predict. Which places are left over?",
    misconceptions=(
        Misconception("not shifted", "Logits and tokens have the same places, so they seem to belong together.",
                      "A model that copies its input: which loss should it get?", _next_not_shifted),
        Misconception("shifted the wrong way", "One of the two has to move.", "Does a place predict the token before it or the one after it?",
                      _next_backwards),
        Misconception("shifted by two", "Inputs and targets were shifted, and then the loss shifted once more.",
                      "How many places lie between a token and the one that it predicts?", _next_two_places),
        Misconception("everything is asked", "All tokens are there, so all can be compared.", "What is `is_asked` for?", _next_all),
        Misconception("tokens are shifted, what is asked is not", "The places of the logits were kept.",
                      "`is_asked` speaks of tokens: at which place is a token predicted?", _next_mask_not_shifted),
        Misconception("the first token of the answer is left out", "It was wanted that a place and its next token both belong to the answer.",
                      "Which place predicts the answer's first token?", _next_both_asked),
        Misconception("the last place predicts the first token", "`roll` keeps the length, and the first token comes round to the end.",
                      "What does the last place have to predict?", _next_round_the_corner),
        Misconception("divided by all places", "`.mean()` counts the zeros too.", "How many tokens are asked?", _next_divided_by_all),
        Misconception("a first token counts in the mean", "It is asked, but there is no place before it.", "How many losses are added up?",
                      _next_divided_by_asked),
        Misconception("a mean of means", "First over the places, then over the sequences.", "Does every token that is asked weigh the same?",
                      _next_mean_of_means),
        Misconception("a sum where a mean is due", "Then a long answer weighs more than a short one.", "How much does one token count in a mean?", _next_sum),
        Misconception("0 where nothing is asked", "A division by zero was avoided. But a loss of 0 says that all was right.",
                      "What does the exercise ask for when no token is asked?", _next_zero),
        Misconception("what is not asked became token 0", "Masked with zeros, and then counted.", "Which label says that a place does not count?",
                      _next_token_0),
        Misconception("token 0 is taken for padding", "Token 0 often is the padding. But who asks says so in `is_asked`.",
                      "May token 0 be asked?", _next_token_0_ignored),
        Misconception("the perplexity", "It is what is reported of language models.", "Which of the two is the mean of the losses?", _next_perplexity),
        Misconception("only the last token is predicted", "That is how a text is written: one more token at the end.",
                      "How many predictions does one pass over a text give?", _next_last_place_only),
        Misconception("a plain number comes back", "`.item()` is what one prints.", "Can a gradient flow back through a Python number?", _next_item),
    ),
)
