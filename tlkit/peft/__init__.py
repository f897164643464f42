"""Few trainable parameters: methods that leave the body's weights as they are and learn a little beside them.

A method is plain data that a plan holds (`plans.lora(rank=8)`), and `tlkit.finetune` places it. Names are looked up on
first use, so that importing the package pulls in nothing.
"""

from importlib import import_module

_HOME_OF = {
    "Method": "method", "Around": "method", "METHODS": "methods", "method_from": "methods",
    "LoRA": "lora", "LoRALinear": "lora", "LoRAConv": "lora", "LoRAEmbedding": "lora", "LoRAInside": "lora",
    "Adapters": "adapters", "Adapter": "adapters",
    "BitFit": "bitfit", "biases": "bitfit",
    "PromptTuning": "prompts", "Prompted": "prompts", "Unprompted": "prompts", "with_prompts": "prompts",
    "PrefixTuning": "prefix", "Prefixed": "prefix", "attention_with_prefix": "prefix",
    "IA3": "ia3", "Scaled": "ia3", "ScaledInputs": "ia3", "ScaledInside": "ia3",
    "Added": "placing", "place": "placing", "remove": "placing", "merge": "placing", "unmerge": "placing",
    "body_digests": "placing", "refuse_other_body": "placing",
    "candidates": "targets", "body_of": "targets",
    "low_rank_cost": "counting",
    "Shelf": "switching",
    "to_peft": "hugging_face", "from_peft": "hugging_face",
}

__all__ = list(_HOME_OF)


def __getattr__(name: str):
    if name not in _HOME_OF:
        raise AttributeError(f"tlkit.peft has no name {name!r}; it offers {', '.join(_HOME_OF)}")
    found = getattr(import_module(f"tlkit.peft.{_HOME_OF[name]}"), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted(__all__)
