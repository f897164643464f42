"""Gradients of softmax, of cross-entropy over it, and of distillation.

Axes: B batch, C classes.
"""

import torch

from tlkit.errors import TlkitError
from tlkit.gradients.inputs import (
    are_classes, has_axes, has_shape, known_reduction, no_infinity, not_empty, same_shape, share,
)
from tlkit.heads import IGNORED


def softmax_gradient(inputs: torch.Tensor, upstream: torch.Tensor) -> torch.Tensor:
    """dL/dz_i = p_i * (g_i - sum_j g_j p_j), with p = softmax(z) over the last axis.

    Args:
        inputs: z. (..., C)
        upstream: g = dL/dp, of the same shape.
    Raises:
        TlkitError: the shapes differ, or the inputs hold infinity.
    """
    same_shape("inputs", inputs, "upstream", upstream)
    not_empty("inputs", inputs)
    no_infinity("inputs", inputs)
    p = torch.softmax(inputs, dim=-1)                                     # (..., C)
    return p * (upstream - (upstream * p).sum(dim=-1, keepdim=True))      # (..., C)


def cross_entropy_gradient(
    logits: torch.Tensor, labels: torch.Tensor, upstream=1.0, *, label_smoothing: float = 0.0,
    class_weights: torch.Tensor | None = None, ignore_index: int = IGNORED, reduction: str = "mean",
) -> torch.Tensor:
    """Gradient of `tlkit.heads.cross_entropy` by its logits.

        dL/dz_b = g * (softmax(z_b) - onehot(y_b)) / B

    In general, with smoothing e, class weights w and t_b = (1 - e) w_y onehot(y_b) + e w / C:

        dL/dz_b = g * (softmax(z_b) * sum_c t_bc - t_b) / D,   D = sum of w_y over the labels that count

    without the divisor for reductions "sum" and "none". Rows whose label is `ignore_index` are zero.

    Args:
        logits: z. (B, C)
        labels: y, whole numbers. (B,)
        upstream: g, one number; (B,) for reduction "none".
        label_smoothing: e, from 0 to 1.
        class_weights: w. (C,)
    Raises:
        TlkitError: infinite logits, labels out of range or of float type, an empty batch, all labels ignored (or of
            weight 0), shapes that do not match, an unknown reduction, smoothing outside of [0, 1].
    """
    counted = _labels_that_count(logits, labels, ignore_index, reduction)          # (B,) or None
    if label_smoothing or class_weights is not None:
        gradient, divisor = _weighted(logits, labels, counted, label_smoothing, class_weights)
    else:
        gradient, divisor = _less_one_at(torch.softmax(logits, dim=1), labels, counted), _count(labels, counted)
    return gradient.mul_(_by_row(share(upstream, reduction, divisor, logits, 1), counted))


def _labels_that_count(logits: torch.Tensor, labels: torch.Tensor, ignore_index: int, reduction: str) -> torch.Tensor | None:
    """Which rows have a label that counts (B,), None for all, once everything has been looked at."""
    known_reduction(reduction)
    has_axes("logits", logits, "B, C")
    not_empty("logits", logits)
    has_shape("labels", labels, logits.shape[:1], "one label for each row of logits")
    no_infinity("logits", logits)
    return are_classes(labels, logits.shape[1], ignore_index)


def _count(labels: torch.Tensor, counted: torch.Tensor | None) -> torch.Tensor | int:
    return len(labels) if counted is None else counted.sum()


def _by_row(g: torch.Tensor, counted: torch.Tensor | None) -> torch.Tensor:
    """g, a number or one for each row, as a factor of the rows that count: () or (B, 1)."""
    g = g if counted is None else g * counted
    return g[:, None] if g.ndim else g


def _less_one_at(p: torch.Tensor, labels: torch.Tensor, counted: torch.Tensor | None) -> torch.Tensor:
    """p - onehot(y), written over p; what becomes of rows without a label that counts does not matter. (B, C)"""
    return p.scatter_(1, _column(labels, p, counted), -1.0, reduce="add")


def _column(labels: torch.Tensor, like: torch.Tensor, counted: torch.Tensor | None) -> torch.Tensor:
    """Labels as an index along the classes (B, 1); those that do not count are put inside its range."""
    labels = labels.long()
    return (labels if counted is None else labels.clamp(0, like.shape[1] - 1))[:, None]


def _weighted(logits: torch.Tensor, labels: torch.Tensor, counted: torch.Tensor | None, smoothing: float,
              class_weights: torch.Tensor | None) -> tuple[torch.Tensor, torch.Tensor]:
    """p * sum_c t_c - t (B, C), and the sum of the weights of the labels that count."""
    if not 0 <= smoothing <= 1:
        raise TlkitError(f"label_smoothing={smoothing} must lie between 0 and 1")
    w = torch.ones_like(logits[0]) if class_weights is None else class_weights.to(logits.dtype)
    has_shape("class_weights", w, logits.shape[1:], "one weight for each class")
    at = _column(labels, logits, counted)
    divisor = (w[at[:, 0]] if counted is None else w[at[:, 0]] * counted).sum()
    if divisor == 0:
        raise TlkitError("the weights of all labels in the batch are 0; there is nothing to learn from")
    t = (smoothing / logits.shape[1] * w).repeat(len(logits), 1).scatter_add_(1, at, (1 - smoothing) * w[at])
    return torch.softmax(logits, dim=1) * t.sum(dim=1, keepdim=True) - t, divisor


def distillation_gradient(
    student_logits: torch.Tensor, teacher_logits: torch.Tensor, upstream=1.0, *, temperature: float = 1.0,
    reduction: str = "mean",
) -> torch.Tensor:
    """Gradient of `tlkit.heads.distillation_loss` by the student's logits (Hinton, Vinyals and Dean 2015, section 2.1).

        dL/ds_b = g * T * (softmax(s_b / T) - softmax(t_b / T)) / B

    The loss carries T^2, the division by T inside takes one of them away; for large T what is left does not depend on T.

    Args:
        student_logits: s. (B, C)
        teacher_logits: t. (B, C)
        upstream: g, one number; (B,) for reduction "none".
        temperature: T, above 0.
    Raises:
        TlkitError: infinite logits, shapes that differ, an empty batch, a temperature that is not above 0.
    """
    known_reduction(reduction)
    has_axes("student_logits", student_logits, "B, C")
    same_shape("student_logits", student_logits, "teacher_logits", teacher_logits)
    not_empty("student_logits", student_logits)
    if not temperature > 0:
        raise TlkitError(f"temperature={temperature} must be above 0")
    no_infinity("student_logits", student_logits)
    no_infinity("teacher_logits", teacher_logits)
    p = torch.softmax(student_logits / temperature, dim=1)                # (B, C)
    q = torch.softmax(teacher_logits / temperature, dim=1)                # (B, C)
    g = share(upstream, reduction, len(p), student_logits, 1)             # () or (B,)
    return (p - q).mul_(_by_row(g * temperature, None))
