"""The derivations by name, a module for those that belong together."""

from functools import lru_cache
from importlib import import_module

from tlkit.errors import TlkitError
from tlkit.gradients.derivation import Derivation

_MODULE_OF = {
    "sigmoid": "binary", "bce": "binary", "bce_with_logits": "binary",
    "source_4_2": "source", "source_4_2_mended": "source",
    "softmax_cross_entropy": "categorical", "distillation": "distillation",
    "linear": "linear", "frozen_body": "frozen", "lora": "lora", "layernorm": "layernorm", "attention": "attention",
}


def derivations() -> list[str]:
    """The names that `derive` knows, in the order in which unit 03 meets them."""
    return list(_MODULE_OF)


@lru_cache(maxsize=None)
def derive(name: str) -> Derivation:
    """A derivation by name, such as "bce_with_logits": show it, or call its `verify()`.

    Raises:
        TlkitError: there is no such derivation; the message lists them.
    """
    if name not in _MODULE_OF:
        raise TlkitError(f"there is no derivation {name!r}; there are {', '.join(derivations())}")
    module = import_module(f"tlkit.gradients.derived.{_MODULE_OF[name]}")
    return {derivation.name: derivation for derivation in module.DERIVATIONS}[name]
