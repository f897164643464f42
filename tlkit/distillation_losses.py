"""How far a student is from its teacher: in what it says, in what its stages give, in where it looks. One number an example.

Axes: B batch, C classes, F features or channels, H height, W width.
"""

from torch import Tensor
from torch.nn import functional as F

from tlkit.heads import cross_entropy, distillation_loss


def soft_targets(logits: Tensor, temperature: float) -> Tensor:
    """softmax(t / T): what a teacher thinks of every class, the flatter the higher T (Hinton et al. 2015, section 2).

    Args:
        logits: t, (B, C)
        temperature: T, above 0.
    Returns:
        Probabilities, (B, C), rows add up to 1.
    """
    return F.softmax(logits / temperature, dim=-1)


def kd_loss(student_logits: Tensor, teacher_logits: Tensor, labels: Tensor, temperature: float, soft_share: float) -> Tensor:
    """(1 - a) CE(s, y) + a T^2 KL(softmax(t / T) || softmax(s / T)), each the mean over the examples (Hinton et al. 2015, section 2).

    Args:
        student_logits, teacher_logits: s and t, (B, C)
        labels: y, int64 (B,)
        temperature: T, above 0; the labels' part has none.
        soft_share: a, from 0, the labels alone, to 1, the teacher alone.
    """
    hard = cross_entropy(student_logits, labels)
    soft = distillation_loss(student_logits, teacher_logits, temperature)
    return (1 - soft_share) * hard + soft_share * soft


def distillation_gradient(student_logits: Tensor, teacher_logits: Tensor, temperature: float) -> Tensor:
    """The gradient of the mean of T^2 KL(softmax(t / T) || softmax(s / T)) by the student's logits.

        T / B (softmax(s / T) - softmax(t / T))

    For T far above all logits it is 1 / (B C) times the difference of the logits, each less its mean over the classes: the
    gradient of half their squared distance, divided by B C (Hinton et al. 2015, section 2.1).

    Args:
        student_logits, teacher_logits: s and t, (B, C)
        temperature: T, above 0.
    Returns:
        (B, C)
    """
    difference = soft_targets(student_logits, temperature) - soft_targets(teacher_logits, temperature)
    return temperature / len(student_logits) * difference


def soft_loss(kind: str, outputs: Tensor, teacher: Tensor, temperature: float = 1.0, unit: float = 1.0) -> Tensor:
    """How far a student's outputs are from the teacher's, one number an example (B,).

    classification: T^2 KL(softmax(t / T) || softmax(s / T)), `tlkit.heads.distillation_loss` (Hinton et al. 2015, section 2);
    multi-label: T^2 sum_c KL(sigmoid(t_c / T) || sigmoid(s_c / T)), each class by itself;
    regression: ((s - t) / unit)^2; a temperature has no meaning there.

    Args:
        outputs, teacher: s and t, (B, C), or (B,) for regression.
    """
    if kind == "classification":
        return distillation_loss(outputs, teacher, temperature, reduction="none")
    if kind == "regression":
        return ((outputs - teacher) / unit).square()
    s, t = outputs / temperature, teacher / temperature
    p = t.sigmoid()
    losses = p * (F.logsigmoid(t) - F.logsigmoid(s)) + (1 - p) * (F.logsigmoid(-t) - F.logsigmoid(-s))
    return temperature**2 * losses.sum(dim=1)


def hint_loss(student: Tensor, teacher: Tensor) -> Tensor:
    """mean((s - t)^2) over an example's features (B,) (Romero et al. 2015, section 2.2, with a mean for the half sum).

    Maps of different sizes are brought to the smaller height and width by averaging; beside a vector, a map is averaged.

    Args:
        student: already projected to the teacher's F features: (B, F, H, W) or (B, F)
        teacher: (B, F, H', W') or (B, F)
    """
    student, teacher = _alike(student, teacher.to(student.dtype))
    return (student - teacher).square().flatten(1).mean(dim=1)


def attention_loss(student: Tensor, teacher: Tensor) -> Tensor:
    """|| a(s) / ||a(s)|| - a(t) / ||a(t)|| ||^2 with a(x) = sum_f x_f^2 (Zagoruyko and Komodakis 2017, section 3.1).

    The norm is squared, since it has no gradient where the two are equal. Maps are brought to the smaller height and width.

    Args:
        student, teacher: (B, F, H, W), of any F and sizes each.
    Returns:
        (B,)
    """
    maps = _alike(student.square().sum(dim=1, keepdim=True), teacher.to(student.dtype).square().sum(dim=1, keepdim=True))
    first, second = (F.normalize(each.flatten(1), dim=1) for each in maps)            # (B, H W)
    return (first - second).square().sum(dim=1)


def _alike(first: Tensor, second: Tensor) -> tuple[Tensor, Tensor]:
    if first.ndim != second.ndim:
        return tuple(each.mean(dim=(2, 3)) if each.ndim == 4 else each for each in (first, second))
    if first.ndim == 4 and first.shape[2:] != second.shape[2:]:
        smaller = tuple(min(sizes) for sizes in zip(first.shape[2:], second.shape[2:], strict=True))
        return F.adaptive_avg_pool2d(first, smaller), F.adaptive_avg_pool2d(second, smaller)
    return first, second
