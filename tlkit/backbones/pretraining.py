"""How glyphnet came about: letters, no digits, told apart by a network that is then cut off at its features.

Axes: G drawn letters, B batch, K classes of letters.
"""

import hashlib
import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from safetensors.torch import save
from torch import nn
from torch.nn import functional as F
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from tqdm import trange

from tlkit.backbones import glyphnet
from tlkit.data.glyphs import Letters, draw_letters
from tlkit.data.handwriting import Hand, write
from tlkit.schedules import warmup_cosine


@dataclass(frozen=True)
class Recipe:
    """Everything that the weights depend on, apart from the seed and the machine.

    Args:
        steps: batches, each of letters written anew: no image is seen twice.
        batch_size: letters a batch.
        learning_rate, weight_decay, warmup: AdamW's, with a cosine down to 0.
        label_smoothing: the share of a label's weight that is spread over all classes.
        averaging: decay of the moving average of weights and BatchNorm statistics, which is what is kept.
        hand: how differently a letter is written.
    """

    steps: int = 4500
    batch_size: int = 128
    learning_rate: float = 3e-3
    weight_decay: float = 0.05
    warmup: float = 0.04
    label_smoothing: float = 0.1
    averaging: float = 0.998
    hand: Hand = Hand()


def pretrain_glyphnet(
    out_dir: str | Path, seed: int = 0, recipe: Recipe | None = None, letters: Letters | None = None
) -> dict:
    """Pretrain glyphnet and write `glyphnet.safetensors` and its model card `glyphnet.json`.

    Args:
        out_dir: a folder, made if it is missing.
        seed: the same seed, on the same machine and number of threads, gives the same weights.
        recipe: `Recipe()`, which made the shipped weights, where none is given.
        letters: `draw_letters()` where none are given.
    Returns:
        The model card.
    """
    recipe, letters = recipe or Recipe(), letters or draw_letters()
    started = time.perf_counter()
    averaged = _train(letters, recipe, seed)
    accuracy = _accuracy_on_new_writing(averaged, letters, recipe, seed)
    content = save({name: value.contiguous() for name, value in averaged[0].state_dict().items()})
    card = {
        "name": "glyphnet",
        "description": "a residual network for 8 x 8 glyphs, pretrained on letters rendered from fonts; no digits",
        "licence": "BSD-3-Clause",
        "trained_on": f"{len(letters.labels)} letters in {len(letters.classes)} classes, from the fonts that "
        "matplotlib ships (DejaVu, STIX, Computer Modern), written with random distortions",
        "chosen_with": "few-shot accuracy on the validation split of digits; no digit was trained on",
        "command": f"tlkit pretrain glyphnet --seed {seed}",
        "recipe": asdict(recipe),
        "seed": seed,
        "letters_accuracy": round(accuracy, 4),
        "seconds": round(time.perf_counter() - started),
        "threads": torch.get_num_threads(),
        "versions": {"torch": torch.__version__},
        "sha256": hashlib.sha256(content).hexdigest(),
    }
    out_dir = Path(out_dir)
    out_dir.mkdir(parents=True, exist_ok=True)
    (out_dir / "glyphnet.safetensors").write_bytes(content)
    (out_dir / "glyphnet.json").write_text(json.dumps(card, indent=2) + "\n")
    return card


def _train(letters: Letters, recipe: Recipe, seed: int) -> nn.Sequential:
    """Body and head after training, averaged over the last steps."""
    generator = torch.Generator().manual_seed(seed)
    body = glyphnet.build(seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = nn.Sequential(body, nn.Linear(body.feature_size, len(letters.classes)))
    model.to(memory_format=torch.channels_last).train()
    averaged = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(recipe.averaging), use_buffers=True)
    matrices = [parameter for parameter in model.parameters() if parameter.ndim > 1]
    vectors = [parameter for parameter in model.parameters() if parameter.ndim == 1]
    optimizer = torch.optim.AdamW(
        [{"params": matrices, "weight_decay": recipe.weight_decay}, {"params": vectors, "weight_decay": 0.0}],
        lr=recipe.learning_rate,
    )
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: warmup_cosine(step, recipe.steps, recipe.warmup)
    )
    progress = trange(recipe.steps, desc="glyphnet", unit="batch", mininterval=1.0)
    for step in progress:
        images, labels = _write_batch(letters, recipe, generator)
        loss = F.cross_entropy(model(images), labels, label_smoothing=recipe.label_smoothing)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        schedule.step()
        averaged.update_parameters(model)
        if step % 100 == 0:
            progress.set_postfix(loss=f"{loss.item():.3f}")
    return averaged.module.eval()


def _write_batch(letters: Letters, recipe: Recipe, generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    """Letters drawn at random, each written anew: (B, 1, 8, 8), (B,)."""
    drawn = torch.randint(len(letters.labels), (recipe.batch_size,), generator=generator)
    return write(letters.fields[drawn].float(), recipe.hand, generator), letters.labels[drawn]


@torch.no_grad()
def _accuracy_on_new_writing(model: nn.Module, letters: Letters, recipe: Recipe, seed: int, batches: int = 40) -> float:
    """The share of letters named rightly, in writings that training did not see."""
    generator = torch.Generator().manual_seed(seed + 1_000_003)
    right = []
    for _ in range(batches):
        images, labels = _write_batch(letters, recipe, generator)
        right.append(model(images).argmax(dim=1) == labels)
    return float(torch.cat(right).float().mean())
