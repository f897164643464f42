"""What each kind of task asks of a model: how examples are prepared, which head and loss, what an output says.

Axes: B batch, C classes, F features, T places in a sequence, W words, S symbols, V words of a vocabulary.
"""

import torch
from torch import Tensor, nn

from tlkit.backbones.backbone import Backbone
from tlkit.backbones.state import State
from tlkit.backbones.transformer_stages import POOLS, Block
from tlkit.data.task import Task
from tlkit.errors import TlkitError
from tlkit.heads import CTC, IGNORED, BinaryCrossEntropy, CrossEntropy, Loss, SquaredError, next_token_targets


class Kind:
    """A kind of task; `reads_sequence` says whether its head sees every place of a sequence, or one vector an example.

    `targets_are` "examples" (one row each), "places" (one a place of the sequence) or "symbols" (of a length of their own).

    `loss_name` names the loss, and `answer_is` what of the outputs is the answer: the "largest", each that is "above 0", the
    output "itself", or the "path" of the largest.

    `head` and `loss` are what `adapt` puts on a body. `prepare` gives what the body's first stage takes, and the
    targets beside it. `answers` reads outputs: a list with one answer an example.
    """

    name = ""
    reads_sequence = False
    targets_are = "examples"
    loss_name = "cross-entropy"
    answer_is = "largest"

    def output_size(self, class_count: int) -> int:
        """How many numbers the head gives for an example, or for each place of a sequence.

        Args:
            class_count: names of classes, of tags, of symbols, or of tokens in a vocabulary; 0 for a number.
        """
        return class_count

    def head(self, backbone: Backbone, task: Task) -> nn.Module:
        raise NotImplementedError

    def loss(self, task: Task) -> Loss:
        raise NotImplementedError

    def prepare(self, backbone: Backbone, inputs, labels) -> tuple[State, Tensor]:
        return backbone.prepare(inputs), torch.as_tensor(labels)

    def answers(self, outputs: Tensor, state: State) -> list:
        raise NotImplementedError


class Classification(Kind):
    """One class an example: logits (B, C), targets int64 (B,)."""

    name = "classification"

    def head(self, backbone, task):
        return nn.Linear(backbone.feature_size, self.output_size(len(task.classes)))

    def loss(self, task):
        return CrossEntropy()

    def answers(self, outputs, state):
        return outputs.argmax(dim=1).tolist()


class MultiLabel(Kind):
    """Any number of classes an example: logits (B, C), targets of 0 and 1 (B, C)."""

    name = "multi-label"
    loss_name = "binary cross-entropy"
    answer_is = "above 0"

    def head(self, backbone, task):
        return nn.Linear(backbone.feature_size, self.output_size(len(task.classes)))

    def loss(self, task):
        return BinaryCrossEntropy()

    def answers(self, outputs, state):
        return [row.nonzero().flatten().tolist() for row in outputs > 0]


class Regression(Kind):
    """One number an example: outputs and targets (B,), in the targets' own unit."""

    name = "regression"
    loss_name = "squared error"
    answer_is = "itself"

    def output_size(self, class_count):
        return 1

    def head(self, backbone, task):
        return NumberHead(backbone.feature_size, *_mean_and_spread(task))

    def loss(self, task):
        return SquaredError(_mean_and_spread(task)[1])

    def answers(self, outputs, state):
        return outputs.tolist()


class TokenClassification(Kind):
    """One tag a word, read at the word's first token: logits (B, T, C), targets (B, T), -100 at all other tokens."""

    name = "token classification"
    reads_sequence = True
    targets_are = "places"

    def head(self, backbone, task):
        return PlaceHead(nn.Linear(backbone.feature_size, self.output_size(len(task.classes))))

    def loss(self, task):
        return CrossEntropy()

    def prepare(self, backbone, inputs, labels):
        state = backbone.prepare(inputs)
        rows = zip(state["words"], labels, strict=True)
        return state, torch.stack([aligned(words, tags.to(words.device)) for words, tags in rows])     # (B, T)

    def answers(self, outputs, state):
        """For each example, word number -> tag of the words of which a token was read."""
        best, first, words = outputs.argmax(dim=2), first_tokens(state["words"]), state["words"]
        return [dict(zip(words[row, first[row]].tolist(), best[row, first[row]].tolist(), strict=True)) for row in range(len(best))]


class Generation(Kind):
    """A text that answers a text: logits (B, T, V), targets (B, T): each place's next token, -100 over the question."""

    name = "generation"
    reads_sequence = True
    targets_are = "places"

    def head(self, backbone, task):
        if not any(isinstance(stage, Block) and stage.causal for stage in backbone.stages.values()):
            raise TlkitError(f"{backbone.name} sees what comes after a token, so it cannot generate; take a GPT-2")
        table = backbone.get_parameter(backbone.token_embedding)                      # (V, F)
        layer = nn.Linear(*reversed(table.shape), bias=False)
        layer.weight = table  # one parameter for words read and words said (Press and Wolf 2017)
        return PlaceHead(layer)

    def loss(self, task):
        return CrossEntropy()

    def prepare(self, backbone, inputs, labels):
        tokens, asked = backbone.preprocessing.pairs(inputs, labels)
        state = backbone.place(tokens)
        return state, next_token_targets(state["tokens"], asked.to(state["tokens"].device))

    def answers(self, outputs, state):
        raise TlkitError("an answer is generated token by token; use predict")


class Speech(Kind):
    """A sequence of symbols in a sound: logits (B, T, S + 1), class 0 blank; targets from 1 on (B, S), -100 behind."""

    name = "speech"
    reads_sequence = True
    targets_are = "symbols"
    loss_name = "CTC"
    answer_is = "path"

    def output_size(self, class_count):
        return class_count + 1  # the blank

    def head(self, backbone, task):
        return FrameHead(nn.Linear(backbone.feature_size, self.output_size(len(task.classes))))

    def loss(self, task):
        return CTC()

    def prepare(self, backbone, inputs, labels):
        state = backbone.prepare(inputs)
        rows = [torch.as_tensor(symbols) + 1 for symbols in labels]
        targets = nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=IGNORED)
        return state, targets.to(state["mask"].device)

    def answers(self, outputs, state):
        paths = outputs.argmax(dim=2)
        merged = [torch.unique_consecutive(path) for path in paths]
        return [(path[path > 0] - 1).tolist() for path in merged]


KINDS = {kind.name: kind for kind in
         (Classification(), MultiLabel(), Regression(), TokenClassification(), Generation(), Speech())}


def end_of_network(kind: str, class_count: int = 0) -> dict[str, int | str]:
    """What stands at the end of a network for a kind of task: its "outputs", its "loss", and what the "answer" is.

    Args:
        kind: one of `KINDS`.
        class_count: see `Kind.output_size`.
    """
    asked = KINDS[kind]
    return {"outputs": asked.output_size(class_count), "loss": asked.loss_name, "answer": asked.answer_is}


class NumberHead(nn.Module):
    """Features (B, F) -> numbers (B,): mean + unit * (w . x + b), so that w and b work at the scale of 1."""

    def __init__(self, feature_size: int, mean: float, unit: float):
        super().__init__()
        self.linear = nn.Linear(feature_size, 1)
        self.register_buffer("mean", torch.tensor(mean))
        self.register_buffer("unit", torch.tensor(unit))

    def forward(self, features: Tensor) -> Tensor:
        return self.mean + self.unit * self.linear(features).squeeze(1)


class PlaceHead(nn.Module):
    """A whole sequence's state -> outputs at every place, (B, T, F) -> (B, T, C)."""

    def __init__(self, linear: nn.Linear):
        super().__init__()
        self.linear = linear

    def forward(self, state: State) -> Tensor:
        return self.linear(state["hidden"])


class FrameHead(PlaceHead):
    """As `PlaceHead`; frames behind a sound's end give the blank, class 0, for certain."""

    def forward(self, state: State) -> Tensor:
        logits = super().forward(state)
        blank = torch.full_like(logits[:1, :1], torch.finfo(logits.dtype).min / 2)
        blank[..., 0] = 0
        return torch.where(state["mask"][..., None], logits, blank)


def aligned(words: Tensor, tags: Tensor) -> Tensor:
    """The target of every token of a sentence: its word's tag at the word's first token, -100 at all others.

    Args:
        words: which word each token is of, -1 for none, int64 (T,).
        tags: of the words, int64 (W,).
    Returns:
        int64 (T,).
    """
    first = first_tokens(words[None])[0]
    targets = torch.full_like(words, IGNORED)
    targets[first] = tags[words[first]]
    return targets


def first_tokens(words: Tensor) -> Tensor:
    """Where a word's first token stands: (B, T) of word numbers, -1 for none -> (B, T) of True and False."""
    before = words.roll(1, dims=1)
    before[:, 0] = -1
    return (words >= 0) & (words != before)


def last_stage(kind: Kind, backbone: Backbone) -> str:
    """The stage behind which the kind's head stands.

    Raises:
        TlkitError: the head needs a sequence, and the body gives none.
    """
    *before, last = backbone.stages
    if not kind.reads_sequence:
        return last
    if not isinstance(backbone.stages[last], tuple(POOLS.values())) or backbone.modality == "image":
        raise TlkitError(f"a task of kind {kind.name!r} needs a body that reads sequences, and {backbone.name} gives "
                         "one vector an example; take a Transformer for its texts or sounds")
    if not before:
        raise TlkitError(f"a task of kind {kind.name!r} needs a stage in front of {last}, and {backbone.name} has that one alone")
    return before[-1]


def _mean_and_spread(task: Task) -> tuple[float, float]:
    values = task.train.labels.double()
    spread = float(values.std(correction=0)) if len(values) > 1 else 0.0
    return float(values.mean()), spread if spread > 0 else 1.0
