"""What a student took over from its teacher: how often the two agree, and how much of the gap between them is closed.

Axes: N examples, C classes, S seeds.
"""

import numpy as np


def agreement(student_logits, teacher_logits) -> float:
    """The share of examples to which student and teacher give the same answer, right or wrong.

        1/N sum_n [ argmax_c s[n, c] = argmax_c t[n, c] ]

    Args:
        student_logits, teacher_logits: s and t, of the same examples and classes in the same order; of equal largest
            outputs the first counts. (N, C)
    Raises:
        ValueError: no examples, or shapes that differ.
    """
    student, teacher = np.asarray(student_logits), np.asarray(teacher_logits)
    if student.shape != teacher.shape or student.ndim != 2:
        raise ValueError(f"agreement compares two arrays (N, C) of one shape, and got {student.shape} and {teacher.shape}")
    if len(student) == 0:
        raise ValueError("without examples there is no agreement to measure")
    return float(np.mean(student.argmax(axis=1) == teacher.argmax(axis=1)))


def gap_closed(alone, distilled, teacher) -> float:
    """Which share of the way from a student that learns alone to its teacher a distilled student went.

        (mean(distilled) - mean(alone)) / (mean(teacher) - mean(alone))

    Means over the seeds come first: a mean of ratios is ruled by the seeds with the smallest gaps. Above 1 the student is
    better than its teacher, below 0 distillation did harm.

    Args:
        alone, distilled, teacher: one accuracy a seed, (S,) each.
    Returns:
        The share; nan where the teacher is no better than the student alone, so that there is no gap to close.
    """
    alone, distilled, teacher = (float(np.mean(values)) for values in (alone, distilled, teacher))
    gap = teacher - alone
    return (distilled - alone) / gap if gap > 0 else float("nan")
