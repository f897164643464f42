import itertools
import re
import subprocess
import sys

import numpy as np
import pytest
import torch
from sklearn.datasets import load_breast_cancer, load_diabetes

import tlkit
from tlkit.data import cells, corpora, task_names
from tlkit.data.catalogue import CATALOGUE
from tlkit.data.inputs import Inputs
from tlkit.data.task import KINDS, Split, Task, bio_tags
from tlkit.errors import TlkitError

EMBEDDED = [name for name, entry in CATALOGUE.items() if not entry.files]


@pytest.mark.parametrize("name", EMBEDDED)
def test_every_embedded_task_is_what_the_catalogue_says(name):
    task, entry = tlkit.load_task(name), CATALOGUE[name]
    assert (task.name, task.kind, task.modality) == (entry.name, entry.kind, entry.modality)
    assert tuple(len(split) for split in task.splits.values()) == entry.sizes
    assert task.kind in KINDS and task.licence and task.source and task.citation
    assert all(len(split.inputs) == len(split.labels) == len(split) for split in task.splits.values())
    page = task._repr_html_()
    for word in (task.licence, task.source, *task.notes):
        assert word.split("'")[0] in task.describe() and word.split("'")[0] in page


@pytest.mark.parametrize("name", EMBEDDED)
def test_filters_and_seeds_work_alike(name):
    task = tlkit.load_task(name)
    assert len(tlkit.load_task(name, examples=7, seed=1).train) == 7
    assert len(tlkit.load_task(name, split="val")) == len(task.val)
    if not task.types:
        with pytest.raises(TlkitError, match="has no classes to draw labels_per_class=2 from; ask for examples"):
            tlkit.load_task(name, labels_per_class=2)
        return
    few, again, other = (tlkit.load_task(name, labels_per_class=3, seed=seed) for seed in (0, 0, 1))
    assert min(few.train.class_counts.values()) >= 3 and len(few.train) < len(task.train)
    assert len(few.test) == len(task.test)
    first = [str(example) for example in few.train.inputs]
    assert first == [str(e) for e in again.train.inputs] and first != [str(e) for e in other.train.inputs]
    two = tlkit.load_task(name, classes=task.types[1::-1])
    assert two.types == task.types[1::-1] and len(two.test.class_counts) == 2
    kept = {name: task.test.class_counts[name] for name in two.types}
    assert two.test.class_counts == kept


def test_samples_are_the_same_on_every_machine_and_version():
    """Pinned: a version of numpy that draws otherwise shows here."""
    digits = tlkit.load_task("digits", labels_per_class=1, seed=0).train
    assert torch.round(digits.inputs.sum(dim=(1, 2, 3)) * 16).int().tolist() == PINNED_DIGITS
    assert (
        list(tlkit.load_task("tickets", labels_per_class=1, seed=0, classes=("in_stock", "cancel_order")).train.inputs)
        == PINNED_TICKETS
    )
    assert tlkit.load_task("entities", labels_per_class=1, seed=0).train.inputs[0] == PINNED_SENTENCE


PINNED_DIGITS = [370, 226, 349, 317, 334, 315, 327, 258, 325, 307]
PINNED_TICKETS = [
    "Let me know if the solar charger's going to be restocked before June.",
    "We got the same grill as a present, so please scrap our order.",
]
PINNED_SENTENCE = ("Hurricane", "Delia", "tore", "the", "roof", "off", "the", "school", "in", "Roseau", ".")


def test_bad_requests_say_what_would_be_right():
    for request, message in [
        (dict(name="tickets", target="mood"), "tickets has no target 'mood'; targets: intent, topic"),
        (dict(name="tickets", classes=("refund",)), "tickets has no class 'refund'; classes: track_order"),
        (dict(name="digits", classes=("1", "1")), "each class may be named once"),
        (dict(name="digits", split="dev"), "split='dev' must be one of train, val, test"),
        (dict(name="digits", examples=10_000), "examples=10000 must lie between 1 and the 899 training examples"),
        (dict(name="digits", examples=2, labels_per_class=2), "not for both"),
        (dict(name="diabetes", classes=("high",)), "diabetes has no classes to choose from"),
        (dict(name="digits", text="column"), "text is for your own data"),
        (dict(name="ticket"), "no task 'ticket'; tasks: .*do you mean tickets"),
        (dict(name="some/where"), "there is no file or folder 'some/where'"),
    ]:
        with pytest.raises(TlkitError, match=message) as error:
            tlkit.load_task(**request)
        assert "\n" not in str(error.value)


def test_every_patient_of_the_table_stands_in_one_split_of_cells():
    task, table = tlkit.load_task("cells"), load_breast_cancer()
    groups = {name: set(split.groups.tolist()) for name, split in task.splits.items()}
    assert sorted(itertools.chain(*groups.values())) == list(range(569))
    for split in task.splits.values():
        assert (split.labels.numpy() == (table.target[split.groups] == 0)).all()
    assert task.classes[1] == "malignant" and "phantom" in " ".join(task.notes).lower() and "PHANTOM" in task.describe()


def test_phantoms_show_what_the_table_says():
    table = load_breast_cancer()
    names = list(table.feature_names)
    radius = table.data[:, names.index("mean radius")]
    pictures = cells.Phantoms(table.data, names)
    patients = np.argsort(radius)[::25]
    ink = [np.mean([(pictures[4 * patient + view].numpy() < 150).mean() for view in range(4)]) for patient in patients]
    assert np.corrcoef(ink, radius[patients] ** 2)[0, 1] > 0.95
    assert torch.equal(pictures[5], pictures[5]) and not torch.equal(pictures[4], pictures[5])
    assert pictures[0].shape == (1, 64, 64) and pictures[0].dtype == torch.uint8


def test_diabetes_holds_every_patient_once_in_plain_units():
    task, table = tlkit.load_task("diabetes"), load_diabetes(scaled=False)
    patients = np.concatenate([split.groups for split in task.splits.values()])
    assert sorted(patients) == list(range(442))
    np.testing.assert_allclose(
        torch.cat([s.inputs for s in task.splits.values()]).numpy(), table.data[patients], rtol=1e-6
    )
    np.testing.assert_allclose(torch.cat([s.labels for s in task.splits.values()]).numpy(), table.target[patients])


def test_a_tones_pitch_moves_as_its_name_says():
    task = tlkit.load_task("tones")
    moves = {name: [] for name in task.classes}
    for sound, label in zip(task.val.inputs[:40], task.val.labels[:40], strict=True):
        start, end = _pitch(sound, 0.3), _pitch(sound, 0.75)
        moves[task.classes[label]].append(np.log2(end / start))
    assert np.median(moves["rising"]) > 0.15 and np.median(moves["falling"]) < -0.15
    assert abs(np.median(moves["high"])) < 0.1
    voices = [set(split.groups.tolist()) for split in task.splits.values()]
    assert not voices[0] & voices[1] and not voices[0] & voices[2] and not voices[1] & voices[2]


def _pitch(sound, share):
    """The pitch at this share of a sound's voiced part: the frequency whose multiples are all strong."""
    loud = np.flatnonzero(np.abs(sound.samples) > 0.02)
    middle = int(loud[0] + share * (loud[-1] - loud[0]))
    window = sound.samples[middle - 300 : middle + 300] * np.hanning(600)
    spectrum = np.log(np.abs(np.fft.rfft(window, 16384)) + 1e-3)
    candidates = np.geomspace(55, 300, 400)
    places = np.round(candidates[:, None] * np.arange(1, 9) * 16384 / sound.rate).astype(int)
    between = np.round(candidates[:, None] * (np.arange(1, 9) - 0.5) * 16384 / sound.rate).astype(int)
    return candidates[(spectrum[places] - spectrum[between]).sum(axis=1).argmax()]


def test_phrases_of_tones_are_sequences():
    task = tlkit.load_task("tones", target="sequence")
    assert task.kind == "speech" and {len(tones) for tones in task.train.labels} == {1, 2, 3, 4}
    lengths = [[sound.seconds, len(tones)] for sound, tones in zip(task.val.inputs, task.val.labels, strict=True)]
    assert np.corrcoef(np.array(lengths).T)[0, 1] > 0.9


@pytest.mark.parametrize("name", ["tickets", "headlines", "entities"])
def test_no_text_stands_almost_unchanged_in_two_splits(name):
    task = tlkit.load_task(name)
    texts = [
        (split.name, frozenset(word.lower() for word in (re.findall(r"\w+", text) if isinstance(text, str) else text)))
        for split in task.splits.values()
        for text in split.inputs
    ]
    assert len({words for _, words in texts}) == len(texts)
    for (here, one), (there, other) in itertools.combinations(texts, 2):
        assert here == there or len(one & other) / len(one | other) <= 0.6


def test_the_corpora_are_as_large_as_they_say():
    tickets = [tlkit.load_task("tickets", target=target) for target in ("intent", "topic")]
    counts = sum(np.array(list(split.class_counts.values())) for split in tickets[0].splits.values())
    assert counts.tolist() == [40] * 13 and len(tickets[1].classes) == 5
    assert list(tickets[0].train.inputs) == list(tickets[1].train.inputs)
    headlines = tlkit.load_task("headlines", target="topic")
    assert sum(len(split) for split in headlines.splits.values()) == 612 and len(headlines.classes) == 6


def test_a_company_does_not_give_a_headlines_sentiment_away():
    """Judged by its companies alone, a headline is guessed hardly better than by chance."""
    task = tlkit.load_task("headlines")
    companies = ("Norvane", "Tessaro", "Bellweather", "Castellan", "Orrin", "Halden", "Vireo", "Kestrel", "Pelican")
    for company in companies:
        labels = [
            task.classes[label]
            for split in task.splits.values()
            for text, label in zip(split.inputs, split.labels, strict=True)
            if company in text
        ]
        assert len(labels) > 10 and max(labels.count(name) for name in task.classes) <= 0.45 * len(labels)


def test_marked_sentences_become_words_and_tags():
    words, tags = corpora.read_marked("[Ada Lovelace]P's letter, from [St. Ives]L (1843).")
    assert words == ("Ada", "Lovelace", "'", "s", "letter", ",", "from", "St", ".", "Ives", "(", "1843", ")", ".")
    assert tags[:3] == ("B-PER", "I-PER", "O") and tags[7:10] == ("B-LOC", "I-LOC", "I-LOC")


def test_entities_use_no_i_without_its_b_and_meet_unseen_names():
    task = tlkit.load_task("entities")
    names = {split.name: set() for split in task.splits.values()}
    for split in task.splits.values():
        for words, labels in zip(split.inputs, split.labels, strict=True):
            assert len(words) == len(labels)
            previous = "O"
            for word, tag in zip(words, (task.classes[label] for label in labels), strict=True):
                assert not tag.startswith("I-") or previous[2:] == tag[2:]
                if tag.startswith("B-"):
                    names[split.name].add(word)
                previous = tag
    unseen = names["test"] - names["train"]
    assert len(unseen) / len(names["test"]) > 0.5


def test_inputs_are_indexed_as_tensors_are():
    inputs = Inputs(list("abcdef"))
    assert inputs[2] == "c" and inputs[-1] == "f" and inputs[torch.tensor(1)] == "b"
    assert list(inputs[1:4]) == ["b", "c", "d"] and list(inputs[[4, 0]][[1]]) == ["a"]
    assert list(inputs[torch.tensor([3, 1])]) == ["d", "b"] and list(inputs[np.array([True, False] * 3)]) == [
        "a",
        "c",
        "e",
    ]
    assert [len(part) for part in inputs.split(4)] == [4, 2]
    with pytest.raises(IndexError):
        inputs[6]


def test_nothing_is_decoded_before_it_is_asked_for():
    class Source:
        asked = []

        def __len__(self):
            return 10

        def __getitem__(self, index):
            self.asked.append(index)
            return index

    source = Source()
    split = Split("train", Inputs(source), torch.arange(10) % 2, ("a", "b"))
    some = split.select([7, 3]).select([1])
    some.describe(), some.class_counts
    assert source.asked == [] and some[0][0] == 3 and source.asked == [3]


def test_several_classes_an_example_are_drawn_until_each_is_there():
    labels = torch.zeros(40, 3)
    labels[:, 0] = 1
    labels[::4, 1] = 1
    labels[::10, 2] = 1
    split = Split("train", torch.zeros(40, 1, 2, 2), labels, ("common", "some", "rare"), "multi-label")
    task = Task("many", "multi-label", "image", split.classes, split, split, split, "-", "-", "-", "-")
    few = task.with_labels_per_class(2, seed=0).train
    assert min(few.class_counts.values()) >= 2 and len(few) <= 5
    assert task.with_classes(["rare"]).train.labels.shape == (40, 1)
    with pytest.raises(TlkitError, match="class 'rare' has only 4 occurrences"):
        task.with_labels_per_class(5)


def test_tags_of_types():
    assert bio_tags(("A", "B")) == ("O", "B-A", "I-A", "B-B", "I-B")


def test_texts_need_neither_transformers_nor_sklearn():
    code = "import sys, tlkit; tlkit.load_task('tickets'); sys.exit(bool({'transformers', 'sklearn', 'torchvision'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_the_catalogue_needs_no_torch():
    code = "import sys, tlkit.data; tlkit.data.task_names(); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0 and "digits" in task_names()
