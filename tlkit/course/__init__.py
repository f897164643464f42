"""The course as files: where the units are, how they are built, and the copies that a learner works in."""
