"""Every closed form beside what it is the gradient of, and how to draw an example: one list for tests, table and benchmark."""

from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch.nn import functional

from tlkit import heads
from tlkit.gradients import attention, binary, categorical, convolution, linear, normalisation, pointwise, regression


@dataclass(frozen=True)
class Example:
    """What a function is applied to.

    Args:
        inputs: the tensors by which is differentiated, in order.
        fixed: everything else: labels, masks, settings.
        upstream: what comes from above, of the output's shape.
    """

    inputs: dict[str, torch.Tensor]
    fixed: dict = field(default_factory=dict)
    upstream: torch.Tensor | None = None


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
    draw: Callable[["Draw"], Example]

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


class Draw:
    """Random numbers and sizes of one seed."""

    def __init__(self, seed: int, dtype: torch.dtype, device: str = "cpu", largest: int = 9):
        self.generator = torch.Generator().manual_seed(seed)
        self.dtype, self.device, self.largest = dtype, device, largest

    def sizes(self, count: int) -> list[int]:
        return [int(size) for size in torch.randint(2, self.largest + 1, (count,), generator=self.generator)]

    def normal(self, *shape: int, scale: float = 1.0) -> torch.Tensor:
        drawn = scale * torch.randn(shape, generator=self.generator, dtype=torch.float64)
        return drawn.to(self.device, self.dtype)

    def uniform(self, *shape: int, low: float = 0.0, high: float = 1.0) -> torch.Tensor:
        drawn = low + (high - low) * torch.rand(shape, generator=self.generator, dtype=torch.float64)
        return drawn.to(self.device, self.dtype)

    def whole(self, below: int, *shape: int) -> torch.Tensor:
        return torch.randint(below, shape, generator=self.generator).to(self.device)

    def flags(self, *shape: int) -> torch.Tensor:
        """Random bools with at least one True along the last axis."""
        flags = torch.rand(shape, generator=self.generator) < 0.6
        flags[..., 0] = True
        return flags.to(self.device)


def _pointwise(draw: Draw) -> Example:
    return Example({"inputs": draw.normal(*draw.sizes(2), scale=2.0)})


def _probabilities(draw: Draw) -> Example:
    shape = draw.sizes(2)
    return Example({"probabilities": draw.uniform(*shape, low=0.02, high=0.98)}, {"targets": draw.uniform(*shape)})


def _binary_logits(draw: Draw) -> Example:
    batch, classes = draw.sizes(2)
    return Example({"logits": draw.normal(batch, classes, scale=4.0)},
                   {"targets": draw.uniform(batch, classes).round(), "positive_weights": draw.uniform(classes, low=0.5, high=3.0)})


def _binary_logits_plain(draw: Draw) -> Example:
    drawn = _binary_logits(draw)
    return Example(drawn.inputs, {"targets": drawn.fixed["targets"]})


def _labelled_plain(draw: Draw) -> Example:
    batch, classes = draw.sizes(2)
    return Example({"logits": draw.normal(batch, classes, scale=3.0)}, {"labels": draw.whole(classes, batch)})


def _labelled(draw: Draw) -> Example:
    batch, classes = draw.sizes(2)
    labels = draw.whole(classes, batch)
    labels[1:][draw.whole(4, batch - 1) == 0] = -100
    return Example({"logits": draw.normal(batch, classes, scale=3.0)},
                   {"labels": labels, "label_smoothing": 0.1, "class_weights": draw.uniform(classes, low=0.5, high=2.0)})


def _student(draw: Draw) -> Example:
    shape = draw.sizes(2)
    return Example({"student_logits": draw.normal(*shape, scale=3.0)},
                   {"teacher_logits": draw.normal(*shape, scale=3.0), "temperature": 2.5})


def _outputs(draw: Draw) -> Example:
    shape = draw.sizes(2)
    return Example({"outputs": draw.normal(*shape, scale=2.0)}, {"targets": draw.normal(*shape)})


def _weights(draw: Draw) -> Example:
    shapes = [draw.sizes(2), draw.sizes(1)]
    return Example({f"parameter {i}": draw.normal(*shape) for i, shape in enumerate(shapes)},
                   {"anchors": [draw.normal(*shape) for shape in shapes]})


def _layer(draw: Draw) -> Example:
    batch, places, i, o = draw.sizes(4)
    return Example({"inputs": draw.normal(batch, places, i), "weight": draw.normal(o, i), "bias": draw.normal(o)})


def _low_rank(draw: Draw) -> Example:
    batch, i, o, rank = draw.sizes(4)
    return Example({"inputs": draw.normal(batch, i), "down": draw.normal(rank, i), "up": draw.normal(o, rank)},
                   {"weight": draw.normal(o, i), "scale": 1.7})


def _table(draw: Draw) -> Example:
    rows, size, batch, places = draw.sizes(4)
    return Example({"weight": draw.normal(rows, size)}, {"indices": draw.whole(rows, batch, places)})


def _features(draw: Draw) -> Example:
    batch, places, size = draw.sizes(3)
    size += 3  # two features normalise to -1 and 1 whatever they are: all of their gradient cancels
    return Example({"inputs": draw.normal(batch, places, size, scale=3.0) + 1, "scale": draw.normal(size), "shift": draw.normal(size)})


def _channels(draw: Draw) -> Example:
    batch, channels, height, width = draw.sizes(4)
    return Example({"inputs": draw.normal(batch, channels, height, width, scale=3.0) + 1, "scale": draw.normal(channels),
                    "shift": draw.normal(channels)})


def _channels_evaluated(draw: Draw) -> Example:
    drawn = _channels(draw)
    channels = len(drawn.inputs["scale"])
    return Example(drawn.inputs, {"running_mean": draw.normal(channels), "running_variance": draw.uniform(channels, low=0.5, high=2.0)})


def _kept(draw: Draw) -> Example:
    shape = draw.sizes(2)
    return Example({"inputs": draw.normal(*shape)}, {"mask": draw.flags(*shape)})


def _sequences(draw: Draw) -> Example:
    batch, places, features = draw.sizes(3)
    return Example({"hidden": draw.normal(batch, places, features)}, {"mask": draw.flags(batch, places)})


def _queries(draw: Draw) -> Example:
    batch, t, s, d, e = draw.sizes(5)
    return Example({"queries": draw.normal(batch, t, d), "keys": draw.normal(batch, s, d), "values": draw.normal(batch, s, e)},
                   {"mask": draw.flags(batch, t, s)})


def _pictures(draw: Draw) -> Example:
    batch, channels, out, height, width = draw.sizes(5)
    return Example({"inputs": draw.normal(batch, channels, height + 3, width + 3), "weight": draw.normal(out, channels, 3, 2),
                    "bias": draw.normal(out)}, {"stride": 2, "padding": 1})


_RATE = 0.3

CLOSED_FORMS = (
    ClosedForm("sigmoid", r"g\,\sigma(z)\,(1-\sigma(z))", torch.sigmoid, lambda z, g: (binary.sigmoid_gradient(z, g),), _pointwise),
    ClosedForm("binary cross-entropy", r"\frac{g}{N}\,\frac{p-y}{p(1-p)}", heads.binary_cross_entropy,
               lambda p, g, targets: (binary.bce_gradient(p, targets, g),), _probabilities),
    ClosedForm("binary cross-entropy on logits", r"\frac{g}{N}\left(\sigma(z)-y\right)", heads.binary_cross_entropy_with_logits,
               lambda z, g, targets: (binary.bce_with_logits_gradient(z, targets, g),), _binary_logits_plain),
    ClosedForm("the same, positives weighted", r"\frac{g}{N}\left((1-y)\,\sigma(z)-w\,y\,(1-\sigma(z))\right)",
               heads.binary_cross_entropy_with_logits,
               lambda z, g, targets, **fixed: (binary.bce_with_logits_gradient(z, targets, g, **fixed),), _binary_logits),
    ClosedForm("softmax", r"p_i\left(g_i-\textstyle\sum_j g_j p_j\right)", lambda z: torch.softmax(z, -1),
               lambda z, g: (categorical.softmax_gradient(z, g),), _pointwise),
    ClosedForm("cross-entropy", r"\frac{g}{B}\left(\mathrm{softmax}(z_b)-\mathrm{onehot}(y_b)\right)", heads.cross_entropy,
               lambda z, g, labels: (categorical.cross_entropy_gradient(z, labels, g),), _labelled_plain),
    ClosedForm("the same, smoothed, weighted, some ignored", r"\frac{g}{D}\left(p_b\textstyle\sum_c t_{bc}-t_b\right)", heads.cross_entropy,
               lambda z, g, labels, **fixed: (categorical.cross_entropy_gradient(z, labels, g, **fixed),), _labelled),
    ClosedForm("distillation", r"\frac{g\,T}{B}\left(\mathrm{softmax}(s/T)-\mathrm{softmax}(t/T)\right)", heads.distillation_loss,
               lambda s, g, teacher_logits, temperature: (categorical.distillation_gradient(
                   s, teacher_logits, g, temperature=temperature),), _student),
    ClosedForm("mean squared error", r"\frac{2g}{N}(x-y)", heads.mean_squared_error,
               lambda x, g, targets: (regression.mse_gradient(x, targets, g),), _outputs),
    ClosedForm("Huber", r"\frac{g}{N}\,\mathrm{clip}(x-y,-\delta,\delta)", heads.huber,
               lambda x, g, targets: (regression.huber_gradient(x, targets, g),), _outputs),
    ClosedForm("L2-SP penalty", r"g\,\lambda\,(w-w_0)", lambda *w, anchors: heads.l2_sp(w, anchors, strength=0.3),
               lambda *w, anchors: regression.l2_sp_gradient(w[:-1], anchors, w[-1], strength=0.3), _weights),
    ClosedForm("ReLU", r"g\,[x>0]", torch.relu, lambda x, g: (pointwise.relu_gradient(x, g),), _pointwise),
    ClosedForm("GELU", r"g\,(\Phi(x)+x\,\varphi(x))", functional.gelu, lambda x, g: (pointwise.gelu_gradient(x, g),), _pointwise),
    ClosedForm("GELU, tanh", r"g\left(\tfrac{1+\tanh u}{2}+\tfrac{x}{2}(1-\tanh^2 u)\,u'\right)",
               lambda x: functional.gelu(x, approximate="tanh"), lambda x, g: (pointwise.gelu_gradient(x, g, approximate="tanh"),), _pointwise),
    ClosedForm("dropout, mask given", r"\frac{g\,m}{1-\text{rate}}", lambda x, mask: x * mask / (1 - _RATE),
               lambda x, g, mask: (pointwise.dropout_gradient(mask, g, rate=_RATE),), _kept),
    ClosedForm("linear layer", r"g W,\quad g^\top x,\quad\textstyle\sum_b g_b", functional.linear,
               lambda x, weight, bias, g: linear.linear_gradients(x, weight, g), _layer),
    ClosedForm("LoRA layer", r"g W+s\,g B A,\quad s\,B^\top g^\top x,\quad s\,g^\top x A^\top",
               lambda x, down, up, weight, scale: x @ weight.T + scale * x @ down.T @ up.T,
               lambda x, down, up, g, weight, scale: linear.lora_gradients(x, weight, down, up, g, scale=scale), _low_rank),
    ClosedForm("embedding", r"\textstyle\sum_{p:\,i_p=v} g_p", lambda weight, indices: functional.embedding(indices, weight),
               lambda weight, g, indices: (linear.embedding_gradient(indices, g, rows=len(weight)),), _table),
    ClosedForm("LayerNorm", r"\tfrac1r\left(h-\bar h-n\,\overline{h n}\right),\quad\textstyle\sum g n,\quad\sum g",
               lambda x, scale, shift: functional.layer_norm(x, scale.shape, scale, shift),
               lambda x, scale, shift, g: normalisation.layernorm_gradients(x, scale, g), _features),
    ClosedForm("BatchNorm, training", r"\tfrac1r\left(h-\bar h-n\,\overline{h n}\right),\quad\textstyle\sum g n,\quad\sum g",
               lambda x, scale, shift: functional.batch_norm(x, None, None, scale, shift, training=True),
               lambda x, scale, shift, g: normalisation.batchnorm_gradients(x, scale, g), _channels),
    ClosedForm("BatchNorm, evaluation", r"\tfrac{h}{r},\quad\textstyle\sum g n,\quad\sum g",
               lambda x, scale, shift, running_mean, running_variance: functional.batch_norm(
                   x, running_mean, running_variance, scale, shift),
               lambda x, scale, shift, g, **fixed: normalisation.batchnorm_gradients(x, scale, g, training=False, **fixed),
               _channels_evaluated),
    ClosedForm("mean pooling, masked", r"\frac{m_t\,g}{\sum_s m_s}",
               lambda hidden, mask: (hidden * mask[:, :, None]).sum(1) / mask.sum(1, keepdim=True),
               lambda hidden, g, mask: (attention.mean_pooling_gradient(mask, g),), _sequences),
    ClosedForm("scaled dot-product attention", r"\tfrac{1}{\sqrt D} S K,\quad\tfrac{1}{\sqrt D} S^\top Q,\quad A^\top G",
               lambda q, k, v, mask: functional.scaled_dot_product_attention(q, k, v, attn_mask=mask),
               lambda q, k, v, g, mask: attention.attention_gradients(q, k, v, g, mask), _queries),
    ClosedForm("convolution", r"\mathrm{fold}(W^\top G),\quad\textstyle\sum_b G_b U_b^\top,\quad\sum G",
               functional.conv2d, lambda x, weight, bias, g, **fixed: convolution.convolution_gradients(x, weight, g, **fixed), _pictures),
)


def relative_error(found: tuple[torch.Tensor, ...], due: tuple[torch.Tensor, ...]) -> float:
    """The largest of max |found - due| / max |due| over pairs of tensors, computed in float64."""
    errors = [((f.double() - d.double()).abs().max() / d.double().abs().max().clamp(min=1e-300)).item() for f, d in zip(found, due)]
    return max(errors)
