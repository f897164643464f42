"""Up to where activations may be kept: the rule itself, on plain facts. `tlkit.feature_cache` collects them and keeps."""

from collections.abc import Mapping, Sequence

CAUSES = ("trains", "looks_at_batch", "training_mode")


def kept_behind(stages: Sequence[Mapping], jitter: bool, views: int, mixup: float) -> tuple[str | None, str]:
    """The last stage whose activations may be computed once and kept, and what stands in the way of going further.

    Args:
        stages: of the body, from the input on, each with its `name` and what is true of it: `trains` (a parameter
            does), `looks_at_batch` (an example's output depends on the others), `training_mode` (a part that behaves
            otherwise in training, as dropout and BatchNorm do, is in training mode).
        jitter: whether the inputs are changed at random.
        views: 0 changes them anew at every epoch; K > 0 takes turns with K versions that are drawn once.
        mixup: above 0 the images of a batch are mixed.
    Returns:
        The stage's name, or None where nothing may be kept; and the first reason in this order: "jitter", "mixup", then at
        the first stage that stands in the way one of `CAUSES`, in their order; "head" where no stage does.
    """
    if jitter and views == 0:
        return None, "jitter"
    if mixup > 0:
        return None, "mixup"
    kept = None
    for stage in stages:
        for cause in CAUSES:
            if stage[cause]:
                return kept, cause
        kept = stage["name"]
    return kept, "head"
