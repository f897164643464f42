"""Kernels that start in no time: forks of a parent that has imported what a unit needs, one for each notebook."""
