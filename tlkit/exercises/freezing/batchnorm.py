"""Exercise 05.batchnorm: statistics that are frozen, or adapt."""

import numpy as np
import torch

from tlkit.exercises.record import Case, Exercise, Misconception

_EPSILON = 1e-5


def _batchnorm_cases(rng: np.random.Generator) -> list[Case]:
    def call(batch, features, frozen, momentum=0.1, spread=2.0, small=False):
        def drawn(low, high, *shape):
            return torch.tensor(np.round(rng.uniform(low, high, shape), 2), dtype=torch.float64)

        inputs = torch.tensor(np.round(rng.normal(3.0, spread, (batch, features)), 2), dtype=torch.float64)
        inputs = inputs * 0.003 if small else inputs
        variance = drawn(0.5, 3, features) * (1e-5 if small else 1)
        return (inputs, drawn(0.5, 2, features), drawn(-1, 1, features), drawn(-1, 1, features), variance, momentum, frozen)

    more = int(rng.integers(5, 9))
    return [
        Case("frozen statistics", "two examples", (call(2, 3, True),)),
        Case("frozen statistics", "more examples than features", (call(more, 3, True, 0.3),)),
        Case("frozen statistics", "a single example", (call(1, 4, True),)),
        Case("adapted statistics", "two examples", (call(2, 3, False),)),
        Case("adapted statistics", "more examples than features", (call(more, 2, False, 0.3),)),
        Case("adapted statistics", "the new batch counts entirely", (call(more, 4, False, 1.0),)),
        Case("hardly any spread", "adapted", (call(4, 3, False, 0.2, small=True),)),
        Case("hardly any spread", "frozen", (call(3, 2, True, 0.2, small=True),)),
    ]


def _batchnorm_view(values: list, calls: tuple) -> dict:
    """What comes out, by name; something that is no triple is shown as it is."""
    (value,) = values
    if not isinstance(value, list | tuple) or len(value) != 3:
        return {"three results": value}
    return dict(zip(("the output", "the running mean afterwards", "the running variance afterwards"), value, strict=True))


def _norm(normalise_running=False, normalise_batch=False, keeps=None, biased_memory=False, unbiased_output=False, swapped=False,
          deviation=False, epsilon="inside", affine="both", axis=0, outputs=lambda y, mean, variance: (y, mean, variance)):
    """BatchNorm with one mistake. `keeps`: whether the running statistics stay; None as it should be."""

    def batch_norm(inputs, scale, shift, mean, variance, momentum, frozen):
        batch = len(inputs) if axis == 0 else inputs.numel()
        m = inputs.mean(0) if axis == 0 else inputs.mean()
        v = inputs.var(0, unbiased=False) if axis == 0 else inputs.var(unbiased=False)
        v_unbiased = v * batch / max(batch - 1, 1)
        running = normalise_running or (frozen and not normalise_batch)
        centre, spread = (mean, variance) if running else (m, v_unbiased if unbiased_output else v)
        root = {"inside": (spread + _EPSILON).sqrt(), "outside": spread.sqrt() + _EPSILON, "none": spread.sqrt()}[epsilon]
        y = (inputs - centre) / (spread + _EPSILON if deviation else root)
        y = y * scale if affine in ("both", "scale") else y
        y = y + shift if affine in ("both", "shift") else y
        y = scale * ((inputs - centre) / root + shift) if affine == "shift first" else y
        if not (frozen if keeps is None else keeps):
            share = 1 - momentum if swapped else momentum
            mean = (1 - share) * mean + share * m
            variance = (1 - share) * variance + share * (v if biased_memory else v_unbiased)
        return outputs(y, mean, variance)

    return batch_norm


def _in_place(inputs, scale, shift, mean, variance, momentum, frozen):
    y, new_mean, new_variance = _norm()(inputs, scale, shift, mean, variance, momentum, frozen)
    mean.copy_(new_mean)
    variance.copy_(new_variance)
    return y, mean, variance


def _moved_then_used(inputs, scale, shift, mean, variance, momentum, frozen):
    _, mean, variance = _norm()(inputs, scale, shift, mean, variance, momentum, frozen)
    return scale * (inputs - mean) / (variance + _EPSILON).sqrt() + shift, mean, variance


def _forgets(inputs, scale, shift, mean, variance, momentum, frozen):
    return _norm()(inputs, scale, shift, mean, variance, momentum if frozen else 1.0, frozen)


def _backwards(inputs, scale, shift, mean, variance, momentum, frozen):
    return _norm()(inputs, scale, shift, mean, variance, momentum, not frozen) if len(inputs) > 1 else _norm()(
        inputs, scale, shift, mean, variance, momentum, frozen)


BATCHNORM = Exercise(
    id="05.batchnorm",
    title="frozen or adapted statistics",
    name="batch_norm",
    parameters=("inputs", "scale", "shift", "mean", "variance", "momentum", "frozen"),
    points=3,
    minutes=10,
    difficulty="medium",
    reference="tlkit.batch_statistics:batch_norm",
    cases=_batchnorm_cases,
    view=_batchnorm_view,
    rtol=1e-6,
    atol=1e-9,
    hint="First decide which mean and variance to normalise with; then, by the same question, whether the running ones move.",
    shortcuts=("torch.nn.functional:batch_norm", "torch:batch_norm", "torch.nn:BatchNorm1d.forward"),
    shrinks=False,
    misconceptions=(
        Misconception("the statistics move although they are frozen", "Normalising with the running mean looks frozen enough; but remembering "
                      "the batch is a second thing that BatchNorm does.", "What should come back as the mean if frozen is True?", _norm(keeps=False)),
        Misconception("the batch normalises although the statistics are frozen", "The mean stays in memory and is not used: a frozen layer's "
                      "output then depends on who else is in the batch.", "What is the output for a batch of one, if frozen is True?",
                      _norm(normalise_batch=True)),
        Misconception("frozen and adapted are swapped", "True reads like “training”.", "Which of the two is `eval()`?", _backwards),
        Misconception("always normalised with the running statistics", "In training the batch's own are used; the running ones are only kept for later.",
                      "Which mean should the output have, over the batch, before scale and shift?", _norm(normalise_running=True)),
        Misconception("moved first, then normalised with what moved", "It seems natural to use the newest memory, but in training the memory is not used at all.",
                      "Where does `momentum` come into the output?", _moved_then_used),
        Misconception("the running statistics never move", "Without this step evaluation would know nothing of the new data.",
                      "What should come back as the mean if frozen is False?", _norm(keeps=True)),
        Misconception("momentum counts the old and not the new", "In optimisers it is the share of the past; in torch's BatchNorm that of the new batch.",
                      "How far does the mean move for momentum=1?", _norm(swapped=True)),
        Misconception("the remembered variance is divided by B", "The batch normalises itself with that one; what is remembered is an estimate for "
                      "new data, divided by B - 1.", "Which factor stands in the second formula of the exercise?", _norm(biased_memory=True)),
        Misconception("the batch is normalised with B - 1", "`torch.var` divides by B - 1 unless it is told not to.",
                      "Which variance should the output have, over the batch, before scale and shift?", _norm(unbiased_output=True)),
        Misconception("divided by the variance", "The deviation is its root.", "In which unit is the output?", _norm(deviation=True)),
        Misconception("epsilon outside of the root", "Where there is hardly any spread, it matters which side of the root it stands on.",
                      "Read the formula once more: what is under the root?", _norm(epsilon="outside")),
        Misconception("no epsilon", "It keeps features without spread from being divided by zero.", "What is under the root?", _norm(epsilon="none")),
        Misconception("the shift is left out", "BatchNorm ends with a scale and a shift of its own.", "What are `scale` and `shift` for?",
                      _norm(affine="scale")),
        Misconception("the scale is left out", "BatchNorm ends with a scale and a shift of its own.", "What are `scale` and `shift` for?",
                      _norm(affine="shift")),
        Misconception("neither scale nor shift", "Normalising is only the first half of the formula.", "What are `scale` and `shift` for?",
                      _norm(affine="neither")),
        Misconception("the shift is scaled too", "The brackets reach too far.", "What is the output of a feature that equals its mean?",
                      _norm(affine="shift first")),
        Misconception("the batch's statistics are returned as they are", "They normalise this batch; the memory moves towards them by one step of size `momentum`.",
                      "What should come back for momentum=0?", _forgets),
        Misconception("one mean over all features", "Every feature has its own mean and variance.", "Along which axis is the mean taken?", _norm(axis=None)),
        Misconception("changes the caller's statistics", "That is what the layer does with its buffers, but here they belong to the caller.",
                      "Return new tensors.", _in_place),
        Misconception("the output alone", "The running statistics are half of the answer.", "How many things does the exercise ask to return?",
                      _norm(outputs=lambda y, mean, variance: y)),
    ),
)
