"""The measurement of unit 09: what is shipped comes out again."""

import json

import pytest
import torch

from benchmarks import few_parameters


@pytest.fixture(scope="module")
def shipped():
    return json.loads(few_parameters.SHIPPED.read_text(encoding="utf-8"))


@pytest.mark.parametrize(("name", "way"), [("digits", "head alone"), ("scrambled digits", "BitFit")])
def test_a_shipped_accuracy_comes_out_again(shipped, name, way):
    found = shipped["tasks"][name]
    count, column = found["labels_per_class"][0], found["ways"].index(way)
    _, test = few_parameters.run((name, count, way, found["rate"][0][column], found["seeds"][0]))
    assert test == pytest.approx(found["accuracy"][0][column][0], abs=0.02)  # another processor may round another way


def test_a_shipped_cost_comes_out_again_but_for_the_seconds(shipped):
    for way in ("LoRA 4", "everything"):
        now, before = few_parameters.cost(("digits", way), steps=2), shipped["cost"]["glyphnet"][way]
        assert {key: now[key] for key in ("trained", "head", "state")} == {key: before[key] for key in ("trained", "head", "state")}
        assert all(now["bytes"][part] == before["bytes"][part] for part in ("weights", "gradients", "moments"))


def test_every_way_had_equally_many_rates_and_the_chosen_one_is_among_them(shipped):
    assert {len(rates) for body in few_parameters.RATES.values() for rates in body.values()} == {2}
    for name, found in shipped["tasks"].items():
        for row in found["rate"]:
            assert all(rate in few_parameters.rates_of(name, way) for way, rate in zip(found["ways"], row, strict=True))


def test_scrambled_digits_are_the_digits_in_one_other_order():
    plain, scrambled = (few_parameters.load(name, 2, 1) for name in ("digits", "scrambled digits"))
    for split in ("train", "test"):
        before, after = (getattr(task, split).inputs.flatten(1) for task in (plain, scrambled))
        assert torch.equal(before.sort(dim=1).values, after.sort(dim=1).values) and not torch.equal(before, after)
    other = few_parameters.load("scrambled digits", 2, 0)
    assert torch.equal(other.test.inputs, scrambled.test.inputs)  # one order, whatever the seed


@pytest.mark.slow
def test_every_way_is_measured_seed_by_seed(monkeypatch, tmp_path, capsys, shipped):
    monkeypatch.setattr(few_parameters, "TASKS", {"digits": "glyphnet", "tickets": "minilm"})
    monkeypatch.setattr(few_parameters, "EPOCHS", {"glyphnet": {2: 1}, "minilm": {few_parameters.TICKETS_PER_CLASS: 1}})
    monkeypatch.setattr(few_parameters, "run_all", lambda function, jobs, workers, notes: {job: function(job) for job in jobs})
    monkeypatch.setattr("sys.argv", ["few_parameters", "--quick", "--json", str(tmp_path / "new.json"), "--workers", "1"])
    few_parameters.main()
    found = json.loads((tmp_path / "new.json").read_text())
    assert found.keys() == shipped.keys() and all(len(row) == 2 for each in found["tasks"].values() for row in each["accuracy"][0])
    assert "AdamW's state" in capsys.readouterr().out
