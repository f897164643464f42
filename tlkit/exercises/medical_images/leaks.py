"""Exercise 06.leaks: patients and pictures in more than one split."""

from itertools import combinations

import numpy as np

from tlkit.exercises.record import Case, Exercise, Misconception


def _cases(rng: np.random.Generator) -> list[Case]:
    def pictures(count):
        return rng.integers(0, 256, (count, 2, 3)).astype(np.uint8)

    def call(patients, splits, copies=()):
        images = pictures(len(patients))
        for copy, original in copies:
            images[copy] = images[original]
        return images, np.array(patients), [{"a": "train", "v": "val", "t": "test"}[letter] for letter in splits]

    a, b, c, d, e = (int(number) for number in rng.permutation(np.arange(1, 40))[:5])
    shuffled = pictures(1)[0]
    same_sum = np.stack([shuffled, shuffled[:, ::-1], shuffled[::-1], pictures(1)[0]])
    one_off = np.stack([shuffled, shuffled, shuffled])
    one_off[1, 1, 2] ^= 1
    return [
        Case("patients in more than one split", "one of two patients", (call([a, a, b], "ata"),)),
        Case("patients in more than one split", "two of five, in three splits", (call([a, b, c, a, d, b, e, b, e], "aavtatavt"[:9]),)),
        Case("patients in more than one split", "a patient between val and test", (call([a, b, c, c, a, b], "aavtaa"),)),
        Case("equal pictures in more than one split", "a copy in test", (call([a, b, c, d], "aatt", [(3, 0)]),)),
        Case("equal pictures in more than one split", "a copy in val of what is in test", (call([a, b, c, d, e], "aavtt", [(4, 2)]),)),
        Case("equal pictures in more than one split", "three times the same, in three splits", (call([a, b, c, d, e], "tavaa", [(1, 0), (2, 0)]),)),
        Case("equal pictures in more than one split", "two pictures, each with copies", (call([a, b, c, d, e], "aavtt", [(2, 0), (3, 0), (4, 1)]),)),
        Case("equal pictures in more than one split", "copies within a split, and one beyond", (call([a, b, c, d, e], "aaatv", [(1, 0), (2, 0), (4, 2)]),)),
        Case("what is alike and not equal", "mirrored, a pixel's last bit, and one real copy",
             ((np.concatenate([same_sum, one_off, same_sum[3:]]), np.arange(8) + a, ["train", "test", "val", "train", "test", "val", "test", "val"]),)),
        Case("both at once", "a patient's picture twice, in two splits", (call([a, b, a, c], "atta", [(2, 0)]),)),
        Case("both at once", "another patient's copy, and a patient in two splits", (call([e, d, c, b, d], "atvav", [(3, 1), (2, 0)]),)),
    ]


def _found(patients, splits, within=False, train_only=False):
    where = {}
    for patient, split in zip(np.asarray(patients).tolist(), splits):
        where.setdefault(patient, []).append(split)
    return sorted(patient for patient, there in where.items() if len(set(there)) > 1 or (within and len(there) > 1))


def _pairs(images, splits, same=np.array_equal, counts=lambda one, other: one != other):
    return [(i, j) for i, j in combinations(range(len(images)), 2) if counts(splits[i], splits[j]) and same(images[i], images[j])]


def _with(same=np.array_equal, counts=lambda one, other: one != other, patients_of=_found, after=lambda pairs: pairs):
    return lambda images, patients, splits: (patients_of(patients, splits), after(_pairs(images, splits, same, counts)))


def _with_train(one, other):
    return (one == "train") != (other == "train")


def _patients_from_train(patients, splits):
    train = {patient for patient, split in zip(np.asarray(patients).tolist(), splits) if split == "train"}
    return sorted({patient for patient, split in zip(np.asarray(patients).tolist(), splits) if split != "train"} & train)


def _same_patient_only(images, patients, splits):
    return _found(patients, splits), [(i, j) for i, j in _pairs(images, splits) if patients[i] == patients[j]]


def _other_patients_only(images, patients, splits):
    return _found(patients, splits), [(i, j) for i, j in _pairs(images, splits) if patients[i] != patients[j]]


def _neighbours(images, patients, splits):
    return _found(patients, splits), [(i, j) for i, j in _pairs(images, splits) if j == i + 1]


def _first_of_its_kind(images, patients, splits):
    """Each picture is compared with the first of its kind alone."""
    found, first = [], {}
    for number, image in enumerate(images):
        original = first.setdefault(image.tobytes(), number)
        if splits[original] != splits[number]:
            found.append((original, number))
    return _found(patients, splits), sorted(found)


def _train_and_test(one, other):
    return {one, other} == {"train", "test"}


def _patients_of_train_and_test(patients, splits):
    where = {name: {patient for patient, split in zip(np.asarray(patients).tolist(), splits) if split == name} for name in ("train", "test")}
    return sorted(where["train"] & where["test"])


def _counted(images, patients, splits):
    return len(_found(patients, splits)), len(_pairs(images, splits))


def _pictures_of_patients(images, patients, splits):
    shared = set(_found(patients, splits))
    return sorted(shared), [(i, j) for i, j in combinations(range(len(images)), 2) if splits[i] != splits[j] and patients[i] == patients[j]]


def _view(values, calls):
    """Patients as whole numbers and pairs as tuples, whichever kind of sequence they came in."""
    def plain(value):
        try:
            patients, pairs = value
            return [int(patient) for patient in patients], [tuple(int(number) for number in pair) for pair in pairs]
        except (TypeError, ValueError):
            return value

    return [plain(value) for value in values]


def _from_one(pairs):
    return [(i + 1, j + 1) for i, j in pairs]


def _both_orders(pairs):
    return sorted([*pairs, *((j, i) for i, j in pairs)])


LEAKS = Exercise(
    id="06.leaks",
    title="patients and pictures in more than one split",
    name="leaks",
    parameters=("images", "patients", "splits"),
    points=3,
    minutes=12,
    difficulty="medium",
    reference="tlkit.data.overlap:leaks",
    cases=_cases,
    view=_view,
    equivalent_mutants={
        "pairs = [pair for numbers in alike.values() for pair in combinations(numbers, 2) if splits[pair[0]] != splits[pair[-1]]]": "a pair has two",
    },
    shrinks=False,
    hint="Collect the splits of each patient in a set; then compare every two pictures of different splits.",
    misconceptions=(
        Misconception("copies within one split are counted", "A picture that stands twice in train weighs double, but nothing leaks from it.",
                      "Must the two pictures of a pair lie in different splits?", _with(counts=lambda one, other: True)),
        Misconception("only copies of what is in train are counted", "What stands in both val and test leaks too: a threshold that was chosen on it is judged on it.",
                      "Which two splits may a pair lie in?", _with(counts=_with_train)),
        Misconception("only patients of train are counted", "A patient in val and test leaks from choosing to judging.", "Which two splits may a patient's pictures lie in?",
                      _with(patients_of=_patients_from_train)),
        Misconception("train is compared with test alone", "What stands in train and val leaks into every choice that is made on val.",
                      "Which two splits may a pair lie in?", _with(counts=_train_and_test, patients_of=_patients_of_train_and_test)),
        Misconception("each copy is compared with the first one alone", "A dictionary remembers the first of its kind; the second and the third make a pair too.",
                      "How many pairs do three equal pictures in three splits make?", _first_of_its_kind),
        Misconception("pictures are counted from 1", "People count so; the first picture is `images[0]`.", "Which number has the first picture?", _with(after=_from_one)),
        Misconception("each pair stands there twice", "(i, j) and (j, i) are one pair of pictures; the exercise asks for i < j.", "Which of the two comes first?",
                      _with(after=_both_orders)),
        Misconception("all patients with several pictures", "Four views of a patient are fine as long as they stay together.", "When does a patient with several pictures leak?",
                      _with(patients_of=lambda patients, splits: _found(patients, splits, within=True))),
        Misconception("equal sums are taken for equal pictures", "A mirrored picture has the same sum, and the same histogram.", "Which pixels must be equal?",
                      _with(same=lambda one, other: int(one.sum()) == int(other.sum()))),
        Misconception("nearly equal is taken for equal", "A tolerance makes sense for numbers that were computed; the exercise asks for equal pixels.",
                      "How far may two pixels be apart?", _with(same=lambda one, other: np.abs(one.astype(int) - other.astype(int)).max() <= 2)),
        Misconception("copies are looked for within patients alone", "The same scan can be filed under two names; that is how it got past the split by patient.",
                      "Does a pair have to be of one patient?", _same_patient_only),
        Misconception("copies of one patient are left out", "The patient is on the first list; the pictures belong on the second all the same.",
                      "Does a pair have to be of two patients?", _other_patients_only),
        Misconception("only neighbours are compared", "It works on sorted pictures.", "How far apart may two equal pictures stand?", _neighbours),
        Misconception("the later picture first", "Both orders name the same two.", "Which of i and j is the smaller?",
                      _with(after=lambda pairs: [(j, i) for i, j in pairs])),
        Misconception("counts in place of lists", "How many leak says how bad it is; to mend it one must know which.", "What are the two lists of?", _counted),
        Misconception("pictures of one patient are taken for equal pictures", "They are alike, and a leak, but of the first kind.", "What must be equal in a pair?",
                      _pictures_of_patients),
    ),
)
