"""Entities in tagged sentences, and how many of them were found.

A span is a type with the words from `start` up to `end`, which is the first word behind it. Two spans are the same when
type, start and end are.

Axes: N sentences.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from tlkit.errors import TlkitError

SCHEMES = ("strict", "conlleval")


class Span(NamedTuple):
    """An entity: its type, its first word, and the first word behind it."""

    type: str
    start: int
    end: int


def spans(tags: Sequence[str], scheme: str = "strict") -> list[Span]:
    """The entities of one sentence, from left to right.

    Args:
        tags: BIO tags, one a word: "O", "B-PER", "I-PER", ...
        scheme: "strict": an entity begins with B and goes on with I of the same type; an I without such a beginning belongs
            to none (IOB2, as in Nakayama's seqeval, mode "strict").
            "conlleval": a beginning that is missing is made up for: an I also begins an entity where the tag before it is O or of
            another type (the rule of the shared task CoNLL-2000, Tjong Kim Sang and Buchholz 2000).
    Raises:
        TlkitError: an unknown scheme, or a tag that is neither O nor B or I with a type.
    """
    _refuse_unknown(scheme)
    found, kind, start = [], "", 0
    for place, tag in enumerate([*tags, "O"]):
        prefix, of = _parted(tag)
        goes_on = prefix == "I" and of == kind
        if kind and not goes_on:
            found.append(Span(kind, start, place))
            kind = ""
        if prefix == "B" or (scheme == "conlleval" and prefix == "I" and not goes_on):
            kind, start = of, place
    return found


class EntityCounts(NamedTuple):
    """How many entities of each sentence were named rightly, were named at all, and are there, (N,) each."""

    right: np.ndarray
    named: np.ndarray
    there: np.ndarray


def entity_counts(predicted: Sequence[Sequence[str]], gold: Sequence[Sequence[str]], scheme: str = "strict", type: str | None = None) -> EntityCounts:
    """Count entities sentence by sentence.

    Args:
        predicted, gold: tags of the same N sentences, as many for each of their words.
        scheme: see `spans`.
        type: only entities of this type; None counts all.
    Raises:
        TlkitError: another number of sentences or words on the two sides, an unknown scheme, or a tag that is none.
    """
    if len(predicted) != len(gold):
        raise TlkitError(f"predicted tags are of {len(predicted)} sentences and gold tags of {len(gold)}; they must be of the same")
    rows = np.zeros((3, len(gold)), np.int64)
    for number, (ours, theirs) in enumerate(zip(predicted, gold)):
        if len(ours) != len(theirs):
            raise TlkitError(f"sentence {number} has {len(ours)} predicted tags and {len(theirs)} gold tags; each word needs one of both")
        named, there = (set(_of_type(spans(tags, scheme), type)) for tags in (ours, theirs))
        rows[:, number] = len(named & there), len(named), len(there)
    return EntityCounts(*rows)


def entity_f1(predicted: Sequence[Sequence[str]], gold: Sequence[Sequence[str]], scheme: str = "strict", type: str | None = None) -> float:
    """F1 of whole entities: 2 |P and G| / (|P| + |G|), P those that were named and G those that are there.

    All entities of all sentences count alike (micro average). One that is right but for a word counts as two mistakes. 0 where
    neither side has any.

    Args:
        predicted, gold, scheme, type: see `entity_counts`.
    Raises:
        TlkitError: see `entity_counts`.
    """
    return entity_scores(predicted, gold, scheme, type)[2]


def entity_scores(
    predicted: Sequence[Sequence[str]], gold: Sequence[Sequence[str]], scheme: str = "strict", type: str | None = None
) -> tuple[float, float, float]:
    """Precision |P and G| / |P|, recall |P and G| / |G| and F1 of whole entities, over all sentences; 0 for 0 / 0.

    Args:
        predicted, gold, scheme, type: see `entity_counts`.
    """
    right, named, there = (int(counts.sum()) for counts in entity_counts(predicted, gold, scheme, type))
    return (right / named if named else 0.0, right / there if there else 0.0, 2 * right / (named + there) if named + there else 0.0)


class EntityErrors(NamedTuple):
    """What became of the entities that are there, and what was named beside them, with (sentence, span) each.

    `boundary`: the type is right and some of the words; `type`: the words are right and the type is not; `both`: neither is
    right, and words are shared; `missed`: no entity that was named shares a word; `invented`: shares none with one that is there.
    """

    right: list
    boundary: list
    type: list
    both: list
    missed: list
    invented: list


def entity_errors(predicted: Sequence[Sequence[str]], gold: Sequence[Sequence[str]], scheme: str = "strict") -> EntityErrors:
    """Sort the entities of all sentences by what went wrong with them; each gold entity is counted once.

    Args:
        predicted, gold, scheme: see `entity_counts`.
    """
    entity_counts(predicted, gold, scheme)
    errors = EntityErrors([], [], [], [], [], [])
    for number, (ours, theirs) in enumerate(zip(predicted, gold)):
        named, there = spans(ours, scheme), spans(theirs, scheme)
        for span in there:
            getattr(errors, what_became_of(span, named)).append((number, span))
        errors.invented.extend((number, span) for span in named if not any(_share_words(span, other) for other in there))
    return errors


def what_became_of(span: Span, named: Sequence[Span]) -> str:
    """What became of an entity that is there, among those of its sentence that were named: a field of `EntityErrors`.

    Where it shares words with several, the best of them counts: the right one, then one of the same words, then one of the
    same type. Spans may be plain tuples.
    """
    span, named = Span(*span), [Span(*other) for other in named]
    near = [other for other in named if _share_words(span, other)]
    if span in near:
        return "right"
    if any((other.start, other.end) == (span.start, span.end) for other in near):
        return "type"
    if any(other.type == span.type for other in near):
        return "boundary"
    return "both" if near else "missed"


def _share_words(one: Span, other: Span) -> bool:
    return one.start < other.end and other.start < one.end


def _of_type(found: list[Span], type: str | None) -> list[Span]:
    return found if type is None else [span for span in found if span.type == type]


def _parted(tag: str) -> tuple[str, str]:
    """Prefix and type of a tag, both empty for O."""
    prefix, hyphen, of = tag.partition("-")
    if tag == "O":
        return "", ""
    if prefix not in ("B", "I") or not of:
        raise TlkitError(f"{tag!r} is no BIO tag; tags are O, B-TYPE and I-TYPE (tlkit.data.conll.to_bio2 converts other schemes)")
    return prefix, of


def _refuse_unknown(scheme: str) -> None:
    if scheme not in SCHEMES:
        raise TlkitError(f"scheme={scheme!r} must be one of {', '.join(SCHEMES)}")
