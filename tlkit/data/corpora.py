"""Texts that were written for the course: tickets of a shop's customers, headlines, sentences with entities.

Each is a plain text file. Every text was written on its own; nothing is filled in from a template. Companies,
shops and most people in them are invented.
"""

import re
from pathlib import Path

import torch

from tlkit.data.inputs import Inputs
from tlkit.data.splitting import cut
from tlkit.data.task import Split, Task, bio_tags
from tlkit.errors import TlkitError

FOLDER = Path(__file__).with_name("texts")
TYPES = {"P": "PER", "L": "LOC", "O": "ORG", "M": "MISC"}
_WORD = re.compile(r"\w+(?:[-'.]\w+)*|[^\w\s]")
_MARKED = re.compile(r"\[([^\]]+)\]([PLOM])")
_SPLIT_SEED = 0
_SHARES = {"val": 0.15, "test": 0.25}
_ABOUT = {
    "licence": "CC BY 4.0",
    "source": "written for this course",
    "citation": "none; cite the course",
}


def load_tickets(target: str = "intent") -> Task:
    """What customers write to a shop: 13 intents of 40 texts each, in 5 topics.

    Args:
        target: "intent" or "topic".
    """
    return _classified(
        "tickets",
        ("topic", "intent"),
        target,
        "what customers of an online shop write, 13 intents in 5 topics; no templates",
    )


def load_headlines(target: str = "sentiment") -> Task:
    """Business headlines: 6 topics, in each of which good, bad and neutral news are equally many.

    Args:
        target: "sentiment" or "topic".
    """
    return _classified(
        "headlines", ("topic", "sentiment"), target,
        "business headlines on invented companies; the same companies have good, bad and neutral news",
    )  # fmt: skip


def load_entities() -> Task:
    """Sentences as tuples of words, with the tags of persons, places, organisations and others (works, events, peoples).

    Some sentences have no entity, and some words are one in one sentence and none in another.
    """
    lines = (FOLDER / "entities.txt").read_text(encoding="utf-8").splitlines()
    classes = bio_tags(tuple(TYPES.values()))
    sentences, tags = zip(*(read_marked(line) for line in lines), strict=True)
    labels = [torch.tensor([classes.index(tag) for tag in row]) for row in tags]
    kinds = ["".join(sorted({letter for _, letter in _MARKED.findall(line)})) for line in lines]
    parts = cut(kinds, lines, _SHARES, _SPLIT_SEED)
    splits = {
        name: Split(
            name, Inputs(sentences, parts[name]), Inputs(labels, parts[name]), classes, "token classification", "text"
        )
        for name in ("train", "val", "test")
    }
    return Task(
        name="entities",
        kind="token classification",
        modality="text",
        classes=classes,
        **splits,
        **_ABOUT,
        description="sentences of many kinds with their persons, places, organisations and others; no templates",
        target="entities",
        notes=("words are split at spaces and before punctuation; tags are BIO2",),
    )


def read_marked(line: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """A sentence in which entities stand in brackets, as words and BIO2 tags: "[Ada Lovelace]P wrote" -> 3 of each."""
    words: list[str] = []
    tags: list[str] = []
    position = 0
    for mark in [*_MARKED.finditer(line), None]:
        plain = _WORD.findall(line[position : mark.start() if mark else len(line)])
        words += plain
        tags += ["O"] * len(plain)
        if mark:
            inside = _WORD.findall(mark[1])
            words += inside
            tags += [f"{'I' if place else 'B'}-{TYPES[mark[2]]}" for place in range(len(inside))]
            position = mark.end()
    return tuple(words), tuple(tags)


def _classified(name: str, columns: tuple[str, str], target: str, description: str) -> Task:
    """A file of sections "[one / two]" with a text a line, as a task on one of the two."""
    if target not in columns:
        raise TlkitError(f"{name} has no target {target!r}; targets: {', '.join(reversed(columns))}")
    texts, sections = [], []
    section = None
    for line in (FOLDER / f"{name}.txt").read_text(encoding="utf-8").splitlines():
        if line.startswith("["):
            section = tuple(line.strip("[]").split(" / "))
        elif line:
            texts.append(line)
            sections.append(section)
    names = [section[columns.index(target)] for section in sections]
    classes = tuple(dict.fromkeys(names))
    labels = torch.tensor([classes.index(label) for label in names])
    parts = cut(sections, texts, _SHARES, _SPLIT_SEED)
    splits = {
        split: Split(split, Inputs(texts, parts[split]), labels[parts[split]], classes, "classification", "text")
        for split in ("train", "val", "test")
    }
    return Task(name, "classification", "text", classes, **splits, **_ABOUT, description=description, target=target)
