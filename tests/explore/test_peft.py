"""Figures of unit 09: what is shipped is what is drawn, memory by arithmetic is that of the bodies, and pictures have words."""

import numpy as np
import pytest

from tlkit.explore import peft
from tlkit.explore.figures import failures


def test_every_setting_has_every_way_that_its_body_can_do():
    found = peft.results()
    for task, count in peft.settings().values():
        accuracy = peft.measured(task, count)
        assert set(accuracy) == set(peft.costs(task)) and ("prompts" in accuracy) == (found["bodies"][task] == "minilm")
        assert {f"LoRA {rank}" for rank in found["ranks"]} <= set(accuracy)
        assert all(values.shape == (len(found["tasks"][task]["seeds"]),) and ((values > 0) & (values <= 1)).all() for values in accuracy.values())


def test_moments_are_eight_bytes_for_each_parameter_that_trains():
    for ways in peft.results()["cost"].values():
        assert all(each["state"] == each["bytes"]["moments"] == 8 * each["trained"] for each in ways.values())


def test_the_picture_shows_every_way_and_says_its_numbers():
    picture = peft.ways("tickets")
    accuracy = peft.measured("tickets", peft.results()["tasks"]["tickets"]["labels_per_class"][-1])
    reached, room, time = picture.figure.axes
    assert [label.get_text() for label in room.get_yticklabels()] == list(accuracy)
    assert len(time.patches) == len(accuracy) + 1 and len(reached.containers) == len(accuracy)
    assert all(f"{way} {values.mean():.3f}" in picture.alt for way, values in accuracy.items())


def test_the_figure_follows_setting_and_way():
    box = peft.explore_ways()
    setting, way, page = box.children
    before = page.value
    way.value = "everything"
    assert "Everything is what the others are compared with" in page.value and page.value != before
    way.value = "prompts"
    assert "need a body that reads a sequence" in page.value
    setting.value = next(name for name in peft.settings() if name.startswith("tickets"))
    assert "prompts minus everything, seed by seed" in page.value and failures == []


def test_the_table_compares_seed_by_seed():
    shared = np.array([0.2, 0.5, 0.8])
    cost = {"trained": 3, "bytes": dict.fromkeys(peft.PARTS, 1e6), "seconds": 0.5}
    said = peft.way_table({"BitFit": shared + 0.1, "everything": shared}, {"BitFit": cost, "everything": cost}, "BitFit")
    assert "BitFit minus everything, seed by seed: accuracy 0.100" in said and "500.0" in said and "4.0" in said


@pytest.mark.parametrize("body", ["MiniLM"])
def test_the_arithmetic_is_that_of_the_body(body):
    import tlkit
    from tlkit import peft as methods

    real = tlkit.load_backbone("minilm")
    everything, few = peft.training_memory(body, None), peft.training_memory(body, 8)
    assert everything["trained"] == sum(parameter.numel() for parameter in real.parameters())
    assert few["trained"] == sum(parameter.numel() for parameter in methods.place(real, methods.LoRA(rank=8)).parameters)
    assert few["moments"] == 8 * few["trained"] and few["weights"] == 4 * (everything["trained"] + few["trained"])


def test_memory_follows_body_and_rank():
    box = peft.explore_memory()
    body, rank, page = box.children
    body.value = "a 7B model"
    before = page.value
    assert "6,738,415,616" in before
    rank.value = 64
    assert "LoRA of rank 64" in page.value and page.value != before and failures == []


def test_the_comparison_names_every_setting_and_leaves_out_what_it_compares_with():
    said = peft.comparison()
    assert all(setting in said for setting in peft.settings()) and "minus everything" in said
    assert sum(line.strip().startswith("everything ") for line in said.splitlines()) == 0
