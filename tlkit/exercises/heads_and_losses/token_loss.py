"""Exercise 02.token_loss: cross-entropy over the places of sequences that count."""

import numpy as np
import torch

from tlkit.exercises.heads_and_losses.cross_entropy import READY_MADE
from tlkit.exercises.record import Case, Exercise, Misconception

IGNORED = -100


def _token_cases(rng: np.random.Generator) -> list[Case]:
    def call(sizes, asked, scale=2.0, gradient=False):
        """`asked` names how many places at the end of each sequence do not count, or a table of 0 and 1."""
        batch, places, classes = sizes
        logits = torch.tensor(np.round(rng.normal(size=sizes) * scale, 2), requires_grad=gradient)
        labels = rng.integers(0, classes, (batch, places))
        labels[0, 0] = classes - 1
        return logits, torch.tensor(np.where(asked, labels, IGNORED))

    def behind(*lengths, places):
        return np.arange(places) < np.array(lengths)[:, None]

    b, t, c = int(rng.integers(3, 5)), int(rng.integers(6, 8)), int(rng.integers(8, 10))
    scattered = rng.random((b, t)) < 0.6
    scattered[0, :2], scattered[-1] = [True, False], [False, True] * (t // 2) + [False] * (t % 2)
    return [
        Case("every place counts", "one sequence of two places", (call((1, 2, 3), np.ones((1, 2), bool)),)),
        Case("every place counts", "sizes that all differ", (call((b, t, c), np.ones((b, t), bool)),)),
        Case("every place counts", "large logits", (call((2, 3, 4), np.ones((2, 3), bool), 2000.0),)),
        Case("places that do not count", "the last place of two", (call((1, 2, 3), behind(1, places=2)),)),
        Case("places that do not count", "sequences of 4, 1 and 2 places", (call((3, 4, 5), behind(4, 1, 2, places=4)),)),
        Case("places that do not count", "here and there", (call((b, t, c), scattered),)),
        Case("places that do not count", "a sequence without any place that counts", (call((2, 3, 4), behind(2, 0, places=3)),)),
        Case("places that do not count", "padding in front", (call((2, 4, 3), ~behind(1, 3, places=4)),)),
        Case("no place counts at all", "one place does", (call((2, 3, 4), behind(1, 0, places=3)),)),
        Case("no place counts at all", "none does", (call((2, 3, 4), behind(0, 0, places=3)),)),
        Case("a gradient flows back", "none at places that do not count", (call((2, 3, 4), behind(3, 1, places=3), gradient=True),),
             upstream=round(rng.uniform(2, 3), 1)),
    ]


def _places(logits, labels):
    """The loss of every place, 0 where it does not count, and which places count: (B, T)."""
    counts = labels != IGNORED
    log_p = torch.log_softmax(logits, -1).gather(-1, labels.clamp(min=0)[..., None])[..., 0]
    return torch.where(counts, -log_p, torch.zeros_like(log_p)), counts


def _token_all_places(logits, labels):
    return _places(logits, labels)[0].mean()


def _token_sum(logits, labels):
    losses, counts = _places(logits, labels)
    return losses.sum() if counts.any() else losses.sum() * torch.nan


def _token_per_sequence(logits, labels):
    losses, counts = _places(logits, labels)
    return losses.sum() / len(labels)


def _token_mean_of_means(logits, labels):
    losses, counts = _places(logits, labels)
    return (losses.sum(1) / counts.sum(1)).mean()


def _token_mean_of_means_kept(logits, labels):
    losses, counts = _places(logits, labels)
    kept = counts.any(1)
    return (losses.sum(1)[kept] / counts.sum(1)[kept]).mean()


def _token_ignored_is_class_0(logits, labels):
    return -torch.log_softmax(logits, -1).gather(-1, labels.clamp(min=0)[..., None]).mean()


def _token_ignored_from_the_end(logits, labels):
    wrapped = torch.where(labels == IGNORED, logits.shape[-1] - 1, labels)
    return -torch.log_softmax(logits, -1).gather(-1, wrapped[..., None]).mean()


def _token_class_0_ignored_too(logits, labels):
    losses, _ = _places(logits, labels)
    counts = labels > 0
    return losses[counts].mean()


def _token_zero_without_places(logits, labels):
    losses, counts = _places(logits, labels)
    return losses.sum() / counts.sum().clamp(min=1)


def _token_over_places(logits, labels):
    log_p = torch.log_softmax(logits, 1).gather(-1, labels.clamp(min=0)[..., None])[..., 0]
    return -log_p[labels != IGNORED].mean()


def _token_over_batch(logits, labels):
    log_p = torch.log_softmax(logits, 0).gather(-1, labels.clamp(min=0)[..., None])[..., 0]
    return -log_p[labels != IGNORED].mean()


def _token_overflow(logits, labels):
    p = logits.exp() / logits.exp().sum(-1, keepdim=True)
    p = p.gather(-1, labels.clamp(min=0)[..., None])[..., 0]
    return -torch.log(p[labels != IGNORED]).mean()


def _token_cut_at_the_first(logits, labels):
    losses, counts = _places(logits, labels)
    counts = counts.long().cumprod(1).bool()
    return losses[counts].mean()


def _token_each(logits, labels):
    return _places(logits, labels)[0]


def _token_reshaped(logits, labels):
    mixed = logits.transpose(1, 2).reshape(-1, logits.shape[-1])
    losses, counts = _places(mixed, labels.reshape(-1))
    return losses[counts].mean()


def _token_flipped(logits, labels):
    losses, counts = _places(logits, labels)
    return -losses[counts].mean()


def _token_item(logits, labels):
    losses, counts = _places(logits, labels)
    return losses[counts].mean().item()


TOKEN_LOSS = Exercise(
    id="02.token_loss",
    title="a loss at every place that counts",
    name="token_loss",
    parameters=("logits", "labels"),
    points=3,
    minutes=7,
    difficulty="medium",
    reference="tlkit.heads:token_loss",
    cases=_token_cases,
    shortcuts=(*READY_MADE, "tlkit.heads:next_token_loss", "tlkit.heads:CrossEntropy", "tlkit.heads:cross_entropy"),
    hint="Which places count? Take those of both tensors, and what is left is a table of rows with a label each.",
    equivalent_mutants=dict.fromkeys((
        "return cross_entropy(logits.flatten(0, -2), labels.flatten(), label_smoothing, reduction=reduction)",
        "return cross_entropy(logits.flatten(0, -2), labels.flatten(), label_smoothing, class_weights)",
    ), "the exercise asks for the mean, without weights"),
    misconceptions=(
        Misconception("divided by all places", "`.mean()` counts the zeros too.", "How many places count?", _token_all_places),
        Misconception("a sum where a mean is due", "Then a long text weighs more than a short one.", "How much does one place count in a mean?", _token_sum),
        Misconception("divided by the number of sequences", "A batch has B examples.", "How many losses are added up?", _token_per_sequence),
        Misconception("a mean of means", "First over the places, then over the sequences: a place in a short sequence then counts for more, and a sequence "
                      "without any gives nan.", "Does every place that counts weigh the same?", _token_mean_of_means),
        Misconception("a mean of means over the sequences that have one", "Sequences without a place that counts were thought of; short ones still "
                      "weigh too much.", "Does every place that counts weigh the same?", _token_mean_of_means_kept),
        Misconception("-100 became class 0", "A negative index had to go.", "What should happen to places with -100: another label, or nothing?",
                      _token_ignored_is_class_0),
        Misconception("-100 became the last class", "Python counts negative indices from the end.",
                      "What should happen to places with -100: another label, or nothing?", _token_ignored_from_the_end),
        Misconception("class 0 is ignored too", "`labels > 0` looks like “a real label”.", "What is the smallest label that counts?",
                      _token_class_0_ignored_too),
        Misconception("0 where nothing counts", "A division by zero was avoided. But a loss of 0 says that all was right.",
                      "What does the exercise ask for when no place counts?", _token_zero_without_places),
        Misconception("softmax over the places", "Axis 1 was the classes' axis while there were no places.", "On which axis are the classes now?",
                      _token_over_places),
        Misconception("softmax over the batch", "Axis 0 comes first.", "On which axis are the classes?", _token_over_batch),
        Misconception("the exponential overflows", "exp(1000) is infinite, and infinite by infinite is nan.",
                      "Which of torch's functions gives logarithms of a softmax in one step?", _token_overflow),
        Misconception("everything after the first -100 is cut off", "Padding stands at the end. But the second token of a word is -100 as well.",
                      "May a place that counts follow one that does not?", _token_cut_at_the_first),
        Misconception("a loss for each place", "They are all right; what trains is one number.", "Which shape should the result have?", _token_each),
        Misconception("places and classes are mixed up", "Transposed and then reshaped, the rows are no longer the places.",
                      "Does row number 2 of your table hold the logits of one place?", _token_reshaped),
        Misconception("the sign is lost", "A logarithm of a probability is never above 0.", "Can a loss be negative?", _token_flipped),
        Misconception("a plain number comes back", "`.item()` is what one prints.", "Can a gradient flow back through a Python number?", _token_item),
    ),
)
