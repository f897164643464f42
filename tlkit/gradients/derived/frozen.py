"""A frozen body under a trainable head: what is zero, what is None, what is never computed, and what still flows.

Axes: B batch, F input features, H features of the body, C classes. The body is h = tanh(x U^T) with weights U (H, F), the
head z = h W^T + b. A prompt e (F,) may be added to every input.
"""

import torch

from tlkit import heads
from tlkit.gradients.derivation import Derivation, Line
from tlkit.gradients.proofs import Derivative, Fact, Point

B, F, H, C = 5, 3, 4, 3


def _draw(generator: torch.Generator) -> Point:
    shapes = {"x": (B, F), "U": (H, F), "W": (C, H), "b": (C,), "e": (F,)}
    at = {name: torch.randn(shape, generator=generator, dtype=torch.float64) for name, shape in shapes.items()}
    at["y"] = torch.randint(C, (B,), generator=generator)
    return {**at, "h": _body(at), "z": _logits(at)}


def _body(at: Point) -> torch.Tensor:
    return torch.tanh((at["x"] + at["e"]) @ at["U"].T)                     # (B, H)


def _logits(at: Point) -> torch.Tensor:
    return _body(at) @ at["W"].T + at["b"]                                 # (B, C)


def _loss(at: Point) -> torch.Tensor:
    return heads.cross_entropy(_logits(at), at["y"])


def _loss_of_z(at: Point) -> torch.Tensor:
    return heads.cross_entropy(at["z"], at["y"])


def _loss_of_h(at: Point) -> torch.Tensor:
    return heads.cross_entropy(at["h"] @ at["W"].T + at["b"], at["y"])


def _into_logits(at: Point) -> torch.Tensor:
    return (torch.softmax(at["z"], 1) - torch.nn.functional.one_hot(at["y"], C)) / B


def _into_features(at: Point) -> torch.Tensor:
    return _into_logits(at) @ at["W"]


def _chained(by: str):
    """sum over examples and features of dL/dh_bk dh_bk/d(by)"""
    return lambda into: lambda at: torch.tensordot(into(at), Derivative(_body, by)(at), dims=2)


def _backward(seed: int, no_grad: bool = False) -> Point:
    """The tensors of a point after backward, with U frozen; W, b and e train."""
    at = _draw(torch.Generator().manual_seed(seed))
    at = {name: at[name].detach() for name in ("x", "U", "W", "b", "e", "y")}
    for name in ("W", "b", "e"):
        at[name].requires_grad_()
    with torch.set_grad_enabled(not no_grad):
        at["h"] = _body(at)
    heads.cross_entropy(at["h"] @ at["W"].T + at["b"], at["y"]).backward()
    return at


def _body_gets_none(seed: int) -> str:
    found = _backward(seed)["U"].grad
    return "" if found is None else f"U.grad is {found.tolist()}"


def _features_need_no_graph(seed: int) -> str:
    at = _draw(torch.Generator().manual_seed(seed))
    at = {name: at[name].detach() for name in ("x", "U", "W", "b", "e", "y")}
    features = _body(at)  # nothing below the head trains: no prompt
    return "" if not features.requires_grad and features.grad_fn is None else "the features carry a graph"


def _zeros_are_not_none(seed: int) -> str:
    moved = []
    for gradient in (None, 0.0):
        weights = torch.nn.Parameter(_draw(torch.Generator().manual_seed(seed))["U"])
        weights.grad = None if gradient is None else torch.zeros_like(weights)
        before = weights.detach().clone()
        torch.optim.AdamW([weights], lr=0.1, weight_decay=0.1).step()
        moved.append(not torch.equal(weights.detach(), before))
    return "" if moved == [False, True] else f"moved with None: {moved[0]}, with zeros: {moved[1]}"


def _prompt_learns_through_frozen_weights(seed: int) -> str:
    at = _backward(seed)
    due = Derivative(_loss, "e")({name: at[name].detach() for name in ("x", "U", "W", "b", "e", "y")})
    return "" if torch.allclose(at["e"].grad, due, rtol=1e-9) and bool(due.all()) else f"e.grad is {at['e'].grad.tolist()}"


def _no_grad_starves_the_prompt(seed: int) -> str:
    at = _backward(seed, no_grad=True)
    if at["W"].grad is None:
        return "the head has no gradient either"
    return "" if at["e"].grad is None else f"e.grad is {at['e'].grad.tolist()}"


FROZEN_BODY = Derivation("frozen_body", "From the loss through the head to a frozen body", (
    Line(r"h = \mathrm{body}(x+e;\,U),\quad z = hW^\top + b,\quad L = \frac1B\sum_n \ell(z_n, y_n)",
         "h = body(x + e; U), z = h W^T + b, L = 1/B sum_n l(z_n, y_n)", "definition",
         "A body with weights U, a head with W and b, the mean cross-entropy; e is a prompt that is added to every input.",
         lambda at: (torch.log(_logits(at).exp().sum(1)) - _logits(at)[torch.arange(B), at["y"]]).mean(), _loss, ()),
    Line(r"\frac{\partial L}{\partial z} = \frac1B\left(\mathrm{softmax}(z) - \mathrm{onehot}(y)\right) =: G",
         "dL/dz = 1/B (softmax(z) - onehot(y)) =: G", "derive(\"softmax_cross_entropy\")", "The way back begins at the logits.",
         _into_logits, Derivative(_loss_of_z, "z"), ()),
    Line(r"\frac{\partial L}{\partial W} = G^\top h", "dL/dW = G^T h", "linear layer",
         "The head needs what the body gave out, h, and not how it came about.", lambda at: _into_logits(at).T @ at["h"],
         Derivative(_loss, "W"), (2,), lambda into: lambda at: into(at).T @ _body(at)),
    Line(r"\frac{\partial L}{\partial b} = \sum_n G_n", "dL/db = sum_n G_n", "linear layer", "The bias collects over the batch.",
         lambda at: _into_logits(at).sum(0), Derivative(_loss, "b"), (2,), lambda into: lambda at: into(at).sum(0)),
    Line(r"\frac{\partial L}{\partial h} = G\,W", "dL/dh = G W", "linear layer",
         "Where the road forks: this is needed only if something below h trains.", _into_features, Derivative(_loss_of_h, "h"), (2,),
         lambda into: lambda at: into(at) @ at["W"]),
    Line(r"\frac{\partial L}{\partial U} = \sum_{n,k}\frac{\partial L}{\partial h_{nk}}\,\frac{\partial h_{nk}}{\partial U} \neq 0",
         "dL/dU = sum_nk dL/dh_nk dh_nk/dU, not 0", "chain rule",
         "The loss does depend on the body: its derivative is a number like any other. Freezing does not make it zero.",
         lambda at: torch.einsum("nk,nf->kf", _into_features(at) * (1 - at["h"] ** 2), at["x"] + at["e"]), Derivative(_loss, "U"), (5,),
         _chained("U")),
    Line(r"U\ \text{frozen}:\quad U.\mathtt{grad} = \mathtt{None}", "U frozen: U.grad = None", "never computed",
         "A frozen weight asks for no gradient, so none is made: None means “not computed”, not zero.", None, Fact(_body_gets_none), ()),
    Line(r"\text{nothing below } h \text{ trains}:\quad h \text{ carries no graph}", "nothing below h trains: h carries no graph", "never computed",
         "Then dL/dh is not computed either, no activation inside the body is kept, and h may come from a cache.", None,
         Fact(_features_need_no_graph), ()),
    Line(r"U.\mathtt{grad} = 0 \ \text{is not}\ \mathtt{None}", "U.grad = 0 is not None", "weight decay",
         "With zeros, AdamW still shrinks the weights by its decay; with None it leaves them alone.", None, Fact(_zeros_are_not_none), ()),
    Line(r"\frac{\partial L}{\partial e} = \sum_{n,k}\frac{\partial L}{\partial h_{nk}}\,\frac{\partial h_{nk}}{\partial e}",
         "dL/de = sum_nk dL/dh_nk dh_nk/de", "chain rule",
         "A prompt lies below the body, so its gradient passes through all of it, frozen or not.",
         lambda at: ((_into_features(at) * (1 - at["h"] ** 2)) @ at["U"]).sum(0), Derivative(_loss, "e"), (5,), _chained("e")),
    Line(r"U\ \text{frozen}:\quad e.\mathtt{grad} = \frac{\partial L}{\partial e}", "U frozen: e.grad = dL/de", "freezing is about ends, not about ways",
         "What ends in U is not computed; what passes by on its way to e is.", None, Fact(_prompt_learns_through_frozen_weights), ()),
    Line(r"\mathtt{no\_grad}\ \text{around the body}:\quad e.\mathtt{grad} = \mathtt{None}", "no_grad around the body: e.grad = None", "the graph is cut",
         "The head still learns, no error is raised, and the prompt stays where it was.", None, Fact(_no_grad_starves_the_prompt), ()),
), {"U": "the body's weights (H, F), frozen", "W, b": "the head (C, H), (C,)", "e": "a prompt, added to every input (F,)", "h": "features (B, H)",
    "z": "logits (B, C)", "G": "dL/dz (B, C)"}, _draw, of="")

DERIVATIONS = (FROZEN_BODY,)
