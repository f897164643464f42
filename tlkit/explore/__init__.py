"""The interactive figures, a module a unit: pure `draw_*` functions, and thin widget shells around them."""
