"""L2-SP: weight decay towards the pretrained weights, not towards zero (Li, Grandvalet and Davoine 2018).

Axes: B batch, C classes.
"""

from collections.abc import Mapping

from torch import Tensor, nn

from tlkit.heads import cross_entropy, l2_sp


def pull_to_start(model: nn.Module, start: Mapping[str, Tensor], strength: float) -> Tensor:
    """strength / 2 * sum ||w - w0||^2 over the parameters that train and have a start w0; the rest is free.

    Args:
        start: name of a parameter of the model -> its pretrained value w0. A new head has none. Names of buffers may
            stand there too, as in a state dict; they have no gradient and do not count.
    """
    pairs = [(parameter, start[name]) for name, parameter in model.named_parameters() if parameter.requires_grad and name in start]
    return l2_sp([parameter for parameter, _ in pairs], [anchor for _, anchor in pairs], strength)


def pulled_loss(model: nn.Module, start: Mapping[str, Tensor], strength: float, inputs: Tensor, labels: Tensor) -> float:
    """Mean cross-entropy plus the pull to the start, sent back: the gradients are in `.grad` afterwards.

    Args:
        inputs: (B, ...)
        labels: (B,)
    """
    loss = cross_entropy(model(inputs), labels) + pull_to_start(model, start, strength)
    loss.backward()
    return loss.item()
