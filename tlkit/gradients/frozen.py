"""What reaches the trainable parts around a frozen body: a prompt below it, a head above it.

Axes: B batch, F input features, C classes.
"""

import torch
from torch import nn

from tlkit.heads import cross_entropy


def prompt_gradient(
    prompt: torch.Tensor, body: nn.Module, head: nn.Module, inputs: torch.Tensor, labels: torch.Tensor
) -> torch.Tensor:
    """Send the loss of head(body(inputs + prompt)) back through a body that is frozen.

    The loss is the mean cross-entropy over the batch. Afterwards no parameter of the body requires a gradient, and each
    has None as its gradient; the head's parameters hold theirs in `.grad`. The gradient flows *through* the body to the
    prompt, since freezing stops what ends in a parameter, not what passes by.

    Args:
        prompt: a trainable shift of the inputs. (F,)
        body: any module; it is frozen here, for good.
        head: maps the body's output to logits (B, C).
        inputs: (B, F)
        labels: (B,)
    Returns:
        dL/dprompt. (F,)
    """
    for parameter in body.parameters():
        parameter.requires_grad_(False)
        parameter.grad = None
    prompt = prompt.detach().requires_grad_()
    cross_entropy(head(body(inputs + prompt)), labels).backward()
    return prompt.grad
