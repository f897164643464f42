"""What a kept activation depends on, as one name: another key wherever any of it differs."""

import hashlib
import json
from collections.abc import Callable, Iterable
from dataclasses import asdict

import numpy as np
import torch
from torch import Tensor

from tlkit.data.task import Split
from tlkit.model import Model
from tlkit.plans import Plan


def feature_key(model: Model, split: Split, boundary: str, plan: Plan, seed: int, autocast: Callable) -> str:
    """40 hex digits: weights, buffers and code's versions up to the boundary, the data, and how it is prepared."""
    import transformers

    import tlkit

    body = model.backbone
    stages = body.stretch(to=boundary)
    with autocast():
        cast = str(torch.get_autocast_dtype("cuda" if torch.cuda.is_available() else "cpu"))
        cast = cast if torch.is_autocast_enabled("cuda") or torch.is_autocast_enabled("cpu") else "no"
    weight = next(body.parameters())
    facts = {
        "versions": [tlkit.__version__, torch.__version__, transformers.__version__],
        "body": [body.name, *stages],
        "weights": weights_hash((f"{name}.{label}", values) for name in stages
                                for label, values in body.stages[name].state_dict().items()),
        "preparation": [body.preprocessing.describe(), _tokenizer(body.preprocessing), model.kind.name],
        "data": content_hash(split.inputs),
        "labels": content_hash(split.labels),
        "numbers": [str(weight.dtype), weight.device.type, cast],
        "changes": [asdict(plan.jitter), plan.views, seed] if plan.jitter is not None else None,
    }
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:40]


def weights_hash(tensors: Iterable[tuple[str, Tensor]]) -> str:
    """A hash of tensors with their names."""
    digest = hashlib.sha256()
    for name, values in tensors:
        digest.update(f"{name} {values.dtype} {tuple(values.shape)};".encode())
        digest.update(_bytes(values))
    return digest.hexdigest()


def content_hash(examples, at_most: int | None = None) -> str:
    """A hash of inputs or labels: of all of them, or of at most so many, spread evenly, and of their number."""
    digest = hashlib.sha256(f"{len(examples)};".encode())
    if isinstance(examples, Tensor):
        digest.update(f"{examples.dtype} {tuple(examples.shape)};".encode())
        digest.update(_bytes(examples))
        return digest.hexdigest()
    numbers = range(len(examples)) if at_most is None or len(examples) <= at_most else (
        np.linspace(0, len(examples) - 1, at_most).astype(int).tolist())
    for number in numbers:
        example = examples[number]
        if isinstance(example, (str, tuple, list)):
            digest.update(json.dumps(example).encode())
        elif isinstance(example, Tensor):
            digest.update(_bytes(example))
        elif hasattr(example, "samples"):
            digest.update(f"{example.rate};".encode() + np.ascontiguousarray(example.samples).tobytes())
        else:
            pixels = np.asarray(example)
            digest.update(f"{pixels.shape} {pixels.dtype};".encode() + np.ascontiguousarray(pixels).tobytes())
    return digest.hexdigest()


def _bytes(values: Tensor) -> np.ndarray:
    return values.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy()


def _tokenizer(preprocessing) -> str:
    tokenizer = getattr(preprocessing, "tokenizer", None)
    return hashlib.sha256(tokenizer.backend_tokenizer.to_str().encode()).hexdigest() if tokenizer is not None else ""
