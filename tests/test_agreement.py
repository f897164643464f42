"""Agreement and the share of a gap, compared with other libraries and with what they must be by definition."""

import numpy as np
import pytest
from sklearn.metrics import accuracy_score

from tlkit.agreement import agreement, gap_closed


def test_agreement_is_accuracy_with_the_teachers_answers_as_labels():
    rng = np.random.default_rng(0)
    student, teacher = rng.normal(size=(2, 50, 4))
    assert agreement(student, teacher) == pytest.approx(accuracy_score(teacher.argmax(1), student.argmax(1)))
    assert agreement(student, 3 * student - 1) == 1


def test_accuracies_are_no_further_apart_than_disagreement():
    rng = np.random.default_rng(1)
    for _ in range(20):
        student, teacher = rng.normal(size=(2, 30, 3))
        labels = rng.integers(0, 3, 30)
        apart = abs(accuracy_score(labels, student.argmax(1)) - accuracy_score(labels, teacher.argmax(1)))
        assert apart <= 1 - agreement(student, teacher) + 1e-9


def test_what_cannot_be_compared_is_refused():
    with pytest.raises(ValueError, match="no agreement to measure"):
        agreement(np.zeros((0, 3)), np.zeros((0, 3)))
    with pytest.raises(ValueError, match=r"got \(4, 3\) and \(1, 3\)"):
        agreement(np.zeros((4, 3)), np.zeros((1, 3)))


def test_the_gap_is_closed_by_none_all_more_or_less():
    alone, teacher = [0.5, 0.7], [0.9, 0.7]
    assert gap_closed(alone, alone, teacher) == 0 and gap_closed(alone, teacher, teacher) == pytest.approx(1)
    assert gap_closed(alone, [0.9], teacher) == pytest.approx(1.5) and gap_closed(alone, [0.5], teacher) == pytest.approx(-0.5)
    assert np.isnan(gap_closed([0.8], [0.7], [0.8])) and np.isnan(gap_closed([0.8], [0.7], [0.5]))
