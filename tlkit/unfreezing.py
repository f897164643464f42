"""Gradual unfreezing: which stages train in which epoch (Howard and Ruder 2018, section 3.3)."""

from collections.abc import Sequence

from tlkit.errors import TlkitError


def stages_that_train(epoch: int, stages: Sequence, head_epochs: int, epochs_a_step: int) -> list:
    """The stages that train in an epoch, from the input on: at first the head alone, then one stage more at each step.

        stages that train = 1                                              while epoch < head_epochs
                            2 + floor((epoch - head_epochs) / epochs_a_step)   afterwards, at most all of them

    Args:
        epoch: counted from 0.
        stages: from the input on, the head last.
        head_epochs: of the head alone.
        epochs_a_step: after which one stage more trains.
    Raises:
        TlkitError: a step without epochs.
    """
    if epochs_a_step < 1:
        raise TlkitError(f"epochs_a_step={epochs_a_step} must be 1 or more")
    count = 1
    if epoch >= head_epochs:
        count = 2 + (epoch - head_epochs) // epochs_a_step
    return list(stages)[max(0, len(stages) - count):]
