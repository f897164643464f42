"""What closed forms are tried on: random examples of every shape that they take.

Sizes come from the Draw, so that another Draw gives other shapes, or fixed ones for a measurement. Each function below draws
what one kind of function takes: its inputs by name and what stays fixed.
"""

from dataclasses import dataclass, field

import torch


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


def pointwise(draw: Draw) -> Example:
    return Example({"inputs": draw.normal(*draw.sizes(2), scale=2.0)})


def probabilities(draw: Draw) -> Example:
    shape = draw.sizes(2)
    return Example({"probabilities": draw.uniform(*shape, low=0.02, high=0.98)}, {"targets": draw.uniform(*shape)})


def binary_logits(draw: Draw) -> Example:
    batch, classes = draw.sizes(2)
    return Example({"logits": draw.normal(batch, classes, scale=4.0)},
                   {"targets": draw.uniform(batch, classes).round(), "positive_weights": draw.uniform(classes, low=0.5, high=3.0)})


def binary_logits_plain(draw: Draw) -> Example:
    drawn = binary_logits(draw)
    return Example(drawn.inputs, {"targets": drawn.fixed["targets"]})


def labelled_plain(draw: Draw) -> Example:
    batch, classes = draw.sizes(2)
    return Example({"logits": draw.normal(batch, classes, scale=3.0)}, {"labels": draw.whole(classes, batch)})


def labelled(draw: Draw) -> Example:
    batch, classes = draw.sizes(2)
    labels = draw.whole(classes, batch)
    labels[1:][draw.whole(4, batch - 1) == 0] = -100
    return Example({"logits": draw.normal(batch, classes, scale=3.0)},
                   {"labels": labels, "label_smoothing": 0.1, "class_weights": draw.uniform(classes, low=0.5, high=2.0)})


def student(draw: Draw) -> Example:
    shape = draw.sizes(2)
    return Example({"student_logits": draw.normal(*shape, scale=3.0)},
                   {"teacher_logits": draw.normal(*shape, scale=3.0), "temperature": 2.5})


def outputs(draw: Draw) -> Example:
    shape = draw.sizes(2)
    return Example({"outputs": draw.normal(*shape, scale=2.0)}, {"targets": draw.normal(*shape)})


def weights(draw: Draw) -> Example:
    shapes = [draw.sizes(2), draw.sizes(1)]
    return Example({f"parameter {i}": draw.normal(*shape) for i, shape in enumerate(shapes)},
                   {"anchors": [draw.normal(*shape) for shape in shapes]})


def layer(draw: Draw) -> Example:
    batch, places, i, o = draw.sizes(4)
    return Example({"inputs": draw.normal(batch, places, i), "weight": draw.normal(o, i), "bias": draw.normal(o)})


def low_rank(draw: Draw) -> Example:
    batch, i, o, rank = draw.sizes(4)
    return Example({"inputs": draw.normal(batch, i), "down": draw.normal(rank, i), "up": draw.normal(o, rank)},
                   {"weight": draw.normal(o, i), "scale": 1.7})


def table(draw: Draw) -> Example:
    rows, size, batch, places = draw.sizes(4)
    return Example({"weight": draw.normal(rows, size)}, {"indices": draw.whole(rows, batch, places)})


def features(draw: Draw) -> Example:
    batch, places, size = draw.sizes(3)
    size += 3  # two features normalise to -1 and 1 whatever they are: all of their gradient cancels
    return Example({"inputs": draw.normal(batch, places, size, scale=3.0) + 1, "scale": draw.normal(size), "shift": draw.normal(size)})


def channels(draw: Draw) -> Example:
    batch, count, height, width = draw.sizes(4)
    return Example({"inputs": draw.normal(batch, count, height, width, scale=3.0) + 1, "scale": draw.normal(count),
                    "shift": draw.normal(count)})


def channels_evaluated(draw: Draw) -> Example:
    drawn = channels(draw)
    count = len(drawn.inputs["scale"])
    return Example(drawn.inputs, {"running_mean": draw.normal(count), "running_variance": draw.uniform(count, low=0.5, high=2.0)})


def kept(draw: Draw) -> Example:
    shape = draw.sizes(2)
    return Example({"inputs": draw.normal(*shape)}, {"mask": draw.flags(*shape)})


def sequences(draw: Draw) -> Example:
    batch, places, features = draw.sizes(3)
    return Example({"hidden": draw.normal(batch, places, features)}, {"mask": draw.flags(batch, places)})


def queries(draw: Draw) -> Example:
    batch, t, s, d, e = draw.sizes(5)
    return Example({"queries": draw.normal(batch, t, d), "keys": draw.normal(batch, s, d), "values": draw.normal(batch, s, e)},
                   {"mask": draw.flags(batch, t, s)})


def pictures(draw: Draw) -> Example:
    batch, channels, out, height, width = draw.sizes(5)
    return Example({"inputs": draw.normal(batch, channels, height + 3, width + 3), "weight": draw.normal(out, channels, 3, 2),
                    "bias": draw.normal(out)}, {"stride": 2, "padding": 1})
