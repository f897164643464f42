"""A method in a body: put there, taken out again, merged into the weights."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from tlkit.errors import TlkitError
from tlkit.feature_key import weights_hash
from tlkit.peft.method import Around, Method, refuse
from tlkit.peft.targets import body_of, called, candidates


class Added:
    """What a method put into a body, and which of the body's own parameters it lets learn.

    Args:
        body: a Backbone.
        method: whose this is.
        arounds: what is put around which module, by the module's name among the stages.
        released: names of the body's own parameters that learn.
        digests: of every stage's weights as they were before, by the stage's name.

    `cannot_be_removed` says why what the body was before is not known; it is empty where that is known.
    """

    def __init__(self, body, method: Method, arounds: Mapping[str, Around], released: list[str], digests: dict[str, str]):
        self.body, self.method, self.arounds, self.digests = body, method, dict(arounds), digests
        self.changed: dict[str, Tensor] = {}
        self.other_values: dict[str, Tensor] = {}
        self.cannot_be_removed = ""
        own = dict(body.stages.named_parameters())
        self.released = {name: own[name] for name in released}
        for name in released:
            self.keep(name, own[name])

    def keep(self, name: str, values: Tensor) -> None:
        """Note a tensor of the body that gets other values, and the values that it has without the method."""
        self.changed[name] = values
        self.other_values[name] = values.detach().clone()

    @property
    def parameters(self) -> list[nn.Parameter]:
        """All that may learn."""
        return [*(parameter for around in self.arounds.values() for parameter in around.own_parameters()), *self.released.values()]

    @property
    def merged(self) -> bool:
        """Whether the body's weights hold what was learned."""
        return any(around.merged for around in self.arounds.values())

    def stages(self) -> list[str]:
        """The stages that something was put into, from the input on."""
        touched = {name.partition(".")[0] for name in (*self.arounds, *self.released)}
        return [name for name in self.body.stages if name in touched]

    def trained_names(self) -> set[str]:
        """The names, in the body's state, of all that may learn."""
        mine = {id(parameter) for parameter in self.parameters}
        return {name for name, parameter in self.body.named_parameters() if id(parameter) in mine}

    def set_modes(self, mode: bool, frozen: frozenset[str]) -> None:
        """The body itself stays in eval mode, so that no statistic moves; what was added trains, but in frozen stages."""
        self.body.eval()
        for name, around in self.arounds.items():
            learns = mode and name.partition(".")[0] not in frozen
            around.training = learns
            for module in around.own_modules():
                module.train(learns)

    def install(self) -> None:
        """Put everything in its place; the body must be free."""
        for name, around in self.arounds.items():
            _put(self.body.stages, name, around)
        self._exchange()
        self.body.added = self

    def uninstall(self) -> None:
        """Take everything out; the body is what it was before, and `install` brings it back."""
        for name, around in reversed(self.arounds.items()):
            _put(self.body.stages, name, around.base)
        self._exchange()
        self.body.added = None

    @torch.no_grad()
    def _exchange(self) -> None:
        for name, values in self.changed.items():
            now = values.detach().clone()
            values.copy_(self.other_values[name])
            self.other_values[name] = now


def place(body, method: Method, seed: int = 0, digests: dict[str, str] | None = None) -> Added:
    """Put a method's parts into a body, in place; `body.added` is what is given back.

    Args:
        body: a Backbone that carries no method, or a model of such a body.
        seed: of what is drawn; the global random state is left as it was.
        digests: of the body's stages, where they are known; None computes them.
    Raises:
        TlkitError: no body, or no method; the body carries a method already, the method's targets are not in it, or it never
            calls one of them.
    """
    body = body_of(body)
    refuse(not isinstance(method, Method), f"a method such as tlkit.peft.LoRA(rank=8) is due, with its settings, and {called(method)} was given")
    if body.added is not None:
        raise TlkitError(f"{body.name} carries a method already ({body.added.method}); `tlkit.peft.remove` takes it out, "
                         "and `tlkit.peft.Shelf` keeps several on one body")
    candidates(body)  # refuses what is quantised, whatever the method
    digests = body_digests(body) if digests is None else digests
    device = next(body.parameters()).device
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(seed)
        arounds, released = method.modules(body), method.released(body)
    added = Added(body, method, arounds, released, digests)
    for name, around in added.arounds.items():
        _put(body.stages, name, around)
    body.added = added
    try:
        _refuse_what_is_not_called(body, added)
    except BaseException:
        added.uninstall()
        raise
    added.set_modes(False, frozenset())
    return added


def remove(model_or_body) -> Added:
    """Take a method out: without merging, the body is what it was to the bit; merged, it keeps what was learned as its own.

    Raises:
        TlkitError: it carries none, or comes from an artefact that does not say what the body was.
    """
    added = _added(model_or_body)
    refuse(bool(added.cannot_be_removed), added.cannot_be_removed)
    added.uninstall()
    return added


def merge(model_or_body) -> None:
    """Write what a method learned into the body's weights, so that prediction costs what the body costs.

    Raises:
        TlkitError: it carries none, it is merged already, or no weights can hold what was learned.
    """
    added = _added(model_or_body)
    if not added.arounds:
        raise TlkitError(f"{added.method.name} changes the body's own weights, so there is nothing to merge")
    for around in added.arounds.values():
        around.merge()


def unmerge(model_or_body) -> None:
    """Give the body its own weights back, to the bit, and what was learned its place beside them.

    Raises:
        TlkitError: it carries none, or is not merged.
    """
    for around in _added(model_or_body).arounds.values():
        around.unmerge()


def body_digests(body) -> dict[str, str]:
    """The sha256 of every stage that has weights, in float32 and without BatchNorm's running statistics.

    A method's own parts do not count.
    """
    body = body_of(body)
    if body.added is not None:
        return dict(body.added.digests)
    found = {}
    for name, stage in body.stages.items():
        tensors = [(label, values.float() if values.is_floating_point() else values) for label, values in stage.state_dict().items()
                   if not is_statistic(label)]
        if tensors:
            found[name] = weights_hash(tensors)
    return found


def is_statistic(name: str) -> bool:
    """Whether a tensor is one of BatchNorm's running statistics."""
    return name.rpartition(".")[2] in ("running_mean", "running_var", "num_batches_tracked")


def refuse_other_body(body, wanted: Mapping[str, str], what: str) -> None:
    """Raise a TlkitError that says which stages' weights differ where a body is not the one that something was made for."""
    here = body_digests(body)
    odd = [name for name in {**wanted, **here} if wanted.get(name) != here.get(name)]
    if odd:
        said = [f"{name} ({_short(here.get(name))} here, {_short(wanted.get(name))} there)" for name in odd[:3]]
        more = f" and {len(odd) - 3} more stages" if len(odd) > 3 else ""
        raise TlkitError(f"{what} was made for another body than this {body.name}: by sha256, the weights of {', '.join(said)}{more} differ")


def _short(digest: str | None) -> str:
    return f"{digest[:12]}..." if digest else "no such stage"


def _added(model_or_body) -> Added:
    body = body_of(model_or_body)
    if body.added is None:
        raise TlkitError(f"{body.name} carries no method; a plan such as plans.lora() places one, or tlkit.peft.place")
    return body.added


def _put(stages: nn.ModuleDict, name: str, module: nn.Module) -> None:
    owner, _, attribute = name.rpartition(".")
    stages.get_submodule(owner)._modules[attribute] = module


@torch.no_grad()
def _refuse_what_is_not_called(body, added: Added) -> None:
    """Some code reads a layer's weight and never calls the layer; what is put around it would learn nothing."""
    if not added.arounds:
        return
    called = set()
    watches = [around.register_forward_hook(lambda module, inputs, output, name=name: called.add(name)) for name, around in added.arounds.items()]
    modes = {module: module.training for module in body.modules()}
    body.eval()
    try:
        body.run(body.place(body.preprocessing.example()))
    finally:
        for watch in watches:
            watch.remove()
        for module, was_training in modes.items():
            module.training = was_training
    if idle := [name for name in added.arounds if name not in called]:
        raise TlkitError(f"{body.name} never calls {idle[0]} (it reads the layer's weights itself), so {added.method.name} around it "
                         "would learn nothing; leave it out of the targets, or name the module that it is part of")
