import numpy as np
import pytest
from PIL import Image
from scipy.io import wavfile
from typer.testing import CliRunner

import tlkit
from tlkit.cli import app
from tlkit.data.inspection import inspect
from tlkit.errors import TlkitError


def run(*arguments):
    return CliRunner().invoke(app, ["data", *map(str, arguments)])


@pytest.fixture
def table(tmp_path):
    rows = ["text,label,split"]
    rows += [f"words number {n},{'a' if n % 4 else 'b'},train" for n in range(40)]
    rows += [
        "Words  number 3,a,val",
        "words number 5,b,val",
        "new words,a,val",
        "more new words,b,test",
        "words number 1,a,test",
    ]
    rows += ["words number 0,b,train", "x " * 600 + ",a,train"]
    (tmp_path / "a.csv").write_text("\n".join(rows))
    return tmp_path / "a.csv"


def test_repeats_leaks_and_contradictions_are_counted(table):
    found = inspect(tlkit.load_task(table))
    assert found.repeated == {"train": 1, "val": 0, "test": 0}
    assert found.shared == {("train", "val"): 2, ("train", "test"): 1, ("val", "test"): 0}
    assert found.pairs["train", "val"] == [(3, 0), (5, 1)] and "train 3 is val 0, train 5 is val 1" in found.describe()
    assert found.contradictions == 1 and found.imbalance == pytest.approx(31 / 11)
    assert found.lengths["train"] == (3, 3, 600)


def test_texts_that_a_tokenizer_would_cut_are_counted_by_that_tokenizer(table):
    found = inspect(tlkit.load_task(table))
    assert (found.cut_texts, found.most_tokens, found.token_limit) == (1, 602, 512)
    assert found.unknown_share == 0 and "tokenizer does not know" not in found.describe()
    with pytest.raises(TlkitError, match="resnet18 reads images, and what is inspected are texts"):
        inspect(tlkit.load_task(table), backbone="resnet18")


def test_files_that_cannot_be_read_are_named_and_the_rest_is_looked_at(tmp_path):
    for name in ("cat", "dog"):
        (tmp_path / name).mkdir()
        for number in range(6):
            Image.new("L", (4 + number, 3), number + (name == "dog") * 9).save(tmp_path / name / f"{number}.png")
    (tmp_path / "cat" / "6.png").write_bytes(b"damaged")
    found = inspect(tlkit.load_task(tmp_path, val_share=0, test_share=0))
    assert len(found.unreadable) == 1 and "cat/6.png" in found.unreadable[0] and found.lengths["train"] == (4, 6.5, 9)
    assert "1 cannot be read: " in found.describe()


def test_sounds_at_several_rates_are_said(tmp_path):
    for name, rate in (("a", 8000), ("b", 16000)):
        (tmp_path / name).mkdir()
        for number in range(3):
            wavfile.write(tmp_path / name / f"{number}.wav", rate, np.full(800, number, np.int16))
    text = inspect(tlkit.load_task(tmp_path, val_share=0, test_share=0)).describe()
    assert "sampling rates: 3 at 8,000 Hz, 3 at 16,000 Hz" in text and "0.05 to 0.1 seconds" in text


def test_the_command_prints_what_was_found(table):
    result = run("inspect", table, "--text", "text", "--label", "label")
    assert result.exit_code == 0
    for words in ("LEAK: 2 stand in both train and val", "LEAK: 1 stands in both train and test", "2.82 times"):
        assert words in result.output
    wrong = run("inspect", table, "--text", "body")
    assert wrong.exit_code == 1 and "no column 'body'; columns: text, label, split" in wrong.output


def test_the_list_shows_every_task_and_where_it_is(tmp_path, monkeypatch):
    monkeypatch.setenv("TLKIT_DATA", str(tmp_path))
    monkeypatch.setenv("TLKIT_CACHE", str(tmp_path / "cache"))
    (tmp_path / "fsdd").mkdir()
    lines = {line.split()[0]: line for line in run("list").output.splitlines() if line}
    assert set(tlkit.data.task_names()) < set(lines)
    assert "embedded" in lines["digits"] and "here" in lines["spoken_digits"] and "on first use" in lines["banking77"]
    assert "4,708" in lines["pneumoniamnist"] and "CC BY-NC 4.0" in lines["dermamnist"]
