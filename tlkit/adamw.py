"""AdamW, a step written out (Kingma and Ba 2015; Loshchilov and Hutter 2019).

`finetune` uses torch's, which does the same to many tensors at once.
"""

import torch
from torch import Tensor

BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-8


def adamw_step(
    weight: Tensor, gradient: Tensor, first: Tensor, second: Tensor, step: int, learning_rate: float, decay: float
) -> tuple[Tensor, Tensor, Tensor]:
    """One step of AdamW for one tensor.

        m' = b1 m + (1 - b1) g                   running mean of the gradient
        v' = b2 v + (1 - b2) g^2                 running mean of its square
        w' = w - lr decay w - lr m^ / (sqrt(v^) + eps),   m^ = m' / (1 - b1^t),  v^ = v' / (1 - b2^t)

    Args:
        weight, gradient: w and g, of one shape.
        first, second: m and v, of that shape; zeros before the first step.
        step: t, 1 at the first step.
        learning_rate: lr.
        decay: strength of the weight decay, which is not part of the gradient.
    Returns:
        w', m' and v', new tensors.
    """
    first = BETA1 * first + (1 - BETA1) * gradient
    second = BETA2 * second + (1 - BETA2) * gradient**2
    mean = first / (1 - BETA1**step)
    square = second / (1 - BETA2**step)
    decayed = weight - learning_rate * decay * weight
    return decayed - learning_rate * mean / (torch.sqrt(square) + EPSILON), first, second
