"""What is in a task, before anything is learned from it: sizes, lengths, repeats, leaks between splits, imbalance."""

from collections import Counter
from collections.abc import Hashable
from dataclasses import dataclass, field
from hashlib import blake2b
from itertools import combinations
from typing import NamedTuple

import numpy as np
import torch

from tlkit.data.reading import few
from tlkit.data.sound import Sound
from tlkit.data.task import Split, Task
from tlkit.errors import TlkitError

_UNITS = {"image": "pixels a side", "text": "words", "sound": "seconds", "table": "numbers"}


@dataclass
class Inspection:
    """What `inspect` found.

    Args:
        task: what was looked at.
        lengths: split -> (shortest, median, longest), in pixels a side, words or seconds.
        repeated: split -> how many of its examples stand in it already.
        pairs: two splits -> the first place, in the one and in the other, of each input that stands in both, in rising order.
        contradictions: how many inputs stand there with different labels.
        unreadable: what could not be decoded, and why.
        unknown_share: the share of all tokens that stand for what that tokenizer does not know, such as [UNK].
        cut_texts: how many texts are longer than the tokenizer's body can take; None where that was not asked.
        most_tokens: the longest text, in tokens.
        token_limit: tokens that the body can take.
        rates: sounds by their sampling rate.
    """

    task: Task
    lengths: dict[str, tuple[float, float, float]] = field(default_factory=dict)
    repeated: dict[str, int] = field(default_factory=dict)
    pairs: dict[tuple[str, str], list[tuple[int, int]]] = field(default_factory=dict)
    contradictions: int = 0
    unreadable: list[str] = field(default_factory=list)
    unknown_share: float = 0.0
    cut_texts: int | None = None
    most_tokens: int = 0
    token_limit: int = 0
    rates: Counter = field(default_factory=Counter)

    @property
    def shared(self) -> dict[tuple[str, str], int]:
        """Two splits -> how many different inputs stand in both."""
        return {splits: len(places) for splits, places in self.pairs.items()}

    @property
    def imbalance(self) -> float | None:
        """How many times more often the most frequent class stands in train than the rarest; None without classes."""
        counts = list(self.task.train.class_counts.values())
        return None if not counts else np.inf if not min(counts) else max(counts) / min(counts)

    def describe(self) -> str:
        """Everything as text, leaks and faults last."""
        unit = _UNITS[self.task.modality]
        lines = [self.task.describe(), "inspected:"]
        lines += [
            f"  {split}: {low:g} to {high:g} {unit}, half of them below {middle:g}; {self.repeated[split]} repeated"
            for split, (low, middle, high) in self.lengths.items()
        ]
        if self.imbalance is not None:
            lines.append(
                f"  imbalance in train: the most frequent class is {self.imbalance:.3g} times as frequent as the rarest"
            )
        if len(self.rates) > 1:
            lines.append(
                f"  sampling rates: {', '.join(f'{count} at {rate:,} Hz' for rate, count in self.rates.most_common())}"
            )
        if self.cut_texts is not None:
            lines.append(
                f"  {self.cut_texts} texts are longer than {self.token_limit} tokens and would be cut; the longest has {self.most_tokens}"
            )
        if self.unknown_share:
            lines.append(f"  {self.unknown_share:.2%} of all tokens stand for what the tokenizer does not know")
        for (one, other), count in self.shared.items():
            places = few([f"{one} {first} is {other} {second}" for first, second in self.pairs[one, other]])
            lines.append(
                f"  {'LEAK: ' if count else ''}{count} {'stand' if count != 1 else 'stands'} in both {one} and {other}"
                f"{': ' + places if count else ''}"
            )
        if self.contradictions:
            lines.append(f"  {self.contradictions} inputs stand there with different labels")
        if self.unreadable:
            lines.append(f"  {len(self.unreadable)} cannot be read: {few(self.unreadable)}")
        return "\n".join(lines)


def inspect(task: Task, backbone: str | None = None) -> Inspection:
    """Look at every example once.

    Args:
        task: from `load_task`.
        backbone: whose tokenizer counts the tokens of texts; None means minilm where it is installed.
    Raises:
        TlkitError: no such backbone, or one that does not read texts.
    """
    found = Inspection(task)
    seen: dict[str, dict[Hashable, Seen]] = {}
    for name, split in task.splits.items():
        prints, lengths = _look_at(split, found)
        seen[name] = prints
        if lengths:
            found.lengths[name] = (float(min(lengths)), float(np.median(lengths)), float(max(lengths)))
        found.repeated[name] = len(lengths) - len(prints)
    for one, other in combinations(task.splits, 2):
        both = seen[one].keys() & seen[other].keys()
        found.pairs[one, other] = sorted((seen[one][key].place, seen[other][key].place) for key in both)
    labels: dict[Hashable, set] = {}
    for prints in seen.values():
        for key, seen_here in prints.items():
            labels.setdefault(key, set()).update(seen_here.labels)
    found.contradictions = sum(len(values) > 1 for values in labels.values())
    if task.modality == "text":
        _count_tokens(found, backbone)
    return found


class Seen(NamedTuple):
    """An input of a split: its first place there, and the labels that it bears."""

    place: int
    labels: set


def _look_at(split: Split, found: Inspection) -> tuple[dict[Hashable, Seen], list[float]]:
    """The prints of a split's inputs, and the length of each."""
    prints: dict[Hashable, Seen] = {}
    lengths = []
    for number in range(len(split)):
        try:
            example = split.inputs[number]
        except TlkitError as error:
            found.unreadable.append(str(error))
            continue
        lengths.append(_length(example))
        if isinstance(example, Sound):
            found.rates[example.rate] += 1
        label = split.labels[number]
        prints.setdefault(_print(example), Seen(number, set())).labels.add(str(label.tolist() if isinstance(label, torch.Tensor) else label))
    return prints, lengths


def _length(example) -> float:
    if isinstance(example, Sound):
        return example.seconds
    if isinstance(example, torch.Tensor):
        return max(example.shape[1:]) if example.ndim == 3 else example.numel()
    return len(example.split()) if isinstance(example, str) else len(example)


def _print(example) -> Hashable:
    """The same for the same content: for texts, whatever their spaces and case."""
    if isinstance(example, str):
        content = " ".join(example.split()).casefold().encode()
    elif isinstance(example, Sound):
        content = example.samples.tobytes()
    elif isinstance(example, torch.Tensor):
        content = repr(tuple(example.shape)).encode() + example.contiguous().numpy().tobytes()
    else:
        content = "\0".join(example).encode()
    return blake2b(content, digest_size=16).digest()


def _count_tokens(found: Inspection, backbone: str | None) -> None:
    from tlkit.backbones import minilm

    if backbone is None and not minilm.is_installed():
        return
    counter = minilm.read_tokenizer() if backbone in (None, "minilm") else _tokenizer_of(backbone)
    lengths = np.concatenate([counter.lengths(split.inputs) for split in found.task.splits.values() if len(split)])
    found.token_limit, found.most_tokens = counter.max_length, int(lengths.max())
    found.cut_texts = int((lengths > counter.max_length).sum())
    found.unknown_share = counter.unknown_share([text for split in found.task.splits.values() for text in split.inputs])


def _tokenizer_of(backbone: str):
    from tlkit.backbones import load_backbone

    body = load_backbone(backbone, pretrained=False)
    if body.modality != "text":
        raise TlkitError(f"{backbone} reads {body.modality}s, and what is inspected are texts")
    return body.preprocessing
