"""Which answers are more alike than answers to the same question have to be.

Two runs of tokens in common say little if half the class has them, and much if only two have them. With N learners and
n_g of them whose answers hold the run g, its weight is w_g = ln((N + 1) / n_g), and for two learners

    evidence   = sum of w_g over the runs that both hold
    similarity = evidence / sum of w_g over the runs that one of them holds, or both
"""

import heapq
import math
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from tlkit.grading.cohort.answers import Answer
from tlkit.grading.cohort.fingerprint import code_runs, text_runs

_BLOCK = 256  # rows of the matrix of all pairs that are in memory at a time


@dataclass(frozen=True)
class Pair:
    """Two learners and how alike their answers are, over all questions and by question."""

    one: str
    other: str
    evidence: float
    similarity: float
    by_question: dict[str, tuple[float, float]]


@dataclass(frozen=True)
class Comparison:
    """A class, compared pair by pair.

    Args:
        pairs: those with the most evidence, the most first.
        spread: (edges, counts), a histogram of the evidence of all pairs.
    """

    learners: int
    compared: int
    pairs: tuple[Pair, ...]
    spread: tuple[np.ndarray, np.ndarray]


def runs_of(answer: Answer) -> frozenset[tuple[str, ...]]:
    """An answer without names and layout."""
    return code_runs(answer.source) if answer.is_code else text_runs(answer.source)


def compare(answers: Iterable[Answer], most: int = 20) -> Comparison:
    """Compare every learner with every other.

    Args:
        most: how many pairs are kept.
    """
    held: dict[str, dict[str, frozenset]] = {}
    for answer in answers:
        held.setdefault(answer.student, {})[answer.question] = runs_of(answer)
    students = sorted(held)
    counts = Counter((question, run) for own in held.values() for question, runs in own.items() for run in runs)
    weights = {run: math.log((len(students) + 1) / number) for run, number in counts.items()}
    best: list[tuple[float, int, int]] = []
    values: list[np.ndarray] = []
    for i, row in _evidence(students, held, weights):
        row = row.round(9)  # the last bits hang on the order of a sum, and pairs on their order
        values.append(row)
        for j in np.argsort(-row, kind="stable")[:most]:
            heapq.heappush(best, (float(row[j]), -i, -(i + 1 + int(j))))
            if len(best) > most:
                heapq.heappop(best)
    evidence = np.concatenate(values) if values else np.zeros(0)
    chosen = sorted(((-e, -i, -j) for e, i, j in best))
    pairs = tuple(_pair(students[i], students[j], held, weights) for e, i, j in chosen if e < 0)
    return Comparison(len(students), len(evidence), pairs, _spread(evidence))


def _evidence(students: list[str], held: dict, weights: dict) -> Iterator[tuple[int, np.ndarray]]:
    """For each learner the evidence with every later one; a block of rows of the sparse product at a time."""
    from scipy.sparse import csr_array

    column = {run: number for number, run in enumerate(weights)}
    rows, columns = [], []
    for number, student in enumerate(students):
        own = [column[question, run] for question, runs in held[student].items() for run in runs]
        rows += [number] * len(own)
        columns += own
    holds = csr_array((np.ones(len(rows)), (rows, columns)), shape=(len(students), max(len(weights), 1)))
    weighted = holds * np.fromiter(weights.values(), float, len(weights)) if weights else holds
    others = csr_array(holds.T)
    for start in range(0, len(students), _BLOCK):
        block = (csr_array(weighted)[start:start + _BLOCK] @ others).toarray()
        for offset, row in enumerate(block):
            yield start + offset, row[start + offset + 1:]


def _pair(one: str, other: str, held: dict, weights: dict) -> Pair:
    by_question, all_shared, all_held = {}, [], []
    for question in sorted(held[one].keys() | held[other].keys()):
        a, b = held[one].get(question, frozenset()), held[other].get(question, frozenset())
        shared, union = (math.fsum(weights[question, run] for run in runs) for runs in (a & b, a | b))
        all_shared.append(shared)
        all_held.append(union)
        if a and b:
            by_question[question] = shared, shared / union if union else 0.0
    both, either = math.fsum(all_shared), math.fsum(all_held)
    return Pair(one, other, both, both / either if either else 0.0, by_question)


def _spread(evidence: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    counts, edges = np.histogram(evidence, bins=30, range=(0, max(float(evidence.max(initial=0.0)), 1.0)))
    return edges, counts
