"""What every side of `benchmarks.finetune` trains: the same model, data, batches, optimiser and schedule.

Axes: N examples, B batch.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Sampler

import tlkit
from tlkit.backbones.state import State
from tlkit.data.task import Split, Task
from tlkit.freezing import freeze, parameter_groups
from tlkit.model import Model
from tlkit.schedules import warmup_cosine

BATCH_SIZE = 32
WARMUP = 0.1
WEIGHT_DECAY = 1e-2


@dataclass(frozen=True)
class Setting:
    """A model's task and what is trained how fast; `half` is the last stage of the half that is frozen;
    `image_size` the pixels a side that images are brought to."""

    task: str
    examples: int
    half: str
    learning_rate: float
    head_learning_rate: float = 1e-2
    image_size: int | None = None


SETTINGS = {
    "mobilenet_v2": Setting("pneumoniamnist", 1000, "block4", 3e-4, image_size=96),
    "minilm": Setting("banking77", 2000, "block3", 1e-4),
}


@dataclass(frozen=True)
class Job:
    """One side of one comparison.

    Args:
        model: a name of `SETTINGS`.
        scenario: "frozen_trunk", "half_frozen" or "full".
        side: a name of `benchmarks.finetune_sides.SIDES`.
        examples: training examples; None is what the setting says.
        test_examples: at most so many, drawn once, are judged.
        threads: of torch; None leaves its own choice.
    """

    model: str
    scenario: str
    side: str
    epochs: int = 10
    seed: int = 0
    examples: int | None = None
    test_examples: int = 1000
    threads: int | None = None

    @property
    def setting(self) -> Setting:
        return SETTINGS[self.model]

    @property
    def learning_rate(self) -> float:
        """Of what trains of the body."""
        return 0.0 if self.scenario == "frozen_trunk" else self.setting.learning_rate

    def frozen(self, model: Model) -> list[str]:
        """The names of the stages that stay as they are."""
        if self.scenario == "full":
            return []
        return model.backbone.stretch(to=None if self.scenario == "frozen_trunk" else self.setting.half)


def load(job: Job) -> tuple[Model, Task]:
    """The model with its stages frozen and a head drawn by the seed, and the task, cut to the job's size."""
    task = tlkit.load_task(job.setting.task, examples=job.examples or job.setting.examples, seed=job.seed)
    drawn = torch.randperm(len(task.test), generator=torch.Generator().manual_seed(0))[: job.test_examples]
    task = replace(task, test=task.test.select(drawn))
    model = tlkit.adapt(tlkit.load_backbone(job.model, image_size=job.setting.image_size), task, seed=job.seed)
    return freeze(model, job.frozen(model)), task


class Prepared:
    """A split as users of a training library prepare it: decoded or tokenised once, padded batch by batch."""

    def __init__(self, model: Model, split: Split):
        self.labels = split.labels
        if model.backbone.modality == "image":
            self.images = model.backbone.prepare(split.inputs)                # (N, 3, H, W)
        else:
            tokenizer = model.backbone.preprocessing
            encoded = tokenizer.tokenizer(list(split.inputs), truncation=True, max_length=tokenizer.max_length)
            self.images, self.tokens = None, [torch.tensor(tokens) for tokens in encoded["input_ids"]]

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> int:
        return index  # `batch` takes all of a batch's examples at once

    def batch(self, indices) -> tuple[State, Tensor]:
        """What the first stage takes, and the labels."""
        indices = torch.as_tensor(indices)
        if self.images is not None:
            return self.images[indices], self.labels[indices]
        rows = [self.tokens[index] for index in indices.tolist()]
        lengths = torch.tensor([len(row) for row in rows])
        tokens = nn.utils.rnn.pad_sequence(rows, batch_first=True)
        return {"tokens": tokens, "mask": torch.arange(tokens.shape[1]) < lengths[:, None]}, self.labels[indices]


class SeededOrder(Sampler):
    """The order in which `tlkit.finetune` takes the examples: a new permutation an epoch, out of one seeded generator."""

    def __init__(self, count: int, seed: int):
        self.count, self.generator = count, torch.Generator().manual_seed(seed)

    def __len__(self) -> int:
        return self.count

    def __iter__(self) -> Iterator[int]:
        return iter(torch.randperm(self.count, generator=self.generator).tolist())


def loader(data: Prepared, seed: int) -> DataLoader:
    """Batches in the seeded order, made in the training process: on a CPU, workers would take its own cores."""
    return DataLoader(data, BATCH_SIZE, sampler=SeededOrder(len(data), seed), collate_fn=data.batch)


class WithLoss(nn.Module):
    """The model as the peers train it: its own stages and head, from prepared inputs to logits and loss.

    Frozen stages stay in eval mode through `train()`, since the model sees to that: BatchNorm behaves alike on all sides.
    """

    def __init__(self, model: Model):
        super().__init__()
        self.model = model

    def forward(self, state: State, labels: Tensor) -> Tensor:
        return F.cross_entropy(self.model.outputs(state), labels)


def optimizer_of(model: Model, job: Job) -> torch.optim.AdamW:
    """AdamW in its fastest form, with the learning rate of body and head; frozen weights are not in it."""
    groups = parameter_groups(model, job.learning_rate, job.setting.head_learning_rate, weight_decay=WEIGHT_DECAY)
    return torch.optim.AdamW(groups, fused=True)


def schedule_of(optimizer: torch.optim.Optimizer, steps: int) -> torch.optim.lr_scheduler.LambdaLR:
    """Warm-up and cosine over all steps."""
    return torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: warmup_cosine(step, steps, WARMUP))


@torch.no_grad()
def test_logits(model: Model, split: Split) -> Tensor:
    """Outputs for a split in eval mode, (N, C), those of like length together."""
    model.eval()
    data = Prepared(model, split)
    lengths = torch.zeros(len(data)) if data.images is not None else torch.tensor([len(row) for row in data.tokens])
    order = lengths.argsort(stable=True)
    logits = torch.cat([model.outputs(data.batch(part)[0]) for part in order.split(64)])
    return logits[order.argsort()]
