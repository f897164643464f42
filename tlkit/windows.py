"""Sentences that are longer than a body can read, in windows: each word is read among others, and judged in one window.

Without windows the words behind the last that fits would be neither learned from nor judged, and a score would look better
than it is, since nobody asks for what was cut off.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import torch

from tlkit.backbones.tokenization import Tokenization
from tlkit.data.inputs import Inputs
from tlkit.data.split import Split
from tlkit.heads import IGNORED
from tlkit.spans import spans

SHARED = 0.25  # of a window, with the next one


class Window(NamedTuple):
    """Words `start` up to `end` are read together; the tags of `first` up to `last` count, those of the others elsewhere."""

    start: int
    end: int
    first: int
    last: int


def windows(pieces: Sequence[int], room: int, shared: float = SHARED) -> list[Window]:
    """Cut a sentence so that each part fits, neighbours share words, and each word counts in one part, far from its ends.

    Args:
        pieces: how many tokens each word has.
        room: tokens that fit into a window, 1 or more. A word with more of them has a window to itself.
        shared: about which part of a window's tokens is in the next one too.
    Returns:
        One window for a sentence that fits; their `first` up to `last` follow each other without gap.
    """
    ends, start, parts = np.cumsum(pieces), 0, []
    begins = ends - pieces
    if len(pieces) == 0 or ends[-1] <= room:
        return [Window(0, len(pieces), 0, len(pieces))]
    while True:
        end = max(start + 1, int(np.searchsorted(ends, begins[start] + room, side="right")))
        parts.append((start, end))
        if end == len(pieces):
            break
        back = int(np.searchsorted(ends, ends[end - 1] - shared * room, side="right"))
        reaching_further = int(np.searchsorted(begins, ends[end] - room))
        start = min(max(back, start + 1, reaching_further), end)
    borders = [0, *((next_start + end) // 2 for (_, end), (next_start, _) in zip(parts, parts[1:])), len(pieces)]
    return [Window(*part, first, last) for part, first, last in zip(parts, borders, borders[1:])]


def entities_cut_off(tags: Sequence[str], pieces: Sequence[int], room: int) -> int:
    """How many entities of a sentence would be lost or cut short if it were read up to `room` tokens and no further.

    A word is read if its first token is, and an entity is whole if all of its words are.

    Args:
        tags: BIO2, one a word.
        pieces: how many tokens each word has, 1 or more.
        room: tokens that are read.
    """
    first = np.cumsum(pieces) - np.asarray(pieces)
    read = int((first < room).sum())
    return sum(span.end > read for span in spans(tags))


def sentence_windows(tokenization: Tokenization, sentences: Sequence) -> list[list[Window]]:
    """The windows of each of some sentences, given as lists of words."""
    tokenizer = tokenization.tokenizer
    room = tokenization.max_length - tokenizer.num_special_tokens_to_add()
    encoded = tokenizer([list(words) for words in sentences], is_split_into_words=True, add_special_tokens=False, verbose=False)
    return [windows(np.bincount([word for word in encoded.word_ids(row) if word is not None], minlength=len(words)), room)
            for row, words in enumerate(sentences)]


def in_windows(split: Split, preprocessing) -> Split:
    """A split of tagged sentences with those that do not fit cut into windows; `sentences` says which one each is of.

    A split in which all sentences fit comes back as it is, and so does one of another kind.
    """
    if split.kind != "token classification" or not isinstance(preprocessing, Tokenization) or len(split) == 0 or split.sentences is not None:
        return split
    cut = sentence_windows(preprocessing, split.inputs)
    if all(len(parts) == 1 for parts in cut):
        return split
    words, tags, sentences = [], [], []
    for number, (parts, (text, labels)) in enumerate(zip(cut, zip(split.inputs, split.labels))):
        for window in parts:
            counted = torch.full((window.end - window.start,), IGNORED)
            counted[window.first - window.start : window.last - window.start] = labels[window.first : window.last]
            words.append(tuple(text[window.start : window.end]))
            tags.append(counted)
            sentences.append(number)
    sentences = np.array(sentences)
    groups = None if split.groups is None else np.asarray(split.groups)[sentences]
    return replace(split, inputs=Inputs(words), labels=Inputs(tags), groups=groups, sentences=sentences)
