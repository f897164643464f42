"""The measurement of unit 10: what is shipped comes out again."""

import json

import numpy as np
import pytest

from benchmarks import distillation


@pytest.fixture(scope="module")
def shipped():
    return json.loads(distillation.SHIPPED.read_text(encoding="utf-8"))


def test_a_shipped_run_comes_out_again(shipped, monkeypatch):
    setting = shipped["results"][0]
    chosen = {way: [(setting[way]["rate"], setting[way]["jitter"], setting[way]["temperature"])] for way in ("alone", "hard, all examples")}
    monkeypatch.setattr(distillation, "ways", lambda name: chosen)
    found = distillation.run((setting["task"], setting["labels_per_class"], shipped["seeds"][0]))
    for way in ("teacher", *chosen):
        _, test, *_ = found[way][0]
        assert test == pytest.approx(setting[way]["test"][0], abs=0.04)  # another processor rounds another way, at 200 steps


def test_every_setting_that_was_chosen_is_one_that_was_tried(shipped):
    for result in shipped["results"]:
        for way, settings in distillation.ways(result["task"]).items():
            found = result[way]
            assert (found["rate"], found["jitter"], found["temperature"]) in settings
    assert shipped["temperatures"] == list(distillation.TEMPERATURES) and shipped["seeds"] == list(distillation.SEEDS)
    assert [(each["task"], each["labels_per_class"]) for each in shipped["results"]] == list(distillation.SETTINGS)


def test_a_setting_is_chosen_on_validation_data_alone():
    runs = [{"teacher": [[0.9, 0.9, 1.0, 0.0]],
             **{way: [[val, test, 0.5, 0.1] for val, test in zip(np.linspace(0.1, 0.8, len(settings)), np.linspace(0.9, 0.2, len(settings)))]
                for way, settings in distillation.ways("digits").items()}} for _ in range(2)]
    summed = distillation.summary("digits", runs)
    for way, settings in distillation.ways("digits").items():
        rate, jitter, temperature = settings[-1]
        assert (summed[way]["rate"], summed[way]["jitter"], summed[way]["temperature"]) == (rate, jitter, temperature)
        assert summed[way]["test"] == pytest.approx([0.2, 0.2])


@pytest.mark.slow
def test_every_way_is_measured_seed_by_seed(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(distillation, "STEPS", {"digits": 3, "tickets": 1})
    monkeypatch.setattr("sys.argv", ["distillation", "--quick", "--json", str(tmp_path / "new.json"), "--workers", "1"])
    distillation.main()
    found = json.loads((tmp_path / "new.json").read_text())
    assert found.keys() == json.loads(distillation.SHIPPED.read_text(encoding="utf-8")).keys()
    assert all(len(found["results"][0][way]["test"]) == 2 for way in distillation.ways("digits"))
    assert "gap closed" in capsys.readouterr().out
