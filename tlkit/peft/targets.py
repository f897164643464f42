"""Which modules of a body a method is put around: by role in a Transformer, or by name."""

from collections.abc import Iterable
from fnmatch import fnmatchcase

import torch
from torch import Tensor, nn

from tlkit.backbones.backbone import Backbone
from tlkit.errors import TlkitError

# How the families call the parts of a block; attention's output stands before feed-forward's, whose name may end it.
ROLES = {
    "query": ("query", "q_lin", "q_proj"),
    "key": ("key", "k_lin", "k_proj"),
    "value": ("value", "v_lin", "v_proj"),
    "fused": ("c_attn", "to_qkv", "self_attention", "attn"),
    "attention output": ("attention.output.dense", "attention.out_lin", "attn.c_proj", "attention.o_proj", "attention.out_proj"),
    "feed-forward output": ("output.dense", "ffn.lin2", "mlp.c_proj", "mlp.fc2", "feed_forward.output_dense", "mlp.3"),
}
READS_WEIGHTS = {  # attention that reads its layers' weights itself, so that only the whole can be wrapped
    "MultiheadAttention": ("in_proj_weight", "out_proj.weight"),
    "ShiftedWindowAttention": ("qkv.weight", "proj.weight"),
    "ShiftedWindowAttentionV2": ("qkv.weight", "proj.weight"),
}
_CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)


def body_of(model_or_body) -> Backbone:
    """The body itself, or that of a model.

    Raises:
        TlkitError: it is neither.
    """
    body = getattr(model_or_body, "backbone", model_or_body)
    if not isinstance(body, Backbone):
        way = "; take its model" if hasattr(model_or_body, "model") else ""
        raise TlkitError(f"a body (tlkit.load_backbone) or a model (tlkit.adapt) is due, and {called(model_or_body)} was given{way}")
    return body


def called(given) -> str:
    """A thing of the wrong kind, in few words."""
    if isinstance(given, type):
        return f"the class {given.__name__}"
    return repr(given) if given is None or isinstance(given, (str, int, float)) else f"a {type(given).__name__}"


def candidates(model_or_body) -> dict[str, nn.Module]:
    """The modules of a body that can be named: linear layers, convolutions, embeddings, and attention that is one whole.

    Raises:
        TlkitError: no body, or a layer is quantised.
    """
    body = body_of(model_or_body)
    found, wholes = {}, []
    for name, module in body.stages.named_modules():
        if any(name.startswith(f"{whole}.") for whole in wholes):
            continue
        _refuse_quantised(name, module)
        if type(module).__name__ in READS_WEIGHTS:
            wholes.append(name)
            found[name] = module
        elif isinstance(module, (nn.Linear, nn.Embedding, *_CONVOLUTIONS)) or is_conv1d(module):
            found[name] = module
    return {name: module for name, module in found.items() if not hasattr(module, "parametrizations")}


def find(
    body, targets: Iterable[str] | None, roles: Iterable[str], otherwise=lambda name, module: False, suits=lambda name, module: True,
) -> dict[str, nn.Module]:
    """The modules that the names mean; where none are given, those of the roles, and where there are none, `otherwise`.

    Args:
        suits: whether a module is meant by a pattern that fits its name; whole names and their ends mean it all the same.
    Raises:
        TlkitError: a name that matches nothing (it lists what could be named), a quantised layer, or weights that
            another module shares.
    """
    known = candidates(body)
    if targets is None:
        found = {name: module for name, module in known.items() if role_of(name) in tuple(roles)}
        found = found or {name: module for name, module in known.items() if otherwise(name, module)}
        if not found:
            raise TlkitError(f"{body.name} has no part that this method is usually put around; name targets: {_ends(known)}")
    else:
        found = {}
        for target in targets:
            matching = {name: module for name, module in known.items() if _is_named(name, target) or (matches(name, target) and suits(name, module))}
            if not matching:
                raise nothing_matches(body, target, known)
            found |= matching
    _refuse_shared(body, found)
    return {name: module for name, module in known.items() if name in found}


def matches(name: str, target: str) -> bool:
    """Whether a target means a module: its whole name, the end of it from a dot on, or a pattern with `*`."""
    return _is_named(name, target) or fnmatchcase(name, target)


def nothing_matches(body, target: str, known: Iterable[str], what: str = "") -> TlkitError:
    """What to raise for a target that means none of the known modules."""
    within = any(name.startswith(f"{target}.") for name in known)
    meant = f"{target} has parts, and all of them are '{target}.*'" if within else f"names that could be meant: {_ends(known)}"
    return TlkitError(f"target {target!r} matches nothing in {body.name}{what}; {meant}")


def _is_named(name: str, target: str) -> bool:
    return name == target or name.endswith(f".{target}")


def role_of(name: str) -> str | None:
    """What a module does in its block, by its name; None if that is not known."""
    return next((role for role, ends in ROLES.items() if any(name == end or name.endswith(f".{end}") for end in ends)), None)


def is_conv1d(module: nn.Module) -> bool:
    """GPT-2's linear layer, whose weight is (I, O)."""
    return type(module).__name__ == "Conv1D" and module.weight.ndim == 2


def is_ungrouped(name: str, module: nn.Module) -> bool:
    """A linear layer, or a convolution that every output sees all inputs through."""
    return isinstance(module, nn.Linear) or (isinstance(module, _CONVOLUTIONS) and module.groups == 1)


def _ends(known: Iterable[str]) -> str:
    """Every kind of name once: by its last parts, without the numbers in front."""
    ends = list(dict.fromkeys(name.rpartition(".")[2] if not name.rpartition(".")[2].isdigit() else name for name in known))
    return ", ".join(ends[:20]) + (f" and {len(ends) - 20} more" if len(ends) > 20 else "")


def _refuse_quantised(name: str, module: nn.Module) -> None:
    weight = getattr(module, "weight", None)
    is_packed = (callable(weight) and not isinstance(weight, nn.Module)) or hasattr(module, "_packed_params")
    if is_packed or (isinstance(weight, Tensor) and not weight.is_floating_point()):
        kind = str(weight.dtype) if isinstance(weight, Tensor) else type(module).__module__
        raise TlkitError(f"{name} is quantised ({kind}), and what is learned here is added to floating-point weights; load the body "
                         f"unquantised, as {torch.float32} or {torch.bfloat16}")


def _refuse_shared(body, found: dict[str, nn.Module]) -> None:
    owners: dict[int, list[str]] = {}
    for name, module in body.stages.named_modules():
        for parameter in module.parameters(recurse=False):
            owners.setdefault(id(parameter), []).append(name)
    for name, module in found.items():
        for parameter in module.parameters():
            if others := [other for other in owners[id(parameter)] if other != name and not other.startswith(f"{name}.")]:
                raise TlkitError(f"{name} shares its weights with {others[0]}, which would not see what is learned; leave both out of the targets")
