"""The methods by name."""

from collections.abc import Mapping

from tlkit.errors import TlkitError
from tlkit.peft.adapters import Adapters
from tlkit.peft.bitfit import BitFit
from tlkit.peft.ia3 import IA3
from tlkit.peft.lora import LoRA
from tlkit.peft.method import Method
from tlkit.peft.prefix import PrefixTuning
from tlkit.peft.prompts import PromptTuning

METHODS: dict[str, type[Method]] = {method.name: method for method in (LoRA, Adapters, BitFit, PromptTuning, PrefixTuning, IA3)}


def method_from(facts: Mapping | None) -> Method | None:
    """The method that `Method.to_dict` wrote; None of None.

    Raises:
        TlkitError: an unknown name, a setting that the method does not have, or a value out of range.
    """
    if facts is None:
        return None
    settings = dict(facts)
    name = settings.pop("name", None)
    if name not in METHODS:
        raise TlkitError(f"there is no method {name!r}; methods: {', '.join(METHODS)}")
    try:
        return METHODS[name](**settings)
    except TypeError as error:
        raise TlkitError(f"method {name} has no such setting: {str(error).split('argument ')[-1]}") from error
