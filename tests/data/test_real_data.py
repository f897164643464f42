"""Known facts of real data sets, where they are on this machine."""

import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

import tlkit
from tests.real_data import folder
from tlkit.data.inspection import inspect
from tlkit.data.sound import Sound
from tlkit.probing import probe_accuracy


@pytest.fixture(autouse=True)
def data(monkeypatch):
    place = folder("TLKIT_DATA", "data")
    monkeypatch.setenv("TLKIT_DATA", str(place))
    return place


def test_pneumoniamnist_holds_eight_images_in_both_train_and_val():
    task = tlkit.load_task("pneumoniamnist")
    assert [split.class_counts for split in task.splits.values()] == [
        {"normal": 1214, "pneumonia": 3494}, {"normal": 135, "pneumonia": 389}, {"normal": 234, "pneumonia": 390},
    ]  # fmt: skip
    assert task.train.inputs.shape == (4708, 1, 28, 28) and task.train.inputs.dtype == torch.uint8
    found = inspect(task)
    assert found.shared == {("train", "val"): 8, ("train", "test"): 0, ("val", "test"): 0}
    assert "LEAK: 8 stand in both train and val" in found.describe()


def test_banking77_keeps_its_test_split_and_cuts_val_from_train():
    task = tlkit.load_task("banking77")
    assert len(task.classes) == 77 and len(task.test) == 3080 and set(task.test.class_counts.values()) == {40}
    assert len(task.train) + len(task.val) == 10_003
    train = [a + b for a, b in zip(task.train.class_counts.values(), task.val.class_counts.values(), strict=True)]
    assert (min(train), max(train)) == (35, 187)
    assert inspect(task).shared["train", "val"] == 0
    other = tlkit.load_task("banking77", split_seed=1)
    assert set(other.val.inputs) != set(task.val.inputs) and list(other.test.inputs) == list(task.test.inputs)
    assert len(tlkit.load_task("banking77", labels_per_class=5, seed=0).train) == 385


def test_wnut17_has_its_sentences_types_and_strict_tags():
    task = tlkit.load_task("wnut17")
    assert [len(split) for split in task.splits.values()] == [3394, 1009, 1287]
    assert task.types == ("corporation", "creative-work", "group", "location", "person", "product")
    assert task.test.class_counts["person"] == 429 and task.train.inputs[0][0] == "@paulwalk"
    few = tlkit.load_task("wnut17", labels_per_class=3, seed=0).train
    assert min(few.class_counts.values()) >= 3 and len(few) <= 18


def test_spoken_digits_take_indices_below_five_as_test():
    task = tlkit.load_task("spoken_digits")
    assert [len(split) for split in task.splits.values()] == [240, 60, 300]
    assert len(set(task.train.groups)) == 6 and task.classes == tuple("0123456789")
    sound = task.test.inputs[0]
    assert isinstance(sound, Sound) and sound.rate == 8000 and 0.1 < sound.seconds < 2.5
    assert any("600 of the 3,000 published recordings" in note for note in task.notes)


def test_the_same_data_is_understood_by_its_path(data):
    assert len(tlkit.load_task(data / "wnut17").val) == 1009
    assert len(tlkit.load_task(data / "banking77").classes) == 77
    assert tlkit.load_task(data / "fsdd").modality == "sound"


def test_sizes_are_those_of_the_catalogue():
    for name in ("pneumoniamnist", "banking77", "wnut17"):
        entry = tlkit.data.CATALOGUE[name]
        assert tuple(len(split) for split in tlkit.load_task(name).splits.values()) == entry.sizes


@pytest.mark.slow
@torch.no_grad()
def test_real_mobilenets_features_tell_pneumonia_better_than_pixels_do(monkeypatch):
    """By the area under the ROC curve over the whole test split, with 100 labels a class."""
    monkeypatch.setenv("TORCH_HOME", str(folder("TORCH_HOME", "torch_home")))
    task = tlkit.load_task("pneumoniamnist", labels_per_class=100, seed=0)
    backbone = tlkit.load_backbone("mobilenet_v2", weights="IMAGENET1K_V1")
    labels = [split.labels.numpy() for split in (task.train, task.test)]

    def separation(train, test):
        classifier = LogisticRegression(max_iter=3000).fit(train, labels[0])
        return roc_auc_score(labels[1], classifier.decision_function(test)), classifier.score(test, labels[1])

    features = [
        torch.cat([backbone(batch) for batch in split.inputs.split(32)]).numpy() for split in (task.train, task.test)
    ]
    pixels = [split.inputs.flatten(1).float().numpy() / 255 for split in (task.train, task.test)]
    (feature_area, feature_accuracy), (pixel_area, pixel_accuracy) = separation(*features), separation(*pixels)
    print(f"features {feature_area:.3f}, {feature_accuracy:.3f}; pixels {pixel_area:.3f}, {pixel_accuracy:.3f}")
    assert feature_area > pixel_area + 0.01 and feature_area > 0.9 and feature_accuracy > pixel_accuracy


@torch.no_grad()
def test_minilm_tells_bank_customers_intents_apart_with_five_texts_each():
    task = tlkit.load_task(
        "banking77",
        labels_per_class=5,
        seed=0,
        classes=("card_arrival", "exchange_rate", "lost_or_stolen_card", "top_up_failed"),
    )
    backbone = tlkit.load_backbone("minilm")
    features = [backbone(split.inputs).numpy() for split in (task.train, task.test)]
    assert probe_accuracy(features[0], task.train.labels.numpy(), features[1], task.test.labels.numpy()) > 0.95
