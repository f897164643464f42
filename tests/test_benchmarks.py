import json

import pytest

from benchmarks import why_transfer


@pytest.mark.parametrize(("strategy", "labels_per_class", "seed"), [("pixels", 1, 3), ("pixels", 20, 0), ("linear_probe", 5, 7)])
def test_a_shipped_accuracy_comes_out_again(strategy, labels_per_class, seed):
    shipped = json.loads(why_transfer.SHIPPED.read_text())
    row = shipped["labels_per_class"].index(labels_per_class)
    setting = shipped["chosen_setting"][strategy][row]
    _, test = why_transfer.run((strategy, labels_per_class, setting, seed))
    # 1 % is six of the test images: another processor may round another way, another draw differs by more
    assert test == pytest.approx(shipped["accuracy"][strategy][row][shipped["seeds"].index(seed)], abs=0.01)


@pytest.mark.slow
def test_every_strategy_is_tuned_and_measured_seed_by_seed(monkeypatch, capsys):
    monkeypatch.setattr(why_transfer, "SETTINGS", {"pixels": (1e-6, 1.0), "scratch": (1e-3,), "linear_probe": (1e-2,),
                                                   "finetuned": (1e-3,)})
    results = why_transfer.measure((1,), (0, 1), workers=1)
    assert {strategy: [len(row) for row in rows] for strategy, rows in results["accuracy"].items()} == {
        strategy: [2] for strategy in why_transfer.SETTINGS}
    assert results["accuracy"]["pixels"][0][0] == pytest.approx(why_transfer.run(("pixels", 1, 1.0, 0))[1], abs=1e-5)
    assert results["chosen_setting"]["pixels"] == [1.0]
    why_transfer.print_table(results)
    assert "gain over baseline" in capsys.readouterr().out
