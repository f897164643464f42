"""Small models for tests: a convolutional body with BatchNorm, and Transformers with random weights."""

import tlkit
from tests.backbones import checkpoints


def transformer(folder, kind: str = "bert", dropout: float = 0.0, seed: int = 0, **changes):
    """The folder of a small checkpoint, written there if it is not."""
    place = folder / f"{kind}-{dropout}-{seed}"
    if not place.exists():
        names = {"bert": ("hidden_dropout_prob", "attention_probs_dropout_prob"),
                 "gpt2": ("resid_pdrop", "embd_pdrop", "attn_pdrop")}.get(kind, ())
        checkpoints.write(place, kind, seed, **dict.fromkeys(names, dropout), **changes)
    return place


def model_for(task, body, seed: int = 0, double: bool = True, pooling: str | None = None, pretrained: bool = True, **options):
    """A model for the task, in float64 so that two ways to the same weights can be told from two that differ."""
    backbone = tlkit.load_backbone(body, pooling=pooling, pretrained=pretrained)
    return tlkit.adapt(backbone.double() if double else backbone, task, seed, **options)


def apart(first, second) -> float:
    """The largest difference between two models' weights and buffers."""
    theirs = second.state_dict()
    return max(float((values.double() - theirs[name].double()).abs().max()) for name, values in first.state_dict().items() if values.numel())
