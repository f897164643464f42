"""Every closed form beside what it is the gradient of: one list for tests, table and benchmark."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch.nn import functional

from tlkit import heads
from tlkit.gradients import (
    attention, binary, categorical, convolution, examples, linear, normalisation, pointwise, regression,
)
from tlkit.gradients.examples import Draw, Example


@dataclass(frozen=True)
class ClosedForm:
    """A function and its gradients.

    Args:
        name: as in the docs' table.
        formula: the gradient, as LaTeX.
        function: (*inputs, **fixed) -> output; a loss is that of tlkit.heads.
        gradients: (*inputs, upstream, **fixed) -> a tuple of gradients, in the order of the inputs.
        draw: (Draw) -> Example without upstream; the Draw gives numbers and sizes.
    """

    name: str
    formula: str
    function: Callable[..., torch.Tensor]
    gradients: Callable[..., tuple[torch.Tensor, ...]]
    draw: Callable[[Draw], Example]

    def example(self, seed: int, dtype: torch.dtype = torch.float64, device: str = "cpu", largest: int = 9) -> Example:
        """A random example: shapes with axes from 2 to `largest`, numbers and an upstream gradient that is not 1."""
        draw = Draw(seed, dtype, device, largest)
        drawn = self.draw(draw)
        output = self.function(*drawn.inputs.values(), **drawn.fixed)
        return Example(drawn.inputs, drawn.fixed, draw.normal(*output.shape))

    def by_autograd(self, example: Example) -> tuple[torch.Tensor, ...]:
        """The same gradients from torch, by running the function and going back through it."""
        inputs = [tensor.detach().requires_grad_() for tensor in example.inputs.values()]
        output = self.function(*inputs, **example.fixed)
        return torch.autograd.grad(output, inputs, example.upstream)

    def by_formula(self, example: Example) -> tuple[torch.Tensor, ...]:
        """The gradients in closed form."""
        return self.gradients(*example.inputs.values(), example.upstream, **example.fixed)


_RATE = 0.3

CLOSED_FORMS = (
    ClosedForm("sigmoid", r"g\,\sigma(z)\,(1-\sigma(z))", torch.sigmoid, lambda z, g: (binary.sigmoid_gradient(z, g),), examples.pointwise),
    ClosedForm("binary cross-entropy", r"\frac{g}{N}\,\frac{p-y}{p(1-p)}", heads.binary_cross_entropy,
               lambda p, g, targets: (binary.bce_gradient(p, targets, g),), examples.probabilities),
    ClosedForm("binary cross-entropy on logits", r"\frac{g}{N}\left(\sigma(z)-y\right)", heads.binary_cross_entropy_with_logits,
               lambda z, g, targets: (binary.bce_with_logits_gradient(z, targets, g),), examples.binary_logits_plain),
    ClosedForm("the same, positives weighted", r"\frac{g}{N}\left((1-y)\,\sigma(z)-w\,y\,(1-\sigma(z))\right)",
               heads.binary_cross_entropy_with_logits,
               lambda z, g, targets, **fixed: (binary.bce_with_logits_gradient(z, targets, g, **fixed),), examples.binary_logits),
    ClosedForm("softmax", r"p_i\left(g_i-\textstyle\sum_j g_j p_j\right)", lambda z: torch.softmax(z, -1),
               lambda z, g: (categorical.softmax_gradient(z, g),), examples.pointwise),
    ClosedForm("cross-entropy", r"\frac{g}{B}\left(\mathrm{softmax}(z_b)-\mathrm{onehot}(y_b)\right)", heads.cross_entropy,
               lambda z, g, labels: (categorical.cross_entropy_gradient(z, labels, g),), examples.labelled_plain),
    ClosedForm("the same, smoothed, weighted, some ignored", r"\frac{g}{D}\left(p_b\textstyle\sum_c t_{bc}-t_b\right)", heads.cross_entropy,
               lambda z, g, labels, **fixed: (categorical.cross_entropy_gradient(z, labels, g, **fixed),), examples.labelled),
    ClosedForm("distillation", r"\frac{g\,T}{B}\left(\mathrm{softmax}(s/T)-\mathrm{softmax}(t/T)\right)", heads.distillation_loss,
               lambda s, g, teacher_logits, temperature: (categorical.distillation_gradient(
                   s, teacher_logits, g, temperature=temperature),), examples.student),
    ClosedForm("mean squared error", r"\frac{2g}{N}(x-y)", heads.mean_squared_error,
               lambda x, g, targets: (regression.mse_gradient(x, targets, g),), examples.outputs),
    ClosedForm("Huber", r"\frac{g}{N}\,\mathrm{clip}(x-y,-\delta,\delta)", heads.huber,
               lambda x, g, targets: (regression.huber_gradient(x, targets, g),), examples.outputs),
    ClosedForm("L2-SP penalty", r"g\,\lambda\,(w-w_0)", lambda *w, anchors: heads.l2_sp(w, anchors, strength=0.3),
               lambda *w, anchors: regression.l2_sp_gradient(w[:-1], anchors, w[-1], strength=0.3), examples.weights),
    ClosedForm("ReLU", r"g\,[x>0]", torch.relu, lambda x, g: (pointwise.relu_gradient(x, g),), examples.pointwise),
    ClosedForm("GELU", r"g\,(\Phi(x)+x\,\varphi(x))", functional.gelu, lambda x, g: (pointwise.gelu_gradient(x, g),), examples.pointwise),
    ClosedForm("GELU, tanh", r"g\left(\tfrac{1+\tanh u}{2}+\tfrac{x}{2}(1-\tanh^2 u)\,u'\right)",
               lambda x: functional.gelu(x, approximate="tanh"), lambda x, g: (pointwise.gelu_gradient(x, g, approximate="tanh"),), examples.pointwise),
    ClosedForm("dropout, mask given", r"\frac{g\,m}{1-\text{rate}}", lambda x, mask: x * mask / (1 - _RATE),
               lambda x, g, mask: (pointwise.dropout_gradient(mask, g, rate=_RATE),), examples.kept),
    ClosedForm("linear layer", r"g W,\quad g^\top x,\quad\textstyle\sum_b g_b", functional.linear,
               lambda x, weight, bias, g: linear.linear_gradients(x, weight, g), examples.layer),
    ClosedForm("LoRA layer", r"g W+s\,g B A,\quad s\,B^\top g^\top x,\quad s\,g^\top x A^\top",
               lambda x, down, up, weight, scale: x @ weight.T + scale * x @ down.T @ up.T,
               lambda x, down, up, g, weight, scale: linear.lora_gradients(x, weight, down, up, g, scale=scale), examples.low_rank),
    ClosedForm("embedding", r"\textstyle\sum_{p:\,i_p=v} g_p", lambda weight, indices: functional.embedding(indices, weight),
               lambda weight, g, indices: (linear.embedding_gradient(indices, g, rows=len(weight)),), examples.table),
    ClosedForm("LayerNorm", r"\tfrac1r\left(h-\bar h-n\,\overline{h n}\right),\quad\textstyle\sum g n,\quad\sum g",
               lambda x, scale, shift: functional.layer_norm(x, scale.shape, scale, shift),
               lambda x, scale, shift, g: normalisation.layernorm_gradients(x, scale, g), examples.features),
    ClosedForm("BatchNorm, training", r"\tfrac1r\left(h-\bar h-n\,\overline{h n}\right),\quad\textstyle\sum g n,\quad\sum g",
               lambda x, scale, shift: functional.batch_norm(x, None, None, scale, shift, training=True),
               lambda x, scale, shift, g: normalisation.batchnorm_gradients(x, scale, g), examples.channels),
    ClosedForm("BatchNorm, evaluation", r"\tfrac{h}{r},\quad\textstyle\sum g n,\quad\sum g",
               lambda x, scale, shift, running_mean, running_variance: functional.batch_norm(
                   x, running_mean, running_variance, scale, shift),
               lambda x, scale, shift, g, **fixed: normalisation.batchnorm_gradients(x, scale, g, training=False, **fixed),
               examples.channels_evaluated),
    ClosedForm("mean pooling, masked", r"\frac{m_t\,g}{\sum_s m_s}",
               lambda hidden, mask: (hidden * mask[:, :, None]).sum(1) / mask.sum(1, keepdim=True),
               lambda hidden, g, mask: (attention.mean_pooling_gradient(mask, g),), examples.sequences),
    ClosedForm("scaled dot-product attention", r"\tfrac{1}{\sqrt D} S K,\quad\tfrac{1}{\sqrt D} S^\top Q,\quad A^\top G",
               lambda q, k, v, mask: functional.scaled_dot_product_attention(q, k, v, attn_mask=mask),
               lambda q, k, v, g, mask: attention.attention_gradients(q, k, v, g, mask), examples.queries),
    ClosedForm("convolution", r"\mathrm{fold}(W^\top G),\quad\textstyle\sum_b G_b U_b^\top,\quad\sum G",
               functional.conv2d, lambda x, weight, bias, g, **fixed: convolution.convolution_gradients(x, weight, g, **fixed), examples.pictures),
)


def relative_error(found: tuple[torch.Tensor, ...], due: tuple[torch.Tensor, ...]) -> float:
    """The largest of max |found - due| / max |due| over pairs of tensors, computed in float64."""
    errors = [((f.double() - d.double()).abs().max() / d.double().abs().max().clamp(min=1e-300)).item() for f, d in zip(found, due)]
    return max(errors)
