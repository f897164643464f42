"""When to stop, and what to go back to: the best weights so far, and how long ago that was (Prechelt 1998)."""

from collections.abc import Mapping

from torch import Tensor


class EarlyStopping:
    """Watches a score, one a turn; keeps a copy of the weights of the best turn.

    Args:
        patience: how many turns in a row may pass without a better score; None never has enough.
        lower_is_better: True for a loss, False for an accuracy.

    `best` is the best score so far, `stale` the number of turns since, `weights` what was noted with it, by name.
    """

    def __init__(self, patience: int | None, lower_is_better: bool = False):
        self.patience, self.lower_is_better = patience, lower_is_better
        self.best = float("inf") if lower_is_better else -float("inf")
        self.stale = 0
        self.weights: dict[str, Tensor] = {}

    @property
    def is_over(self) -> bool:
        """Whether patience has run out."""
        return self.patience is not None and self.stale >= self.patience

    def note(self, score: float, weights: Mapping[str, Tensor]) -> bool:
        """Take down one turn's score; an equal one is not better, and neither is nan.

        Args:
            weights: the model's own, by name. They are copied, since training goes on changing them in place.
        Returns:
            Whether this turn is the best so far.
        """
        is_better = score < self.best if self.lower_is_better else score > self.best
        if is_better:
            self.best, self.stale = score, 0
            self.weights = {name: values.clone() for name, values in weights.items()}
        else:
            self.stale += 1
        return is_better


def stopping_point(scores: list[float], patience: int | None, lower_is_better: bool = False) -> tuple[int, int]:
    """Where a run with these scores, one an epoch, would have been cut.

    Returns:
        The epoch whose weights come back, and the number of epochs that are run; both count from 1.
    """
    stopping, best = EarlyStopping(patience, lower_is_better), 0
    for epoch, score in enumerate(scores, start=1):
        if stopping.note(score, {}):
            best = epoch
        if stopping.is_over:
            break
    return best, epoch
