"""A trained model that answers in the task's own words: class names, tags, numbers, texts.

Axes: N examples, C classes.
"""

import os
import sys
import warnings
from collections.abc import Sequence
from html import escape
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from tlkit.data.inputs import Inputs
from tlkit.data.pictures import read_picture
from tlkit.data.sound import read_wav
from tlkit.errors import TlkitError, TlkitWarning
from tlkit.kinds import Generation, TokenClassification
from tlkit.model import Model
from tlkit.windows import sentence_windows


class Predictor:
    """What `tlkit.load` gives: `predict` answers; `tlkit.adapt(predictor.model, task)` trains it further.

    Args:
        model: in eval mode.
        facts: what the artefact says of its task, body, plan, seed and versions.
    """

    def __init__(self, model: Model, facts: dict):
        self.model, self.facts = model, facts

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes, in the order of the columns of `probabilities`."""
        return self.model.classes

    def predict(self, inputs, batch_size: int = 32) -> list:
        """An answer for each example: a class's name; names (multi-label); a number; tags of the words; a text; symbols.

        A sentence that is longer than the body can read is read in windows that overlap; a word of which the tokenizer leaves
        nothing gets the tag O.

        Args:
            inputs: as the task's own inputs are: images (N, C, H, W) or pictures, texts, lists of words, sounds.
        Raises:
            TlkitError: a single text or picture in place of several, or inputs that the body cannot read.
        """
        answers = []
        for batch in _in_batches(inputs, batch_size):
            if isinstance(self.model.kind, Generation):
                answers += generate(self.model, batch)
            elif isinstance(self.model.kind, TokenClassification):
                answers += self._tags(batch)
            else:
                answers += self._answers(batch)
        return [self._named(answer) for answer in answers]

    def _answers(self, batch) -> list:
        with self.model.evaluating():
            state = self.model.backbone.prepare(batch)
            return self.model.kind.answers(self.model.outputs(state), state)

    def _tags(self, sentences: Sequence) -> list[list[int]]:
        """A tag for every word; sentences that are too long are read in windows."""
        outside = self.classes.index("O") if "O" in self.classes else 0
        tags = [[outside] * len(words) for words in sentences]
        parts = [(number, window) for number, found in enumerate(sentence_windows(self.model.backbone.preprocessing, sentences))
                 for window in found]
        said = self._answers([tuple(sentences[number][window.start : window.end]) for number, window in parts])
        for (number, window), words in zip(parts, said, strict=True):
            for word, tag in words.items():
                if window.first <= window.start + word < window.last:
                    tags[number][window.start + word] = tag
        return tags

    def probabilities(self, inputs, batch_size: int = 32) -> np.ndarray:
        """How probable each class is, float (N, C); of several labels each by itself.

        Raises:
            TlkitError: the task has no classes, or several answers an example.
        """
        kind = self.model.kind.name
        if kind not in ("classification", "multi-label"):
            raise TlkitError(f"a task of kind {kind!r} has no probabilities of classes; use predict")
        rows = []
        with self.model.evaluating():
            for batch in _in_batches(inputs, batch_size):
                outputs = self.model(batch).double()
                rows.append((outputs.softmax(dim=1) if kind == "classification" else outputs.sigmoid()).cpu())
        return torch.cat(rows).numpy()

    def _named(self, answer):
        if isinstance(answer, list):
            return [self.classes[index] for index in answer]
        return self.classes[answer] if self.model.kind.name == "classification" else answer

    def describe(self) -> str:
        """What it was trained on and how, as text."""
        task, plan = self.facts["task"], self.facts["plan"]
        return (f"{self.facts['body']['name']} for {task['name']} ({task['kind']}), plan {plan['name']}, "
                f"seed {self.facts['seed']}, tlkit {self.facts['versions']['tlkit']}")

    def __repr__(self) -> str:
        return self.describe()

    def _repr_html_(self) -> str:
        return f"<p>{escape(self.describe())}</p>"


def generate(model: Model, questions: Sequence[str], at_most: int = 64) -> list[str]:
    """The most probable next token again and again, until the mark of the end (greedy decoding)."""
    tokenization = model.backbone.preprocessing
    end = tokenization.tokenizer.eos_token_id
    answers = []
    with model.evaluating():
        for question in questions:
            state, asked = tokenization.pairs([question], [""])
            tokens = state["tokens"][0, ~asked[0]].tolist()
            given = len(tokens)
            while len(tokens) - given < at_most and len(tokens) < tokenization.max_length:
                state = {"tokens": torch.tensor([tokens]), "mask": torch.ones(1, len(tokens), dtype=torch.bool)}
                following = int(model.outputs(model.backbone.place(state))[0, -1].argmax())
                if following == end:
                    break
                tokens.append(following)
            answers.append(tokenization.tokenizer.decode(tokens[given:]))
    return answers


def _in_batches(inputs, size: int):
    if isinstance(inputs, str):
        raise TlkitError(f"predict takes a list of texts, and one text was given: predict([{inputs[:30]!r}])")
    if isinstance(inputs, Tensor) and inputs.ndim == 3:
        raise TlkitError(f"predict takes a batch of images (N, C, H, W), and this one image has shape {tuple(inputs.shape)}: "
                         "predict(image[None])")
    return inputs.split(size) if isinstance(inputs, (Tensor, Inputs)) else [inputs[at : at + size] for at in range(0, len(inputs), size)]


def read_inputs(predictor: Predictor, given: Sequence[str]) -> tuple[list[str], list]:
    """Names and examples for a command line: texts as they stand, "-" for lines of stdin, files and folders else.

    Raises:
        TlkitError: nothing that the body could read.
    """
    modality = predictor.model.backbone.modality
    if modality == "text":
        for each in given:
            if each != "-" and os.path.isfile(each):
                warnings.warn(f"{each!r} is a file, and its name is read as a text; - reads lines of text: tlkit predict MODEL - < {each}", TlkitWarning, stacklevel=2)
        lines = [line.rstrip("\n") for each in given for line in (sys.stdin if each == "-" else [each])]
        lines = [line for line in lines if line.strip()]
        if not lines:
            raise TlkitError("there is no text to predict from")
        by_word = predictor.model.kind.name == "token classification"
        return lines, [tuple(line.split()) for line in lines] if by_word else lines
    paths = []
    for each in map(Path, given):
        if not each.exists():
            raise TlkitError(f"there is no file or folder {str(each)!r}")
        paths += sorted(path for path in each.rglob("*") if path.is_file() and not path.name.startswith(".")) if each.is_dir() else [each]
    if not paths:
        raise TlkitError(f"{', '.join(given)} holds no files")
    read = read_picture if modality == "image" else read_wav
    return [str(path) for path in paths], [read(path) for path in paths]
