"""LoRA to and from the files of Hugging Face's peft: adapter_config.json and adapter_model.safetensors.

There, modules have the names of the model that a body was made of (`Backbone.original_names`). The head is not in these
files; `run.save(path, body=False)` keeps it.
"""

import json
from pathlib import Path

import torch
from torch import Tensor

from tlkit.errors import TlkitError
from tlkit.files import write_tensors, write_text
from tlkit.peft.lora import LoRA, LoRAConv, LoRAConv1D, LoRAEmbedding, LoRAInside, LowRank
from tlkit.peft.method import refuse
from tlkit.peft.placing import Added, place, remove
from tlkit.peft.targets import body_of

_PREFIX = "base_model.model."
_READ = ("peft_type", "r", "lora_alpha", "use_rslora", "lora_dropout", "bias", "init_lora_weights")
_SAY_NOTHING_MORE = (  # who made the files and of what; where updates lie and what they began with is in the tensors
    "auto_mapping", "base_model_name_or_path", "revision", "inference_mode", "task_type", "peft_version", "fan_in_fan_out",
    "target_modules", "exclude_modules", "layers_to_transform", "layers_pattern", "target_parameters", "megatron_core",
    "megatron_config", "qalora_group_size", "runtime_config", "ensure_weight_tying", "eva_config", "loftq_config", "corda_config",
    "lora_ga_config",
)
_STARTS = (True, False, None, "true", "false", "gaussian", "eva", "orthogonal", "mica")  # those that leave the model's own weights as they are


def to_peft(model_or_body, folder: str | Path) -> Path:
    """Write what LoRA learned as peft does; `PeftModel.from_pretrained(model, folder)` loads it onto the original model.

    Raises:
        TlkitError: the body carries no LoRA, or it is merged, or lies where peft has none.
    """
    body = body_of(model_or_body)
    added = body.added
    if added is None or not isinstance(added.method, LoRA) or added.merged:
        what = "nothing" if added is None else "a merged LoRA" if added.merged else added.method.name
        raise TlkitError(f"LoRA beside the body's weights can be written for peft, and {body.name} carries {what}")
    tensors, method = {}, added.method
    for name, around in added.arounds.items():
        for end, values in _as_there(around).items():
            tensors[f"{_PREFIX}{body.original_names.get(name, name)}.{end}"] = values
    config = {
        "peft_type": "LORA", "base_model_name_or_path": body.name, "inference_mode": True, "bias": "none", "task_type": None,
        "r": method.rank, "lora_alpha": method.alpha, "use_rslora": method.rank_stabilised, "lora_dropout": method.input_dropout,
        "fan_in_fan_out": any(isinstance(around, LoRAConv1D) for around in added.arounds.values()),
        "target_modules": [body.original_names.get(name, name) for name in added.arounds],
    }
    folder = Path(folder)
    write_tensors(folder / "adapter_model.safetensors", tensors, {"format": "pt"})
    write_text(folder / "adapter_config.json", json.dumps(config, indent=2) + "\n")
    return folder


def from_peft(body, folder: str | Path) -> Added:
    """Put LoRA that peft saved into a body.

    Args:
        body: a Backbone without a method, or a model of such a body, with the weights that it was trained beside; peft's files do not
            say which those are.
        folder: holds adapter_config.json and adapter_model.safetensors.
    Raises:
        TlkitError: no such files, another method than LoRA, settings or modules that are not known here, tensors that are
            missing or not finite.
    """
    from safetensors.torch import load_file

    body, folder = body_of(body), Path(folder)
    try:
        config = json.loads((folder / "adapter_config.json").read_text(encoding="utf-8"))
        tensors = load_file(folder / "adapter_model.safetensors")
    except Exception as error:  # safetensors has errors of its own
        raise TlkitError(f"{folder} holds no adapter of peft that can be read: {error}") from error
    settings = _settings(config, folder)
    refuse(not tensors, f"{folder} holds no tensors, so there is no update to read")
    if odd := [name for name, values in tensors.items() if not values.isfinite().all()]:
        raise TlkitError(f"{folder} holds numbers in {odd[0]} that are not finite, so its training went astray or the file is damaged")
    sites = _sites(body, tensors, folder)
    added = place(body, LoRA(*settings, targets=tuple(dict.fromkeys(name for name, _ in sites))))
    try:
        _put_in(added, sites, folder)
    except BaseException:
        remove(body)
        raise
    return added


def _settings(config, folder: Path) -> tuple:
    """Of what peft noted: rank, alpha, whether it is rank-stabilised, and the inputs' dropout."""
    refuse(not isinstance(config, dict), f"{folder}/adapter_config.json holds a {type(config).__name__}, and settings by name are due")
    refuse(config.get("peft_type") != "LORA", f"{folder} holds {config.get('peft_type')}, and LORA alone can be read from peft's files")
    if odd := [name for name, value in config.items() if value and name not in (*_READ, *_SAY_NOTHING_MORE)] + \
            (["bias"] if config.get("bias", "none") != "none" else []):
        raise TlkitError(f"{folder} was made with {odd[0]}={config[odd[0]]}, which has no counterpart here")
    start = config.get("init_lora_weights", True)
    if (start.lower() if isinstance(start, str) else start) not in _STARTS:
        raise TlkitError(f"{folder} was made with init_lora_weights={start!r}, which changed the model's own weights too, and those are not in its files; "
                         "peft writes PiSSA, CorDA and OLoRA as plain LoRA by save_pretrained(folder, path_initial_model_for_weight_conversion=...)")
    if lacking := [name for name in ("r", "lora_alpha") if name not in config]:
        raise TlkitError(f"{folder}/adapter_config.json lacks {lacking[0]}, without which the updates cannot be read")
    try:
        made = LoRA(config["r"], config["lora_alpha"], config.get("use_rslora", False), config.get("lora_dropout", 0.0))
    except TlkitError as error:
        raise TlkitError(f"{folder}/adapter_config.json: {error}") from error
    return made.rank, made.alpha, made.rank_stabilised, made.input_dropout


def _as_there(around: LowRank) -> dict[str, Tensor]:
    """An update's two matrices, by the ends of the names that peft gives them."""
    down, up = around.down, around.up
    if isinstance(around, LoRAEmbedding):
        return {"lora_embedding_A": down, "lora_embedding_B": up}
    if isinstance(around, LoRAConv):
        return {"lora_A.weight": down, "lora_B.weight": up[(..., *[None] * (down.ndim - 2))]}
    if not isinstance(around, LoRAInside):
        return {"lora_A.weight": down, "lora_B.weight": up}
    if around.weights[0] != "in_proj_weight":
        raise TlkitError(f"peft has no LoRA for {type(around.base).__name__}")
    return {"lora_A.weight": down["in_proj_weight"], "lora_B.weight": up["in_proj_weight"],
            "base_layer.out_proj.lora_A.weight": down["out_proj_weight"], "base_layer.out_proj.lora_B.weight": up["out_proj_weight"]}


def _sites(body, tensors: dict[str, Tensor], folder: Path) -> dict[tuple[str, str], Tensor]:
    """peft's tensors by the module of the body that they belong to, and the end of their names.

    A model with a head has one more name in front of its body's.
    """
    ours = {original: name for name, original in body.original_names.items() if original} or {name: name for name, _ in body.stages.named_modules()}
    found = {}
    for key, values in tensors.items():
        name, _, end = key.removeprefix(_PREFIX).partition(".lora_")
        inner = ".base_layer.out_proj" if name.endswith(".base_layer.out_proj") else ""
        name = name.removesuffix(inner)
        site = next((ours[name[at:]] for at in [0, *(place + 1 for place, letter in enumerate(name) if letter == ".")] if name[at:] in ours), None)
        if site is None:
            raise TlkitError(f"{folder} holds {key}, and {body.name} has no such module; names there: {', '.join(list(ours)[1:4])}, ...")
        found[site, f"{inner.removeprefix('.')}.lora_{end}".removeprefix(".")] = values
    return found


@torch.no_grad()
def _put_in(added: Added, sites: dict[tuple[str, str], Tensor], folder: Path) -> None:
    for name, around in added.arounds.items():
        for end, parameter in _as_there(around).items():
            values = sites.get((name, end))
            if values is None or values.shape != parameter.shape:
                what = "lacks it" if values is None else f"has it as {tuple(values.shape)}"
                raise TlkitError(f"{name} wants {end} of shape {tuple(parameter.shape)}, and {folder} {what}")
            parameter.copy_(values)
