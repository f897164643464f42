"""What BatchNorm normalises with, and what it remembers (Ioffe and Szegedy 2015, algorithms 1 and 2).

Axes: B batch, F features.
"""

from torch import Tensor

EPSILON = 1e-5


def batch_norm(
    inputs: Tensor, scale: Tensor, shift: Tensor, mean: Tensor, variance: Tensor, momentum: float, frozen: bool
) -> tuple[Tensor, Tensor, Tensor]:
    """BatchNorm with statistics that are frozen, or adapt: y = scale * (x - m) / sqrt(v + 1e-5) + shift.

    frozen: m and v are the running `mean` and `variance`, which stay. Adapted: m and v are the batch's own (v divided by
    B), and the running ones move towards them,

        mean <- (1 - momentum) * mean + momentum * m,    variance <- (1 - momentum) * variance + momentum * v * B / (B - 1).

    Args:
        inputs: (B, F); B is 2 or more where the statistics adapt.
        scale, shift: (F,)
        mean, variance: running statistics, (F,) each; they are not changed in place.
        momentum: share of the new batch.
        frozen: as `eval()` has it; False is as `train()` has it.
    Returns:
        y (B, F), and the running mean and variance afterwards, (F,) each.
    """
    centre, spread = mean, variance
    if not frozen:
        batch = len(inputs)
        centre, spread = inputs.mean(dim=0), inputs.var(dim=0, unbiased=False)
        mean = (1 - momentum) * mean + momentum * centre
        variance = (1 - momentum) * variance + momentum * spread * batch / (batch - 1)
    return scale * (inputs - centre) / (spread + EPSILON).sqrt() + shift, mean, variance
