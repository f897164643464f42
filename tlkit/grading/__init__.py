"""The check engine, and what connects it to nbgrader."""
