"""A step's parts: the batches of an epoch, the way through the model, and the watch over what is not finite.

Axes: N examples, B batch.
"""

import torch
from torch import Tensor, nn

from tlkit.backbones.state import State, channels_last, select
from tlkit.errors import TlkitError
from tlkit.model import Model


class Step(nn.Module):
    """The model and its loss as one module, so that several processes can share it: state -> the sum of the losses."""

    def __init__(self, model: Model):
        super().__init__()
        self.model = model

    def forward(
        self, state: State, targets: Tensor, after: str | None, mixup: float = 0.0, generator: torch.Generator | None = None
    ) -> Tensor:
        state = channels_last(state)
        if self.model.loss.looks_at:
            states = dict.fromkeys(self.model.loss.looks_at)
            outputs = self.model.outputs(state, after, states)
            return self.model.loss.total(outputs, targets, states)
        if not mixup:
            return self.model.loss.total(self.model.outputs(state, after), targets)
        if not isinstance(state, Tensor):
            raise TlkitError("mixup mixes images, and these are none; set mixup=0")
        # lambda ~ Beta(a, a), as the share of two Gamma(a) variables, drawn from the run's own generator
        first, second = (_gamma(mixup, generator) for _ in range(2))
        share = first / (first + second)
        order = torch.randperm(len(targets), generator=generator).to(targets.device)
        outputs = self.model.outputs(share * state + (1 - share) * select(state, order), after)
        return share * self.model.loss.total(outputs, targets) + (1 - share) * self.model.loss.total(outputs, targets[order])


def _gamma(shape: float, generator: torch.Generator) -> float:
    return float(torch._standard_gamma(torch.tensor([shape], dtype=torch.float64), generator)) + 1e-300


def batches(order: Tensor, batch_size: int, model: Model) -> list[Tensor]:
    """An epoch's order, cut into batches; every example once.

    Where BatchNorm trains, a single example left over joins the batch before it, since one has no spread.

    Raises:
        TlkitError: a batch of one with BatchNorm that trains.
    """
    parts = list(order.split(batch_size))
    if len(parts[-1]) > 1 or not (norm := _training_batchnorm(model)):
        return parts
    if len(parts) == 1 or batch_size == 1:
        raise TlkitError(f"a batch of one example cannot train {norm}, whose BatchNorm needs the spread over a batch; "
                         "take batch_size=2 or more, or freeze its stage")
    return [*parts[:-2], torch.cat(parts[-2:])]


def _training_batchnorm(model: Model) -> str:
    for name, stage in model.stages.items():
        if any(isinstance(module, nn.modules.batchnorm._BatchNorm) and module.training for module in stage.modules()):
            return f"stage {name}"
    return ""


def refuse_what_is_not_finite(model: Model, total: Tensor, norm: Tensor | None, place, is_scaled: bool) -> None:
    """Raise before the optimiser's step where the loss or a gradient is not finite, so that the weights stay good.

    Without clipping only the gradients of biases and norms are looked at, which are small and feel what is wrong
    behind them. With a gradient scaler (fp16) gradients may overflow; it skips such a step itself.
    """
    loss_is_finite = bool(torch.isfinite(total))
    if loss_is_finite and is_scaled:
        return
    if norm is not None:
        gradient_is_finite = bool(torch.isfinite(norm))
    else:
        small = [parameter.grad.sum() for parameter in model.parameters() if parameter.grad is not None and parameter.ndim <= 1]
        gradient_is_finite = not small or bool(torch.isfinite(torch.stack(small)).all())
    if loss_is_finite and gradient_is_finite:
        return
    odd = [name for name, stage in model.stages.items()
           if any(parameter.grad is not None and not torch.isfinite(parameter.grad).all() for parameter in stage.parameters())]
    what = f"the loss became {float(total):g}" if not loss_is_finite else "a gradient is not finite"
    where = f"the gradients of {', '.join(odd)} are not finite" if odd else "all gradients are finite"
    raise TlkitError(f"{what} at step {place.step + 1} of epoch {place.epoch + 1}, phase {place.phase + 1}; {where}; the model "
                     "holds the last good weights; try a lower learning rate, clip_norm=1.0, or look at the inputs")
