"""Grading what a whole class handed in: find it, run it beside each other, write down what was found, in nbgrader's way."""
