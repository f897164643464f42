"""Exercise 09.merge: write the update into the weights, and take it out again."""

from typing import Any

import numpy as np
import torch
from torch import nn

from tlkit.exercises.peft.drawn import numbers
from tlkit.exercises.recipe import attempt, backward, call, construct, forward, layer, set_state, state, trains
from tlkit.exercises.record import Case, Exercise, Misconception

_SHOWN = ("base.weight", "base.bias", "down", "up")


def _merge_cases(rng: np.random.Generator) -> list[Case]:
    def begun(inputs, outputs, rank, alpha, times=1.0, scale=0.7):
        weights = {"down": times * numbers(rng, rank, inputs), "up": times * numbers(rng, outputs, rank)}
        return (construct(layer("linear", inputs, outputs, seed=int(rng.integers(1000)), scale=scale), rank, alpha), set_state(**weights))

    alpha, wide = float(rng.integers(5, 9)), int(rng.integers(5, 8))
    x, y, z = numbers(rng, 2, 3), numbers(rng, 4, wide), numbers(rng, 2, 2, 3)
    merge, unmerge = call("merge"), call("unmerge")
    weights, outputs, back, refused = "merged: the weights", "merged: the output stays", "unmerged: as before, to the bit", "in the wrong order is refused"
    return [
        Case(weights, "rank 1", ((*begun(3, 2, 1, 1.0), merge, state()),)),
        Case(weights, "alpha is not the rank", ((*begun(wide, 4, 2, alpha), merge, state(), trains()),)),
        Case(outputs, "before and after", ((*begun(3, 2, 2, 2.0), forward(x), merge, forward(x)),)),
        Case(outputs, "before and after, alpha is not the rank", ((*begun(wide, 3, 2, alpha), forward(y), merge, forward(y)),)),
        Case(outputs, "a sequence: three axes", ((*begun(3, 4, 2, alpha), forward(z), merge, forward(z)),)),
        Case(outputs, "gradients, before merging", ((*begun(3, 2, 2, alpha), forward(x), backward(numbers(rng, 2, 2))),)),
        Case(outputs, "the input's gradient, merged", ((*begun(3, 4, 2, alpha), merge, forward(x), backward(numbers(rng, 2, 4))),)),
        Case(back, "the weights", ((*begun(3, 4, 2, alpha), merge, unmerge, state()),)),
        Case(back, "small weights, a large update", ((*begun(3, 4, 2, alpha, 300.0, 1e-3), merge, unmerge, state()),)),
        Case(back, "the output afterwards", ((*begun(3, 2, 2, alpha), merge, unmerge, forward(x)),)),
        Case(back, "merged once more", ((*begun(3, 5, 1, alpha), merge, unmerge, merge, forward(x), state()),)),
        Case(refused, "merged, and taken out", ((*begun(3, 4, 1, alpha), merge, forward(x), unmerge, forward(x)),)),
        Case(refused, "merged twice", ((*begun(3, 4, 1, alpha), merge, merge),), raises="ValueError"),
        Case(refused, "merged twice, and then taken out", ((*begun(3, 4, 1, alpha), merge, attempt("merge"), state(), unmerge, state()),)),
        Case(refused, "merged twice while B is zero", ((construct(layer("linear", 3, 4, seed=int(rng.integers(1000))), 2, alpha), merge, merge),), raises="ValueError"),
        Case(refused, "taken out before it was merged", ((*begun(3, 4, 2, alpha), unmerge),), raises="ValueError"),
        Case(refused, "taken out twice", ((*begun(3, 4, 2, alpha), merge, unmerge, unmerge),), raises="ValueError"),
    ]


def _merge_view(values: list, calls: tuple) -> Any:
    """Outputs, what trains, and the four tensors that matter; whatever else a class keeps, and whatever its methods return.

    Merged, A and B may get gradients or none.
    """
    (seen,) = values
    facts = {label: value for label, value in seen.items() if not label.startswith(("`merge`", "`unmerge`"))}
    if isinstance(found := facts.pop("the gradients", None), dict) and "`merge`" not in seen:
        facts |= {f"the gradient of {name}": found.get(name) for name in ("down", "up")}
    for label, value in facts.items():
        if label.startswith(("the state", "what trains")) and isinstance(value, dict):
            facts[label] = {name: value.get(name) for name in _SHOWN if name in value or label.startswith("the state")}
    return facts


class _Mergeable(nn.Module):
    """A right answer, of which each misconception changes one thing."""

    def __init__(self, base, rank, alpha):
        super().__init__()
        outputs, inputs = base.weight.shape
        self.base, self.scale = base, alpha / rank
        self.down = nn.Parameter(torch.randn(rank, inputs) / inputs**0.5)
        self.up = nn.Parameter(torch.zeros(outputs, rank))
        self.kept = None

    def forward(self, x):
        y = self.base(x)
        return y if self.kept is not None else y + self.scale * (x @ self.down.T @ self.up.T)

    def update(self):
        return self.scale * self.up @ self.down

    def refuse(self, wrong):
        if wrong:
            raise ValueError("in the wrong order")

    @torch.no_grad()
    def merge(self):
        self.refuse(self.kept is not None)
        self.kept = self.base.weight.clone()
        self.base.weight += self.update()

    @torch.no_grad()
    def unmerge(self):
        self.refuse(self.kept is None)
        self.base.weight.copy_(self.kept)
        self.kept = None


def _updating(update):
    class Updating(_Mergeable):
        def update(self):
            return update(self)

    return Updating


class _AddsTwice(_Mergeable):
    def forward(self, x):
        return self.base(x) + self.scale * (x @ self.down.T @ self.up.T)


class _Subtracts(_Mergeable):
    @torch.no_grad()
    def unmerge(self):
        self.refuse(self.kept is None)
        self.base.weight -= self.update()
        self.kept = None


class _KeepsNoCopy(_Mergeable):
    @torch.no_grad()
    def merge(self):
        self.refuse(self.kept is not None)
        self.kept = self.base.weight.detach()
        self.base.weight += self.update()


class _KeepsTheParameter(_Mergeable):
    @torch.no_grad()
    def merge(self):
        self.refuse(self.kept is not None)
        self.kept = self.base.weight
        self.base.weight += self.update()


class _Replaces(_Mergeable):
    @torch.no_grad()
    def merge(self):
        self.refuse(self.kept is not None)
        self.kept = self.base.weight.clone()
        self.base.weight.copy_(self.update())


class _NewParameter(_Mergeable):
    @torch.no_grad()
    def merge(self):
        self.refuse(self.kept is not None)
        self.kept = self.base.weight.clone()
        self.base.weight = nn.Parameter(self.base.weight + self.update())


class _Clears(_Mergeable):
    @torch.no_grad()
    def merge(self):
        super().merge()
        self.up.zero_()


class _RefusesNothing(_Mergeable):
    def refuse(self, wrong):
        pass

    @torch.no_grad()
    def unmerge(self):
        if self.kept is not None:
            super().unmerge()


class _MergesTwice(_Mergeable):
    @torch.no_grad()
    def merge(self):
        self.kept = self.base.weight.clone() if self.kept is None else self.kept
        self.base.weight += self.update()


class _RefusesTooLate(_Mergeable):
    """It looks whether it may when it has done it."""

    @torch.no_grad()
    def merge(self):
        was, self.kept = self.kept, self.base.weight.clone()
        self.base.weight += self.update()
        self.refuse(was is not None)


class _CopiesTooEarly(_Mergeable):
    @torch.no_grad()
    def merge(self):
        was, self.kept = self.kept, self.base.weight.clone()
        self.refuse(was is not None)
        self.base.weight += self.update()


class _UnmergesAnytime(_Mergeable):
    @torch.no_grad()
    def unmerge(self):
        if self.kept is not None:
            super().unmerge()


class _StaysMerged(_Mergeable):
    def __init__(self, base, rank, alpha):
        super().__init__(base, rank, alpha)
        self.is_merged = False

    def forward(self, x):
        return self.base(x) if self.is_merged else super().forward(x)

    @torch.no_grad()
    def merge(self):
        super().merge()
        self.is_merged = True


class _IntoTheBias(_Mergeable):
    @torch.no_grad()
    def merge(self):
        self.base.bias += self.update().sum(dim=1)
        super().merge()


class _ForwardUnscaled(_Mergeable):
    def forward(self, x):
        y = self.base(x)
        return y if self.kept is not None else y + x @ self.down.T @ self.up.T


class _Unscaled(_ForwardUnscaled):
    def update(self):
        return self.up @ self.down


class _StaysMarked(_Mergeable):
    @torch.no_grad()
    def unmerge(self):
        self.refuse(self.kept is None)
        self.base.weight.copy_(self.kept)


class _ClearsForAWhile(_AddsTwice):
    @torch.no_grad()
    def merge(self):
        super().merge()
        self.put_aside = self.up.clone()
        self.up.zero_()

    @torch.no_grad()
    def unmerge(self):
        super().unmerge()
        self.up.copy_(self.put_aside)


class _NoGradient(_Mergeable):
    @torch.no_grad()
    def forward(self, x):
        return super().forward(x)


class _MergedByNumbers(_Mergeable):
    """Merged is what differs from the copy."""

    def merge(self):
        if self.kept is not None and torch.equal(self.kept, self.base.weight):
            self.kept = None
        super().merge()


class _TwoAxes(_Mergeable):
    def forward(self, x):
        y = self.base(x)
        return y if self.kept is not None else y + self.scale * torch.mm(torch.mm(x, self.down.T), self.up.T)


class _ForwardWithoutUpdate(_Mergeable):
    def forward(self, x):
        return self.base(x)


MERGE = Exercise(
    id="09.merge",
    title="merge and unmerge",
    name="MergeableLoRA",
    kind="class",
    parameters=("base", "rank", "alpha"),
    points=3,
    minutes=10,
    difficulty="medium",
    reference="tlkit.peft.lora:LoRALinear",
    cases=_merge_cases,
    view=_merge_view,
    rtol=1e-5,
    atol=1e-6,
    hint="What has to be remembered, so that the old weights come back to the bit? And how does `forward` know that they are merged?",
    equivalent_mutants={
        "super().__init__(base, rank, *settings)": "here no setting has a name",
        "self.down, self.up = self._pair((base.weight.shape[-1],), base.weight.shape[0])": "the weight has two axes",
    },
    misconceptions=(
        Misconception("refused when it is done", "The error comes after the weight has changed, and what is raised takes nothing back.",
                      "What has happened to the weight before the line that raises?", _RefusesTooLate),
        Misconception("the copy is overwritten before it is refused", "A second merge raises, but the copy that it has made is of the merged weight: the old one is lost.",
                      "What has happened to the copy before the line that raises?", _CopiesTooEarly),
        Misconception("the update counts twice once it is merged", "The weights hold it, and forward adds it once more. Nothing raises an error.",
                      "What does forward have to leave out while the weights hold the update?", _AddsTwice),
        Misconception("alpha is not divided by the rank", "Then the merged layer says something else than the one that was trained.",
                      "Which scale does `forward` use?", _updating(lambda self: self.scale * len(self.down) * self.up @ self.down)),
        Misconception("no scale", "B A is the update before it is scaled.", "Which scale does `forward` use?", _updating(lambda self: self.up @ self.down)),
        Misconception("scaled twice", "The scale is in the update, and once more where it is added.", "Which scale does `forward` use?",
                      _updating(lambda self: self.scale * self.scale * self.up @ self.down)),
        Misconception("the update is subtracted", "Merging adds; unmerging takes away.", "Which sign has B A in the formula?",
                      _updating(lambda self: -self.scale * self.up @ self.down)),
        Misconception("unmerged by subtraction", "On paper W + D - D is W. In floating point, the last bits of W were lost when D was added, and with a large D most of them.",
                      "What would give back the very bits?", _Subtracts),
        Misconception("what is remembered is no copy", "`kept = weight` is another name for the same tensor, and what is added to one is added to the other.",
                      "What does `clone()` do?", _KeepsNoCopy),
        Misconception("what is remembered is the parameter itself", "`self.kept = self.base.weight` is no copy: what is added to one is added to the other. And a parameter "
                      "that is set as an attribute becomes a parameter of the module.", "What does `clone()` do?", _KeepsTheParameter),
        Misconception("forward leaves out the scale", "`merge` has it, so that the answers before and after differ.",
                      "Which scale stands in the formula of exercise 1?", _ForwardUnscaled),
        Misconception("alpha / R stands nowhere", "Forward and merged weights agree, and neither is the formula.", "What is `self.scale` for?", _Unscaled),
        Misconception("after unmerge it still counts as merged", "The weights are plain again, and what `forward` and `merge` look at was not put back.",
                      "What has to change in `unmerge` besides the weights?", _StaysMarked),
        Misconception("B is zero while it is merged", "Then `forward` need not know. But whoever saves A and B in the meantime saves nothing, and the exercise wants both as they are.",
                      "What do A and B hold after `merge`?", _ClearsForAWhile),
        Misconception("forward leaves no graph", "`no_grad` belongs around what is written into the weights. Through `forward` gradients have to pass.",
                      "Which of the three methods is called in training?", _NoGradient),
        Misconception("merged is where the weights differ from the copy", "While B is zero the update is zero, and merged weights are the plain ones.",
                      "How can `merge` know that it was called before, whatever the numbers?", _MergedByNumbers),
        Misconception("two axes alone", "`torch.mm` takes matrices. A text comes as (B, T, I).", "Which product takes any number of axes in front?", _TwoAxes),
        Misconception("the update replaces the weights", "The pretrained weights are what it is added to.", "What is the merged weight while B is zero?", _Replaces),
        Misconception("the merged weights learn", "A new `nn.Parameter` requires a gradient. Write into the one that is there, without a graph.",
                      "Did the base's weights require a gradient before?", _NewParameter),
        Misconception("what was learned is thrown away", "B was set to zero after merging, so that nothing can be taken out and merged again, or saved.",
                      "What do A and B hold after `unmerge`?", _Clears),
        Misconception("nothing is refused", "Whoever merges twice, or takes out what is not in, has lost track of what the weights are. The layer knows, and has to say so.",
                      "What should happen if `merge` is called twice?", _RefusesNothing),
        Misconception("merging twice raises nothing", "Two calls in two places of a program: then the weights hold the update two times, or the second caller believes that they "
                      "were plain.", "How can `merge` know that it was called before?", _MergesTwice),
        Misconception("unmerging what is not merged passes in silence", "It does no harm by itself, but the caller has lost track, and the exercise asks for an error.",
                      "What should happen if `unmerge` is called first?", _UnmergesAnytime),
        Misconception("forward thinks that it is still merged", "The weights are plain again, and the flag was not put back: the update is lost until the next merge.",
                      "What has to change in `unmerge` besides the weights?", _StaysMerged),
        Misconception("the bias changes too", "The update is of the weight alone.", "What does B A multiply?", _IntoTheBias),
        Misconception("before merging, the update is left out", "`forward` has two cases.", "What does forward give while the weights are plain?", _ForwardWithoutUpdate),
    ),
)
