"""The loss of every kind of task, as pure functions of what a head gives and what was wanted.

`reduction` says what becomes of the losses of single examples: "mean" (over those that count), "sum" or "none".
Nothing here looks at values, since it runs at every step: labels are looked at once, before training.

Axes: B batch, C classes, T places in a sequence, V words of a vocabulary, S symbols.
"""

from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

IGNORED = -100  # the label of a place that is not to be predicted


def cross_entropy(
    logits: Tensor,
    labels: Tensor,
    label_smoothing: float = 0.0,
    class_weights: Tensor | None = None,
    ignore_index: int = IGNORED,
    reduction: str = "mean",
) -> Tensor:
    """Cross-entropy of a softmax: -sum_c q_c log softmax(logits)_c, with q = (1 - a) onehot(label) + a / C.

    With class weights w each example is

        -(1 - a) w_label log p_label - a / C sum_c w_c log p_c

    and the mean divides by the sum of w_label over the examples that count, not by their number.

    Args:
        logits: (B, C)
        labels: int64, or `ignore_index` where nothing is asked. (B,)
        label_smoothing: a, from 0 to 1 (Szegedy et al. 2016, section 7).
        class_weights: w, (C,), in the logits' dtype.
    """
    return F.cross_entropy(
        logits, labels, class_weights, ignore_index=ignore_index, reduction=reduction, label_smoothing=label_smoothing
    )


def binary_cross_entropy(probabilities: Tensor, targets: Tensor, reduction: str = "mean") -> Tensor:
    """-y log p - (1 - y) log(1 - p); a logarithm below -100 counts as -100, as in torch.

    Args:
        probabilities: p, from 0 to 1, of any shape.
        targets: y, from 0 to 1, of the same shape.
    """
    return F.binary_cross_entropy(probabilities, targets, reduction=reduction)


def binary_cross_entropy_with_logits(
    logits: Tensor, targets: Tensor, positive_weights: Tensor | None = None, reduction: str = "mean"
) -> Tensor:
    """-v y log sigmoid(z) - (1 - y) log(1 - sigmoid(z)), computed so that no logit overflows.

    Args:
        logits: z, of any shape (..., C).
        targets: y, from 0 to 1, of the same shape.
        positive_weights: v, how much a positive counts, (C,); None counts all alike.
    """
    return F.binary_cross_entropy_with_logits(logits, targets, pos_weight=positive_weights, reduction=reduction)


def mean_squared_error(outputs: Tensor, targets: Tensor, reduction: str = "mean") -> Tensor:
    """(y_hat - y)^2, of any one shape."""
    return F.mse_loss(outputs, targets, reduction=reduction)


def huber(outputs: Tensor, targets: Tensor, delta: float = 1.0, reduction: str = "mean") -> Tensor:
    """r^2 / 2 where |r| <= delta, else delta (|r| - delta / 2), with r = y_hat - y (Huber 1964)."""
    return F.huber_loss(outputs, targets, reduction=reduction, delta=delta)


def balanced_weights(labels: Tensor, class_count: int) -> Tensor:
    """What each class is to count for so that all classes count alike: N / (C N_c).

    The weights of all examples add up to N. A class that never occurs counts as one that occurs once.

    Args:
        labels: int64, from 0 to C - 1. (N,)
        class_count: C.
    Returns:
        float64, (C,)
    """
    counts = torch.bincount(labels, minlength=class_count).clamp(min=1)                # N_c, (C,)
    return len(labels) / (class_count * counts.double())


def token_loss(
    logits: Tensor,
    labels: Tensor,
    label_smoothing: float = 0.0,
    class_weights: Tensor | None = None,
    reduction: str = "mean",
) -> Tensor:
    """Cross-entropy over the places of sequences; a place with label -100 does not count.

    The mean is over the places that count, in all sequences together; without any it is 0 / 0, nan.

    Args:
        logits: (B, T, C), or (B, C) for sequences of one place.
        labels: int64, -100 where nothing is asked. (B, T), or (B,)
    """
    return cross_entropy(logits.flatten(0, -2), labels.flatten(), label_smoothing, class_weights, reduction=reduction)


def next_token_targets(tokens: Tensor, is_asked: Tensor) -> Tensor:
    """What each place of a sequence is to predict: the token that follows, or -100 where it is not asked.

        targets[b, t] = tokens[b, t + 1] if is_asked[b, t + 1], else -100

    The last place has nothing to predict.

    Args:
        tokens: int64. (B, T)
        is_asked: True for the tokens that are to be predicted; False for a question, and for padding. (B, T)
    Returns:
        int64, (B, T)
    """
    targets = tokens.masked_fill(~is_asked, IGNORED).roll(-1, dims=1)
    targets[:, -1] = IGNORED
    return targets


def next_token_loss(logits: Tensor, tokens: Tensor, is_asked: Tensor) -> Tensor:
    """`token_loss` of the tokens that follow: the mean over those that are asked; the first of a sequence cannot be.

    Args:
        logits: what each place says of the token after it. (B, T, V)
        tokens, is_asked: as for `next_token_targets`. (B, T)
    """
    return token_loss(logits, next_token_targets(tokens, is_asked))


def connectionist_temporal_classification(logits: Tensor, targets: Tensor, reduction: str = "mean") -> Tensor:
    """-log of the probability of all paths over the frames that give the target (Graves et al. 2006).

    A sequence that no path can give, since it is longer than its frames, counts as 0. The mean is over sequences.

    Args:
        logits: class 0 is the blank; frames behind a sound's end must give the blank for certain. (B, T, S + 1)
        targets: symbols from 1 on, -100 behind a sequence's end. (B, S)
    """
    lengths = (targets != IGNORED).sum(dim=1)
    frames = torch.full_like(lengths, logits.shape[1])
    losses = F.ctc_loss(
        logits.log_softmax(dim=-1).transpose(0, 1),
        targets.clamp(min=0),
        frames,
        lengths,
        reduction="none",
        zero_infinity=True,
    )
    return _reduced(losses, reduction)


def distillation_loss(
    student_logits: Tensor, teacher_logits: Tensor, temperature: float = 1.0, reduction: str = "mean"
) -> Tensor:
    """T^2 KL(softmax(teacher / T) || softmax(student / T)) (Hinton et al. 2015, section 2).

    T^2 keeps the gradient's size, which would otherwise fall as 1 / T^2.

    Args:
        student_logits, teacher_logits: (B, C)
        temperature: T, above 0.
    Returns:
        The mean or sum over the examples, or one number each (B,).
    """
    student = F.log_softmax(student_logits / temperature, dim=-1)
    teacher = F.log_softmax(teacher_logits / temperature, dim=-1)
    losses = temperature**2 * (teacher.exp() * (teacher - student)).sum(dim=-1)  # (B,)
    return _reduced(losses, reduction)


def _reduced(losses: Tensor, reduction: str) -> Tensor:
    return losses.mean() if reduction == "mean" else losses.sum() if reduction == "sum" else losses


def l2_sp(parameters: Iterable[Tensor], anchors: Iterable[Tensor], strength: float = 1.0) -> Tensor:
    """strength / 2 * sum ||w - w0||^2: pulls towards the pretrained weights w0 (Li et al. 2018, section 3).

    Args:
        parameters: w.
        anchors: w0, in the same order and shapes.
    """
    return strength / 2 * sum((w - w0).square().sum() for w, w0 in zip(parameters, anchors, strict=True))


class Loss(nn.Module):
    """A loss that can be put together from parts of a batch: mean = total / weight, each summed over the parts.

    So that accumulated steps and several processes give what one large batch would give; a mean of means does not.

    `reads_inputs` is True for a loss that looks at the inputs too; features kept from before do not serve it. `looks_at`
    names stages of the body whose states `total` is given beside the outputs, by name, as its third argument.
    """

    reads_inputs = False
    looks_at: tuple[str, ...] = ()

    @property
    def plain(self) -> "Loss":
        """What of the loss an artefact keeps: all of it, unless it was there for training alone."""
        return self

    def facts(self) -> dict:
        """Its name and settings as plain data."""
        settings = {name: getattr(self, name) for name in ("label_smoothing", "unit") if hasattr(self, name)}
        weights = getattr(self, "class_weights", None)
        return {"name": type(self).__name__, **settings, "class_weights": weights.tolist() if weights is not None else None}

    def accompanied(self, examples, split, plan, **opened):
        """The training examples with what the loss needs to know of each beside its target; as they are, for most.

        Args:
            examples: as `tlkit.feature_cache.open_examples` gave them for the model.
            split, plan, opened: what it was told.
        """
        return examples

    def total(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """The sum of the losses."""
        raise NotImplementedError

    def weight(self, targets: Tensor) -> Tensor:
        """What the sum is divided by, a number on the targets' device."""
        raise NotImplementedError

    def forward(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return self.total(outputs, targets) / self.weight(targets)


class CrossEntropy(Loss):
    """`token_loss` over examples (B, C), places (B, T, C) or a vocabulary (B, T, V); -100 does not count."""

    def __init__(self, label_smoothing: float = 0.0, class_weights: Tensor | None = None):
        super().__init__()
        self.label_smoothing = label_smoothing
        self.register_buffer("class_weights", class_weights)

    def total(self, outputs: Tensor, targets: Tensor) -> Tensor:
        weights = None if self.class_weights is None else self.class_weights.to(outputs.dtype)
        return token_loss(outputs, targets, self.label_smoothing, weights, reduction="sum")

    def weight(self, targets: Tensor) -> Tensor:
        valid = targets != IGNORED
        if self.class_weights is None:
            return valid.sum()
        return (self.class_weights[targets.clamp(min=0)] * valid).sum()

    def extra_repr(self) -> str:
        weighted = ", classes weighted" if self.class_weights is not None else ""
        return f"label_smoothing={self.label_smoothing:g}{weighted}"


class BinaryCrossEntropy(Loss):
    """`binary_cross_entropy_with_logits` over every class of every example."""

    def total(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return binary_cross_entropy_with_logits(outputs, targets.to(outputs.dtype), reduction="sum")

    def weight(self, targets: Tensor) -> Tensor:
        return torch.tensor(targets.numel(), device=targets.device)


class SquaredError(Loss):
    """`mean_squared_error` in units of `unit`, the spread of the training targets."""

    def __init__(self, unit: float = 1.0):
        super().__init__()
        self.unit = unit

    def total(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return mean_squared_error(outputs / self.unit, targets.to(outputs.dtype) / self.unit, reduction="sum")

    def weight(self, targets: Tensor) -> Tensor:
        return torch.tensor(targets.numel(), device=targets.device)

    def extra_repr(self) -> str:
        return f"unit={self.unit:.4g}"


class Huber(SquaredError):
    """`huber` in units of `unit`: beyond one unit an error counts by its size, not by its square."""

    def total(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return huber(outputs / self.unit, targets.to(outputs.dtype) / self.unit, reduction="sum")


class CTC(Loss):
    """`connectionist_temporal_classification`, the mean over sequences."""

    def total(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return connectionist_temporal_classification(outputs, targets, reduction="sum")

    def weight(self, targets: Tensor) -> Tensor:
        return torch.tensor(len(targets), device=targets.device)
