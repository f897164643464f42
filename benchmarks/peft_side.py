"""The side of Hugging Face's peft in `benchmarks.peft`: its modules around or in front of the same body, in plain PyTorch.

Axes: B batch, T tokens, P prompts.
"""

from collections.abc import Callable
from dataclasses import dataclass

import peft
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from benchmarks.finetune_setting import Prepared
from tlkit import peft as ours
from tlkit.backbones.minilm import find_folder
from tlkit.backbones.state import State
from tlkit.data.task import Task
from tlkit.model import Model
from tlkit.peft.method import Method
from tlkit.plans import Plan
from tlkit.schedules import rate_factor


@dataclass(frozen=True)
class Side:
    """A model that peft made: from what the body's preparation gives to logits, its body, and its head."""

    outputs: Callable[[State], Tensor]
    body: nn.Module
    head: nn.Module

    def parameters(self) -> list[nn.Parameter]:
        return [*self.body.parameters(), *self.head.parameters()]


def lora(model: Model, method: Method, seed: int) -> Side:
    """LoRA around the modules that ours would stand around."""
    targets = list(ours.place(model.backbone, method, seed).arounds)
    ours.remove(model)
    return around(model, peft.LoraConfig(r=method.rank, lora_alpha=method.alpha, target_modules=targets), seed)


def bitfit(model: Model, method: Method, seed: int) -> Side:
    """The body's own biases: peft trains them beside LoRA alone, which stays out of it here."""
    side = around(model, peft.LoraConfig(r=1, target_modules=list(ours.candidates(model.backbone))[-1:], bias="all"), seed)
    for name, parameter in side.body.named_parameters():
        parameter.requires_grad_("lora_" not in name and parameter.requires_grad)
    return side


def around(model: Model, config: peft.PeftConfig, seed: int) -> Side:
    """What peft puts into the stages of our body."""
    torch.manual_seed(seed)
    return Side(model.outputs, peft.get_peft_model(model.backbone.stages, config), model.head)


def prompt_tuning(model: Model, method: Method, seed: int) -> Side:
    """P prompts before the words' own embeddings of transformers' BERT with MiniLM's weights.

    Ours stand behind the embeddings and take no positions: as many numbers and places, not the same function.
    """
    from transformers import AutoModel

    torch.manual_seed(seed)
    config = peft.PromptTuningConfig(task_type="FEATURE_EXTRACTION", num_virtual_tokens=method.count)
    bert = peft.get_peft_model(AutoModel.from_pretrained(find_folder(), add_pooling_layer=False), config)
    pool = model.backbone.stages[list(model.backbone.stages)[-1]]
    model.backbone.stages.clear()                                              # no second body stays in memory

    def outputs(state: State) -> Tensor:
        hidden = bert(input_ids=state["tokens"], attention_mask=state["mask"].long()).last_hidden_state
        return model.head(pool({**state, "hidden": hidden[:, method.count :]}))  # (B, P + T, H) -> (B, T, H)

    return Side(outputs, bert, model.head)


SIDES = {"lora": lora, "bitfit": bitfit, "prompt_tuning": prompt_tuning}


def train(model: Model, task: Task, plan: Plan, seed: int) -> Side:
    """A plain loop over the same batches, with the same optimiser and schedule, all of the body in eval mode."""
    prepared = Prepared(model, task.train)
    side, phase = SIDES[plan.method.name](model, plan.method, seed), plan.phases[0]
    side.body.eval()
    groups = [{"params": [p for p in side.body.parameters() if p.requires_grad], "lr": phase.learning_rate},
              {"params": list(side.head.parameters()), "lr": phase.head_learning_rate}]
    optimizer = torch.optim.AdamW(groups, weight_decay=plan.weight_decay, fused=True)
    steps, generator = phase.epochs * -(-len(prepared) // plan.batch_size), torch.Generator().manual_seed(seed)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda done: rate_factor(plan.schedule, done, steps, plan.warmup))
    for _ in range(phase.epochs):
        for indices in torch.randperm(len(prepared), generator=generator).split(plan.batch_size):
            state, labels = prepared.batch(indices)
            optimizer.zero_grad()
            F.cross_entropy(side.outputs(state), labels).backward()
            optimizer.step()
            schedule.step()
    return side


@torch.no_grad()
def accuracy(side: Side, prepared: Prepared) -> float:
    """Share of the examples whose class has the highest logit."""
    batches = [prepared.batch(indices) for indices in torch.arange(len(prepared)).split(128)]
    return float(torch.cat([side.outputs(state).argmax(-1) == labels for state, labels in batches]).float().mean())
