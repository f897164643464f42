import json
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.io import wavfile

import tlkit
from tlkit.data.conll import to_bio2
from tlkit.data.folders import read_folder
from tlkit.data.sound import Sound
from tlkit.errors import TlkitError, TlkitWarning


def picture(path, colour):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (5, 4), colour).save(path)


@pytest.fixture
def photos(tmp_path):
    for number in range(20):
        picture(tmp_path / "photos" / "cat" / f"{number}.png", (number, 0, 0))
        picture(tmp_path / "photos" / "dog" / "more" / f"{number}.jpg", (0, number, 0))
    return tmp_path / "photos"


def test_a_folder_of_class_folders_is_cut_by_class_and_name(photos):
    task = tlkit.load_task(photos, val_share=0.2, test_share=0.3)
    assert task.classes == ("cat", "dog") and task.kind == "classification" and task.modality == "image"
    assert [split.class_counts for split in task.splits.values()] == [{"cat": n, "dog": n} for n in (10, 4, 6)]
    image, label = task.train[0]
    assert image.dtype == torch.uint8 and image.shape == (3, 4, 5) and label == 0
    reds = {
        int(split.inputs[n][0, 0, 0])
        for split in task.splits.values()
        for n in range(len(split))
        if split.labels[n] == 0
    }
    assert reds == set(range(20))
    assert any("val and test were cut from the rest with split_seed=0" in note for note in task.notes)


def test_the_cut_depends_on_names_and_seed_and_not_on_what_else_is_there(photos):
    def names(task, split):
        files = task.splits[split].inputs
        return {files.source.name(int(index)) for index in files.indices}

    before, other = tlkit.load_task(photos), tlkit.load_task(photos, split_seed=1)
    assert names(before, "test") == names(tlkit.load_task(photos), "test") != names(other, "test")
    picture(photos / "cat" / "new.png", (1, 1, 1))
    after = tlkit.load_task(photos)
    assert len(names(before, "test") - names(after, "test")) <= 1


def test_folders_that_are_split_already_stay_so(tmp_path):
    for split, count in (("Train", 4), ("valid", 2), ("test", 3)):
        for name in ("a", "b"):
            for number in range(count):
                picture(tmp_path / split / name / f"{number}.png", (number, 0, 0))
    task = tlkit.load_task(str(tmp_path))
    assert [len(split) for split in task.splits.values()] == [8, 4, 6] and task.notes == ()
    few = tlkit.load_task(str(tmp_path), labels_per_class=2, seed=1)
    assert few.train.class_counts == {"a": 2, "b": 2}


def test_what_is_missing_is_cut_from_train(tmp_path):
    for split, count in (("train", 10), ("test", 3)):
        for name in ("a", "b"):
            for number in range(count):
                picture(tmp_path / split / name / f"{number}.png", (number, 0, 0))
    task = tlkit.load_task(tmp_path, val_share=0.2)
    assert [len(split) for split in task.splits.values()] == [16, 4, 6]


def test_a_folder_that_is_named_like_a_set_is_pointed_out_and_can_be_had(photos, monkeypatch):
    photos.rename(photos.parent / "digits")
    monkeypatch.chdir(photos.parent)
    with pytest.warns(TlkitWarning, match=r"write ./digits on the command line and Path\('digits'\)"):
        assert len(tlkit.load_task("digits").classes) == 10
    assert tlkit.load_task("./digits").classes == tlkit.load_task(Path("digits")).classes == ("cat", "dog")


def test_a_damaged_picture_is_named_when_it_is_asked_for(photos):
    (photos / "cat" / "0.png").write_bytes(b"damaged")
    task = tlkit.load_task(photos, val_share=0, test_share=0)
    with pytest.raises(TlkitError, match=r"cat/0.png cannot be read as a picture"):
        list(task.train.inputs)


def test_a_table_is_read_with_guessed_and_with_given_columns(tmp_path):
    rows = ["id;body;queue;text"] + [f"{n};long text {n};{'red' if n % 3 else 'blue'};t{n}" for n in range(30)]
    (tmp_path / "a.csv").write_text("\n".join(rows))
    with pytest.raises(TlkitError, match="say text=..., label=...; columns: id, body, queue, text"):
        tlkit.load_task(tmp_path / "a.csv")
    task = tlkit.load_task(tmp_path / "a.csv", text="body", label="queue")
    assert task.classes == ("blue", "red") and task.train.inputs[0].startswith("long text")
    assert sum(len(split) for split in task.splits.values()) == 30


def test_equal_texts_stay_in_one_split(tmp_path):
    rows = ["text\tlabel"] + [f"Text  {n // 3}\t{'ab'[n // 3 % 2]}" for n in range(120)]
    (tmp_path / "a.tsv").write_text("\n".join(rows))
    task = tlkit.load_task(tmp_path / "a.tsv")
    seen = [set(split.inputs) for split in task.splits.values()]
    assert all(seen) and not seen[0] & seen[1] and not seen[0] & seen[2] and not seen[1] & seen[2]


def test_splits_may_stand_in_a_column_or_in_files(tmp_path):
    rows = ["text,label,split"] + [f"text {n},{'ab'[n % 2]},{('train', 'dev', 'test')[n // 4]}" for n in range(12)]
    (tmp_path / "a.csv").write_text("\n".join(rows))
    assert [len(split) for split in tlkit.load_task(tmp_path / "a.csv").splits.values()] == [4, 4, 4]
    folder = tmp_path / "corpus"
    folder.mkdir()
    for name, count in (("my-train.csv", 6), ("my-dev.csv", 2), ("my-test.csv", 4)):
        (folder / name).write_text("text,label\n" + "".join(f"{name} {n},{'ab'[n % 2]}\n" for n in range(count)))
    assert [len(split) for split in tlkit.load_task(folder).splits.values()] == [6, 2, 4]
    (folder / "more.csv").write_text("text,label\nx,a\n")
    with pytest.raises(TlkitError, match="more.csv does not say in its name whether it is train, val or test"):
        tlkit.load_task(folder)


def test_each_kind_of_table_is_told_by_its_labels(tmp_path):
    def made(rows, **options):
        (tmp_path / "a.jsonl").write_text("\n".join(json.dumps(row) for row in rows))
        return tlkit.load_task(tmp_path / "a.jsonl", **options)

    numbers = made([{"text": f"t{n}", "score": n / 2} for n in range(20)])
    assert numbers.kind == "regression" and numbers.train.labels.dtype == torch.float32 and numbers.classes == ()
    several = made([{"text": f"t{n}", "labels": ["x", "y"][: 1 + n % 2]} for n in range(20)])
    assert several.kind == "multi-label" and several.train.labels.shape == (len(several.train), 2)
    answers = made([{"source": f"t{n}", "target": f"u{n}"} for n in range(20)])
    assert answers.kind == "generation" and answers.train.labels[0].startswith("u")
    tagged = made([{"tokens": ["Ada", f"w{n}"], "ner_tags": ["B-P", "O"]} for n in range(20)])
    assert tagged.kind == "token classification" and tagged.classes == ("O", "B-P", "I-P")
    stars = made([{"text": f"t{n}", "rating": 1 + n % 5} for n in range(50)])
    assert stars.kind == "classification" and stars.classes == ("1", "2", "3", "4", "5")
    assert made([{"text": f"t{n}", "rating": 1 + n % 5} for n in range(20)], kind="regression").kind == "regression"
    joined = made([{"text": f"t{n}", "label": "x;y" if n % 2 else "z"} for n in range(20)], kind="multi-label")
    assert joined.classes == ("x", "y", "z")


@pytest.mark.parametrize(
    "given, expected",
    [
        (["I-A", "I-A", "B-A", "O"], ["B-A", "I-A", "B-A", "O"]),  # BIO1
        (["B-A", "I-A", "O", "B-B"], ["B-A", "I-A", "O", "B-B"]),  # BIO2
        (["B-A", "I-A", "E-A", "S-B"], ["B-A", "I-A", "I-A", "B-B"]),  # BIOES
        (["B-A", "L-A", "U-B", "U-B"], ["B-A", "I-A", "B-B", "B-B"]),  # BILOU
        (["A", "A", "O", "B"], ["B-A", "I-A", "O", "B-B"]),  # bare types
        (["B-A", "O", "I-A", "I-B"], ["B-A", "O", "B-A", "B-B"]),  # broken BIO2
    ],
)
def test_every_scheme_becomes_bio2(given, expected):
    assert to_bio2([given], "x")[0] == [expected]


def test_bio1_and_bio2_are_told_apart_over_the_whole_file():
    bio1 = [["I-A", "I-A"], ["O", "I-B", "B-B"]]
    assert to_bio2(bio1, "x") == (
        [["B-A", "I-A"], ["O", "B-B", "B-B"]],
        ["tags of x are BIO1; they were converted to BIO2"],
    )
    assert to_bio2([["B-A", "I-A"], ["O", "B-B", "B-B"]], "x")[1] == []


def test_words_that_look_like_comments_are_words(tmp_path):
    (tmp_path / "a.conll").write_text("# sent_id = 1\n# O\nAda B-P\n\nb O\n\nc O\n")
    task = tlkit.load_task(tmp_path / "a.conll", val_share=0, test_share=0)
    assert ("#", "Ada") in list(task.train.inputs) and any("1 lines" in note for note in task.notes)


def test_wav_files_take_their_class_from_folder_or_name(tmp_path):
    for speaker in ("ann", "ben", "cem", "dia"):
        for digit in "01":
            for index in range(3):
                path = tmp_path / "flat" / f"{digit}_{speaker}_{index}.wav"
                path.parent.mkdir(exist_ok=True)
                wavfile.write(path, 8000, np.full(80, 1000 * int(digit), np.int16))
    task = tlkit.load_task(tmp_path / "flat", val_share=0.25, test_share=0.25)
    assert task.modality == "sound" and task.classes == ("0", "1")
    assert [sorted(set(split.groups)) for split in task.splits.values()].count([]) == 0
    speakers = [set(split.groups) for split in task.splits.values()]
    assert sum(map(len, speakers)) == 4 and isinstance(task.train.inputs[0], Sound)


def test_an_npz_keeps_its_splits_and_may_hold_several_labels(tmp_path):
    arrays = {
        f"{split}_images": np.zeros((n, 8, 8, 3), np.uint8) for split, n in (("train", 6), ("val", 2), ("test", 4))
    }
    labels = {
        f"{split}_labels": np.eye(3, dtype=np.uint8)[np.arange(n) % 3]
        for split, n in (("train", 6), ("val", 2), ("test", 4))
    }
    np.savez(tmp_path / "a.npz", **arrays, **labels)
    task = tlkit.load_task(tmp_path / "a.npz")
    assert task.kind == "multi-label" and task.train.inputs.shape == (6, 3, 8, 8)
    assert any("val has no example of '2'" in note for note in task.notes)


def test_impossible_requests_are_refused(photos):
    for options, message in [
        ({"val_share": 0.6, "test_share": 0.5}, "less than 1 together"),
        ({"kind": "guessing"}, "kind='guessing' must be one of classification"),
        ({"kind": "regression"}, "holds classification and not regression"),
        ({"target": "x"}, "choose a column with label"),
    ]:
        with pytest.raises(TlkitError, match=message):
            tlkit.load_task(photos, **options)


def make_many(folder, count):
    """Files without content, since listing them must not look inside."""
    for number in range(count):
        path = folder / "many" / f"class_{number % 10}" / f"photograph_{number:06d}.png"
        if number < 10:
            path.parent.mkdir(parents=True)
        path.touch()
    return folder / "many"


def bytes_a_file(folder, count):
    read_folder(folder)  # what is imported on the way does not count
    tracemalloc.start()
    task = tlkit.load_task(folder)
    kept, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert sum(len(split) for split in task.splits.values()) == count
    return kept / count, peak / count


def test_large_folders_take_few_bytes_a_file(tmp_path):
    kept, peak = bytes_a_file(make_many(tmp_path, 10_000), 10_000)
    assert kept < 200 and peak < 200


@pytest.mark.slow
def test_a_hundred_thousand_files_take_less_than_200_bytes_each(tmp_path):
    kept, peak = bytes_a_file(make_many(tmp_path, 100_000), 100_000)
    print(f"{kept:.0f} bytes a file kept, {peak:.0f} at the peak")
    assert kept < 200 and peak < 200
