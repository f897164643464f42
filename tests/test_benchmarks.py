import json

import pytest

from benchmarks import finetune, finetune_setting, finetune_sides, freezing, heads_and_losses, medical_images, why_transfer


@pytest.mark.parametrize(("strategy", "labels_per_class", "seed"), [("pixels", 1, 3), ("pixels", 20, 0), ("linear_probe", 5, 7)])
def test_a_shipped_accuracy_comes_out_again(strategy, labels_per_class, seed):
    shipped = json.loads(why_transfer.SHIPPED.read_text())
    row = shipped["labels_per_class"].index(labels_per_class)
    setting = shipped["chosen_setting"][strategy][row]
    _, test = why_transfer.run((strategy, labels_per_class, setting, seed))
    # 1 % is six of the test images: another processor may round another way, another draw differs by more
    assert test == pytest.approx(shipped["accuracy"][strategy][row][shipped["seeds"].index(seed)], abs=0.01)


@pytest.mark.parametrize(("end", "optimizer", "seed"), [("number", "adamw", 3), ("softmax twice", "sgd", 0)])
def test_what_an_end_of_the_network_costs_comes_out_again(end, optimizer, seed):
    shipped = json.loads(heads_and_losses.SHIPPED.read_text())["digits"][end][optimizer]
    again = heads_and_losses.digit_run(end, optimizer, shipped["rate"], seed)["test"]
    assert again == pytest.approx(shipped["test"][seed], abs=0.03)  # another processor may round another way


@pytest.mark.slow
def test_the_ends_are_measured_seed_by_seed(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(heads_and_losses, "EPOCHS", 2)
    monkeypatch.setattr("sys.argv", ["heads_and_losses", "--quick", "--json", str(tmp_path / "new.json")])
    heads_and_losses.main()
    found = json.loads((tmp_path / "new.json").read_text())
    shipped = json.loads(heads_and_losses.SHIPPED.read_text())
    assert found.keys() == shipped.keys() and found["scans"] is None
    for end, by_optimizer in found["digits"].items():
        assert by_optimizer.keys() == shipped["digits"][end].keys()
        assert [len(each["test"]) for each in by_optimizer.values()] == [2, 2, 2]
    assert "difference to ten classes" in capsys.readouterr().out


@pytest.mark.parametrize(("task", "labels_per_class", "frozen", "seed"), [("digits", 2, 4, 1), ("grainy digits", 2, 3, 0)])
def test_a_shipped_run_of_freezing_comes_out_again(task, labels_per_class, frozen, seed):
    shipped = json.loads(freezing.SHIPPED.read_text())
    row, column = shipped["labels_per_class"].index(labels_per_class), shipped["seeds"].index(seed)
    found = shipped["tasks"][task]
    _, accuracy, letters = freezing.run((task, labels_per_class, frozen, found["chosen_rate"][row][frozen], 0.0, "adapted", seed))
    assert accuracy == pytest.approx(found["accuracy"][row][frozen][column], abs=0.02)  # rounding of another processor; another draw differs by more
    assert letters == pytest.approx(found["letters"][row][frozen][column], abs=0.02)


def test_a_measurement_of_freezing_goes_on_where_it_was_cut_short(tmp_path):
    notes = tmp_path / "some.runs"
    notes.write_text(json.dumps([["a", 1], 0.5]) + "\n")
    assert freezing.run_all(float.fromhex, [("a", 1)], 1, notes) == {("a", 1): 0.5}  # nothing is left to run


@pytest.mark.slow
def test_every_depth_is_tuned_and_measured_seed_by_seed(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(freezing, "FROZEN", (3, 4))
    results = freezing.measure((2,), (0, 1), 1, tmp_path / "some.runs")
    for found in results["tasks"].values():
        assert [len(runs) for runs in found["accuracy"][0]] == [2, 2]
    assert len(results["seconds"]["kept"][0]) == len(results["memory"]) == 2
    freezing.print_table(results)
    assert "letters still read" in capsys.readouterr().out


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


@pytest.fixture
def tiny(monkeypatch):
    """Fine-tuning of glyphnet on a few digits, in this process."""
    monkeypatch.setitem(finetune_setting.SETTINGS, "glyphnet", finetune_setting.Setting("digits", 70, "block1", 1e-3))
    monkeypatch.setattr(finetune, "in_own_process", lambda run, job: run(job))


def run_tiny(monkeypatch, path, *arguments: str) -> dict:
    """What the benchmark writes when it is called with these arguments."""
    monkeypatch.setattr("sys.argv", ["finetune", "--model", "glyphnet", "--quick", "--json", str(path), *arguments])
    finetune.main()
    return json.loads(path.read_text())


def assert_trained_alike(found: dict) -> None:
    """Every side trained the same weights, and says what it cost."""
    trained = {name: side for name, side in found.items() if side["accuracy"] is not None}
    assert all(side["seconds"] > 0 and side["peak_mb"] > 0 for side in found.values())
    assert len({side["accuracy"] for side in trained.values()}) == 1
    assert [side["head"] for side in trained.values()] == pytest.approx([found["plain"]["head"]] * len(trained), abs=2e-4)


@pytest.mark.parametrize("scenario", ["frozen_trunk", "half_frozen"])
def test_tlkit_trains_what_a_plain_loop_trains(tiny, monkeypatch, tmp_path, capsys, scenario):
    sides = [word for side in ("tlkit", "plain", "limit") for word in ("--side", side)]
    found = run_tiny(monkeypatch, tmp_path / "new.json", "--scenario", scenario, *sides)["glyphnet"][scenario]
    assert set(found) == {"tlkit", "plain", "limit"}
    assert_trained_alike(found)
    assert (found["limit"]["accuracy"] is None) == (scenario == "half_frozen")
    assert found["tlkit"]["kept"][0]["kept"]
    assert f"glyphnet {scenario}: times tlkit's seconds" in capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("scenario", ["frozen_trunk", "half_frozen", "full"])
def test_all_peers_train_the_same(tiny, monkeypatch, tmp_path, scenario):
    found = run_tiny(monkeypatch, tmp_path / "new.json", "--scenario", scenario)["glyphnet"][scenario]
    assert {"tlkit", "plain", "trainer"} <= set(found)
    assert_trained_alike(found)


def test_a_measurement_goes_on_and_says_what_is_left_out(tiny, monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(finetune_sides, "missing", lambda side: "lightning" if side == "lightning" else "")
    common = tmp_path / "new.json", "--scenario", "full", "--side", "plain"
    first = run_tiny(monkeypatch, *common)
    again = run_tiny(monkeypatch, *common, "--side", "lightning", "--side", "limit", "--side", "tlkit", "--resume")
    assert again["glyphnet"]["full"]["plain"] == first["glyphnet"]["full"]["plain"]
    assert set(again["glyphnet"]["full"]) == {"plain", "tlkit"}
    assert "glyphnet full lightning: left out, since lightning is not installed" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        run_tiny(monkeypatch, *common, "--resume", "--seed", "1")


@pytest.mark.parametrize("body, method", [("glyphnet", "lora-2"), ("glyphnet", "bitfit"), ("minilm", "prompt_tuning")])
def test_few_parameters_are_as_many_on_both_sides(body, method, monkeypatch):
    from benchmarks import peft as few

    monkeypatch.setitem(few.BODIES, "glyphnet", ("digits", 40, None))
    monkeypatch.setitem(few.BODIES, "minilm", ("tickets", 40, None))
    found = {side: few.run(few.Job(body, method, side, 0, epochs=1, test_examples=20)) for side in ("tlkit", "peft")}
    assert found["tlkit"]["trained"] == found["peft"]["trained"] > 0
    assert all(0 <= each["accuracy"] <= 1 and 0 < each["share"] < 0.2 for each in found.values())


def test_the_measurement_of_few_parameters_goes_on_where_it_ended(monkeypatch, tmp_path):
    from benchmarks import peft as few

    def measured(methods: str, *more: str) -> list[str]:
        """The jobs that were run, as the benchmark is called for these methods."""
        ran = []
        costs = {"accuracy": 0.5, "share": 0.1, "seconds": 1.0, "cpu_seconds": 1.0, "peak_mb": 2.0, "start_mb": 1.0}
        monkeypatch.setattr(few, "in_own_process", lambda run, job: ran.append(f"{job.method} {job.side} {job.seed}") or costs)
        monkeypatch.setattr("sys.argv", ["peft", "--only", "minilm", "--methods", methods, "--json", str(tmp_path / "new.json"), *more])
        few.main()
        return ran

    assert measured("probe", "--seeds", "1") == ["probe tlkit 0"]
    assert measured("probe,lora-8", "--seeds", "2", "--resume") == ["lora-8 tlkit 0", "lora-8 peft 0", "probe tlkit 1", "lora-8 tlkit 1", "lora-8 peft 1"]
    assert len(json.loads((tmp_path / "new.json").read_text())["runs"]) == 6
    with pytest.raises(SystemExit):
        measured("probe", "--resume", "--examples", "500")


def test_what_few_parameters_reach_is_a_table_and_a_picture():
    from benchmarks import peft_picture

    costs = {"cpu_seconds": 4.0, "peak_mb": 900.0, "start_mb": 700.0}
    runs = [{"body": "minilm", "method": method, "side": side, "seed": seed, "accuracy": accuracy, "share": share, **costs}
            for method, side, seed, accuracy, share in (
                ("probe", "tlkit", 0, 0.7, 0.001), ("probe", "tlkit", 1, 0.8, 0.001), ("lora-8", "tlkit", 0, 0.77, 0.02),
                ("lora-4", "tlkit", 0, 0.75, 0.01), ("lora-4", "peft", 0, 0.76, 0.01))]
    runs.append({"body": "minilm", "method": "ia3", "side": "tlkit", "seed": 0, "left_out": "for a reason"})
    found = peft_picture.rows(runs)
    assert "| minilm | probe | tlkit | 0.700, 0.800 | 0.10% | 4 | 200 |" in peft_picture.table(found) and "ia3" not in peft_picture.table(found)
    figure = peft_picture.draw(found)
    lines = {tuple(line.get_ydata()) for line in figure.axes[0].lines}
    assert lines == {(0.75,), (0.75, 0.77)}                       # the probe's mean, and ours of LoRA, by rank
    assert [text.get_text() for text in figure.legends[0].texts] == ["probe", "lora"]


def test_scans_before_fine_tuning_come_out_again():
    shipped, found = json.loads(medical_images.SHIPPED.read_text())["cells"], {}
    medical_images.measure("cells", 1, 1, found.update)
    assert found["auc"]["before"][0] == pytest.approx(shipped["auc"]["before"][0], abs=0.01)  # another processor may round another way
    assert found["labels"] == shipped["labels"] and found["groups"] == shipped["groups"] and found["train"] == shipped["train"]
    assert {way: len(each["test"]) for way, each in found["margins"].items()} == dict.fromkeys(shipped["margins"], len(shipped["labels"]["test"]))
