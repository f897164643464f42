"""Grad-CAM: which places of a stage's output speak for a class (Selvaraju et al. 2017, section 3).

Axes: B batch, K channels, H height, W width of the stage's output.
"""

import torch
from torch import Tensor

from tlkit.errors import TlkitError


def grad_cam(model, inputs, stage: str, target: int) -> Tensor:
    """relu(sum_k a_k A^k) with a_k = 1 / (H W) sum_ij dz_target / dA^k_ij.

    A is what `stage` gives and z_target the class's logit. The map is coarse, as the stage is, and says what raises the logit
    of this class through this stage; it does not say that the place is the cause of the illness.

    Args:
        model: a `tlkit.model.Model` for classes; it is asked in eval mode and left as it was, without gradients.
        inputs: a task's raw inputs, B of them.
        stage: the name of a stage of the body whose output is (B, K, H, W).
        target: the class's number.
    Returns:
        float, (B, H, W), 0 or more.
    Raises:
        TlkitError: no such stage, or one whose output has no height and width; a class that the model does not have.
    """
    if not 0 <= target < len(model.classes):
        raise TlkitError(f"target={target} is no class of this model, which has {len(model.classes)}, numbered from 0")
    body = model.backbone
    with model.evaluating(), torch.enable_grad():
        activations = body.run(body.prepare(inputs), to=stage)
        if not isinstance(activations, Tensor) or activations.ndim != 4:
            raise TlkitError(f"the output of stage {stage!r} has no height and width; take an earlier stage")
        activations = activations.detach().requires_grad_()                             # (B, K, H, W)
        logits = model.outputs(activations, after=stage)                                # (B, C)
        gradient, = torch.autograd.grad(logits[:, target].sum(), activations)
    weights = gradient.mean(dim=(2, 3), keepdim=True)                                   # a_k, (B, K, 1, 1)
    return (weights * activations.detach()).sum(dim=1).relu()                           # (B, H, W)
