"""What a model says about examples: outputs and targets of a split, in the form in which they are judged.

Axes: N examples, C classes, T places in a sequence.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from tlkit.backbones.state import channels_last
from tlkit.data.task import Split
from tlkit.errors import TlkitError
from tlkit.examples import Examples, FreshExamples
from tlkit.heads import IGNORED, cross_entropy
from tlkit.kinds import first_tokens
from tlkit.model import Model
from tlkit.quality import LOWER_IS_BETTER, Evaluation, are_bio, evaluate_outputs
from tlkit.windows import in_windows

_USUAL_METRIC = {
    "classification": "accuracy",
    "multi-label": "micro F1",
    "regression": "MSE",
    "token classification": "macro F1",
    "generation": "perplexity",
    "speech": "symbol error rate",
}


def usual_metric(kind: str, classes: Sequence[str]) -> str:
    """The metric that a kind of task is judged by where none is named; for tags of entities F1 of whole entities."""
    return "entity F1" if kind == "token classification" and are_bio(classes) else _USUAL_METRIC[kind]


@dataclass(frozen=True)
class Collected:
    """A split's outputs and targets as `tlkit.quality.evaluate_outputs` takes them, and the mean loss.

    Args:
        groups: which sentence a token belongs to, for tokens.
    """

    kind: str
    classes: tuple[str, ...]
    outputs: object
    targets: object
    loss: float
    groups: np.ndarray | None = None

    def evaluation(self, seed: int = 0, resamples: int = 1000) -> Evaluation:
        """All metrics of the kind of task, each with its interval."""
        return evaluate_outputs(self.kind, self.outputs, self.targets, self.classes, seed, self.groups, resamples)

    def metric(self, name: str | None = None) -> float:
        """One metric by name, or "loss"; None is the usual one for the kind of task.

        Raises:
            TlkitError: the kind of task has no such metric.
        """
        name = name or usual_metric(self.kind, self.classes)
        if name == "loss":
            return self.loss
        found = {key.lower(): value for key, value in self.evaluation(resamples=1).metrics.items()}
        if name.lower() not in found:
            raise TlkitError(f"metric={name!r} is not known for {self.kind}; metrics: loss, {', '.join(found)}")
        return found[name.lower()].mean


def lower_is_better(metric: str) -> bool:
    """Whether a metric falls as a model gets better."""
    return metric == "loss" or metric.lower() in {name.lower() for name in LOWER_IS_BETTER}


def collect(model: Model, split: Split, examples: Examples | None = None, batch_size: int = 64) -> Collected:
    """Ask the model about every example of a split, in eval mode; its mode is put back afterwards.

    Args:
        examples: where the split's examples are kept, if they are; None reads them anew.
    Raises:
        TlkitError: the split is empty.
    """
    if len(split) == 0:
        raise TlkitError(f"the {split.name} split is empty, so nothing can be measured on it")
    if examples is None:
        split = in_windows(split, model.backbone.preprocessing)
        examples = FreshExamples(model, split)
    parts, total, weight = [], 0.0, 0.0
    with model.evaluating():
        for indices in torch.arange(len(split)).split(batch_size):
            state, targets = examples.fetch(indices)
            outputs = model.outputs(channels_last(state), examples.after)
            total += model.loss.total(outputs, targets).item()
            weight += model.loss.weight(targets).item()
            parts.append(_scored(model, outputs, targets, state, indices, split))
    outputs, targets, groups = (_joined(each) for each in zip(*parts, strict=True))
    classes = model.classes
    return Collected(model.kind.name, classes, outputs, targets, total / max(weight, 1e-12), groups)


def _scored(model: Model, outputs: Tensor, targets: Tensor, state, indices: Tensor, split: Split):
    """What counts of a batch: outputs, targets, and which example each belongs to where that is not plain."""
    kind = model.kind.name
    if kind == "token classification":
        return _scored_words(outputs, state["words"], indices, split)
    if kind == "generation":
        losses = cross_entropy(outputs.flatten(0, 1).float(), targets.flatten(), reduction="none").view_as(targets)
        valid = targets != IGNORED
        right = ((outputs.argmax(dim=2) == targets) & valid).sum(dim=1)
        return _numbers(torch.stack([losses.sum(dim=1), right.to(losses)], dim=1)), _numbers(valid.sum(dim=1)), None
    if kind == "speech":
        said = [(row[row != IGNORED] - 1).tolist() for row in targets]
        return model.kind.answers(outputs, state), said, None
    return _numbers(outputs), _numbers(targets), None


def _scored_words(outputs: Tensor, words: Tensor, indices: Tensor, split: Split):
    """Outputs, tag and sentence of each word that is to be judged; one of which no token was read counts as taken for O."""
    unread = np.zeros(outputs.shape[2], np.float32)
    unread[split.classes.index("O") if "O" in split.classes else 0] = 100.0  # e^100 to 1: as sure as can be
    first, parts = first_tokens(words), []
    for row, index in enumerate(indices.tolist()):
        tags = split.labels[index].numpy()
        said = np.tile(unread, (len(tags), 1))
        said[words[row, first[row]].cpu().numpy()] = _numbers(outputs[row, first[row]])
        due = tags != IGNORED
        sentence = index if split.sentences is None else split.sentences[index]
        parts.append((said[due], tags[due], np.full(due.sum(), sentence)))
    return tuple(np.concatenate(each) for each in zip(*parts, strict=True))


def _numbers(values: Tensor) -> np.ndarray:
    values = values.detach().cpu()
    return (values.float() if values.dtype in (torch.float16, torch.bfloat16) else values).numpy()


def _joined(parts):
    if parts[0] is None:
        return None
    return np.concatenate(parts) if isinstance(parts[0], np.ndarray) else [each for part in parts for each in part]
