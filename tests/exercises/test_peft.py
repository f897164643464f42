"""What is special about the exercises of unit 09."""

from math import prod

from tlkit.exercises.peft.drawn import facts_of_drawn
from tlkit.grading.check import verdict_on


def test_shapes_of_unequal_length_are_looked_at_whatever_the_answer_gives():
    def double(shapes, rank):
        parameters = sum(rank * (shape[0] + prod(shape[1:])) for shape in shapes)
        return 2 * parameters, 16 * parameters, 2 * parameters / sum(map(prod, shapes))

    verdict = verdict_on("09.count", {"lora_cost": double})
    assert verdict.outcome.value == "not yet" and verdict.points < 2


def test_a_parameter_that_is_drawn_counts_by_what_right_ones_share():
    view = facts_of_drawn("down")
    (one, other, alike, none) = (view([{"`down`": values, "the output": 3}], ()) for values in ([[0.1, 0.2]], [[0.3, -0.4]], [[0.1, 0.1]], [[0.0, 0.0]]))
    assert one == other and one["the output"] == 3 and one != alike != none
    assert view([{"the state": {"down": [[0.1, 0.2]], "up": 4}}], ())["the state"] == {"up": 4}
    assert view([{"`down`": "no numbers"}], ()) == {"down": "no numbers"}
