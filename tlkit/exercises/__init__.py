"""The exercises as data: one record each, a module a unit."""
