"""Claims about the map of concepts: complete, joined up, and the same for mouse, keyboard and ear."""

import re
import subprocess
import sys

import numpy as np
import pytest

from tlkit.course.units import units
from tlkit.explore import start_here
from tlkit.explore.concepts import ARROWS, CONCEPTS, SOURCE_ARROWS, SOURCE_CONCEPTS
from tlkit.explore.figures import failures

ASKED_FOR = {
    "pretrained model", "self-supervision", "general representation", "fine-tuning", "adaptation head", "loss", "PEFT", "distillation",
    "small model", "new-task data", "downstream task",
}  # fmt: skip


def test_every_concept_of_the_source_is_in_both_maps():
    assert ASKED_FOR <= {concept.name for concept in CONCEPTS.values()}
    assert ASKED_FOR == {name for name, _ in SOURCE_CONCEPTS.values()}


def test_every_arrow_joins_two_concepts_and_every_concept_is_reached_from_data():
    reached = {"pretraining_data", "new_data", "peft"}
    for _ in ARROWS:
        reached |= {arrow.end for arrow in ARROWS if arrow.start in reached}
    assert reached == set(CONCEPTS)
    assert {end for arrow in ARROWS for end in (arrow.start, arrow.end)} == set(CONCEPTS)


def test_the_arrows_that_the_source_has_wrong_are_put_right():
    ours = {(arrow.start, arrow.end) for arrow in ARROWS}
    assert ("pretrained_model", "self_supervision") in SOURCE_ARROWS and ("self_supervision", "pretrained_model") in ours
    for wrong in (("pretrained_model", "self_supervision"), ("representation", "new_data"), ("new_data", "downstream")):
        assert wrong in SOURCE_ARROWS and wrong not in ours


def test_no_arrow_runs_through_a_box_that_it_does_not_belong_to():
    size = np.array([start_here.COLUMN, start_here.ROW])
    centres = {key: (np.array(concept.place) + 0.5) * size for key, concept in CONCEPTS.items()}
    for arrow in ARROWS:
        along = np.linspace(centres[arrow.start], centres[arrow.end], 200)
        for key in set(CONCEPTS) - {arrow.start, arrow.end}:
            inside = (np.abs(along - centres[key]) < start_here._BOX / 2).all(axis=1)
            assert not inside.any(), (arrow, key)


def test_every_concept_tells_meaning_formula_chinese_name_and_where_it_is_taught():
    for key, concept in CONCEPTS.items():
        words = start_here.words_of(key)
        assert concept.chinese in words and 'lang="zh"' in words and f"Where: unit {concept.unit}" in words
        assert re.search(r"\$.+\$", words)


def test_a_unit_that_is_there_is_named_and_one_that_is_not_is_not_promised():
    assert start_here.taught_in("01") == f"unit 01 ({next(unit.title for unit in units() if unit.number == '01')})"
    assert "still to be written" in start_here.taught_in("99")


@pytest.mark.parametrize("key", CONCEPTS)
def test_formulas_can_be_set(key):
    from matplotlib.mathtext import MathTextParser

    drawable = CONCEPTS[key].formula.replace(r"\text", r"\mathrm").replace(r"\tfrac", r"\frac").replace(r"\big", "").replace("|\\,", "|")
    MathTextParser("path").parse(f"${drawable}$")


def test_a_click_on_a_concept_explains_it():
    box = start_here.explore_concept_map("pretrained_model")
    board, words = box.children
    buttons = {button.description: button for button in board.children[1:]}
    picture = board.children[0].value
    assert "预训练模型" in words.value and buttons["pretrained model"].button_style == "info"
    buttons["loss"].click()
    assert "损失函数" in words.value and board.children[0].value != picture
    assert [name for name, button in buttons.items() if button.button_style] == ["loss"]
    assert failures == []


def test_the_glossary_has_every_concept_in_both_languages():
    table, text = start_here.glossary()._repr_html_(), repr(start_here.glossary())
    for concept in CONCEPTS.values():
        assert concept.chinese in table and concept.chinese in text and concept.name in text


def test_the_map_comes_without_torch():
    script = "import sys; from tlkit.explore import start_here; start_here.source_map()._repr_html_(); print('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=120).stdout.split() == ["False"]
