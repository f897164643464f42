"""How large each body is and how long it takes to load, and how large each task is: `python -m benchmarks.sources`.

Weights that are not on this machine are drawn afresh, which the table says; nothing is downloaded.
"""

import json
import os
import time
from pathlib import Path

import torch

import tlkit
from tlkit.backbones import torchvision_bodies
from tlkit.backbones.transformer_families import FAMILIES
from tlkit.data.catalogue import CATALOGUE
from tlkit.data.listing import place

BODIES = (
    "glyphnet", "minilm", "mobilenet_v2", "resnet18", "resnet50", "vgg11", "vgg16", "inception_v3", "efficientnet_b0",
    "convnext_tiny", "vit_b_16",
)  # fmt: skip
RESULTS = Path(__file__).parent / "results" / "sources.json"


def weights_are_here(name: str) -> bool:
    """Whether a body's published weights can be read without a network."""
    if name in ("glyphnet", "minilm"):
        return True
    url = torchvision_bodies.weights_entry(name, None).url
    return (Path(torch.hub.get_dir()) / "checkpoints" / url.rsplit("/", 1)[-1]).is_file()


def measure_body(name: str) -> dict:
    """Load one body and say what it is."""
    pretrained = weights_are_here(name)
    started = time.perf_counter()
    backbone = tlkit.load_backbone(name, pretrained=pretrained)
    seconds = time.perf_counter() - started
    rows = backbone.profile()
    return {
        "name": name,
        "parameters": sum(row.parameters for row in rows),
        "stages": len(rows),
        "features": backbone.feature_size,
        "mflop": round(sum(row.flops for row in rows) / 1e6, 1),
        "load_seconds": round(seconds, 2),
        "weights": "published" if pretrained else "fresh",
    }


def measure_family(kind: str) -> dict:
    """The size of a family's usual checkpoint, from its default configuration, without memory for its weights."""
    import transformers

    family = FAMILIES[kind]
    with torch.device("meta"):
        model_class = getattr(transformers, family.model_class)
        stages = family.split(model_class(model_class.config_class(), **dict(family.options)))
    parameters = sum(parameter.numel() for stage in stages.values() for parameter in stage.parameters())
    return {"name": kind, "parameters": parameters, "stages": len(stages) + 1, "weights": "none: default configuration"}


def main() -> None:
    """Print both tables and write them as JSON."""
    import torchvision  # noqa: F401  its import is not part of any body's time
    import transformers  # noqa: F401

    bodies = [measure_body(name) for name in BODIES]
    for body in bodies:
        print(
            "{name:<16}{parameters:>13,}{stages:>4} stages{features:>6}{mflop:>10,.1f} MFLOP{load_seconds:>7.2f} s  {weights}".format(
                **body
            )
        )
    for kind in ("bert", "distilbert", "roberta", "gpt2", "vit", "wav2vec2"):
        bodies.append(measure_family(kind))
        print("{name:<16}{parameters:>13,}{stages:>4} stages  {weights}".format(**bodies[-1]))
    tasks = []
    for name, entry in CATALOGUE.items():
        if place(entry) == "on first use":
            continue
        started = time.perf_counter()
        task = tlkit.load_task(name)
        sizes = {split: len(one) for split, one in task.splits.items()}
        tasks.append(
            {"name": name, **sizes, "classes": len(task.types), "load_seconds": round(time.perf_counter() - started, 2)}
        )
        print("{name:<16}{train:>8}{val:>7}{test:>7}{classes:>5} classes{load_seconds:>7.2f} s".format(**tasks[-1]))
    RESULTS.parent.mkdir(exist_ok=True)
    machine = {"torch": torch.__version__, "cpus": os.cpu_count(), "threads": torch.get_num_threads()}
    RESULTS.write_text(json.dumps({"machine": machine, "bodies": bodies, "tasks": tasks}, indent=1) + "\n")


if __name__ == "__main__":
    main()
