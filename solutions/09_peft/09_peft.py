# ---
# jupyter:
#   jupytext:
#     cell_metadata_filter: nbgrader,tags,-all
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 09 Few parameters
#
# **How few parameters are enough?**
#
# Fine-tuning a body of 22 million numbers gives 22 million other numbers, for every task again. Must it? Methods of *parameter-efficient
# fine-tuning* (PEFT) leave the body as it is, to the bit, and learn a little beside it: a matrix of low rank, the biases, a small layer, a few
# vectors in front of the text. In this unit you build them, count what they save and measure what they do not save. Then you look for the place
# where they lose.
#
# Plan for 90 minutes: eight short exercises, a quiz and a question in your own words. Two more exercises are optional. You should know what
# freezing is (unit 05).

# %% [markdown]
# ## Predict
#
# **glyphnet** learned to name letters. It is to read handwritten digits whose 64 pixels have been put into **another order**, the same for every image: you
# could not read them, and nothing that glyphnet knows about strokes applies. There are 60 labelled images of each digit. Three ways: a new head alone; the head
# and LoRA of rank 1, an update that is as narrow as it can be; everything. Write down your guesses of the test accuracy.

# %%
guess = {"head alone": 0.5, "LoRA 1": 0.5, "everything": 0.5}  # your guesses, from 0 to 1

# %% tags=["setup"]
import numpy as np

from tlkit import check, quiz
from tlkit.explore import peft as pictures

# %% tags=["demo"]
pictures.ways("scrambled digits", 60)

# %% [markdown]
# Runs that were made beforehand, several seeds a point. On the left: accuracy against the number of parameters that train, which grows tenfold from line to line. In the
# middle: what one step of training holds in memory (the **moments** are the two running means that AdamW keeps for each parameter that trains). On the right: how long a step takes.

# %% tags=["demo"]
for way, values in pictures.measured("scrambled digits", 60).items():
    if way in guess:
        print(f"{way:11} you said {guess[way]:.2f}, measured {values.mean():.3f}")

# %% [markdown]
# Did the head alone surprise you? It looks for no strokes. To layers that fit nothing, one order of the pixels is like another: what they give still differs from image to image, and with 60 labels of each digit a linear rule finds ten classes in it. How much of that is
# the body's merit? Here is a linear rule on the 64 pixels themselves, to which the order makes no difference at all:

# %% tags=["demo"]
from sklearn.linear_model import LogisticRegression

from tlkit import load_task

digits = load_task("digits", labels_per_class=60, seed=0)
pixels = LogisticRegression(max_iter=1000).fit(digits.train.inputs.flatten(1), digits.train.labels)
print(f"logistic regression on the pixels: test accuracy {pixels.score(digits.test.inputs.flatten(1), digits.test.labels):.3f}")

# %% [markdown]
# It is about as good as everything with the body. Far from what a body knows, whatever does without it belongs into the comparison.

# %% [markdown]
# Now look around. Take the plain digits, which are near to letters, then two labels of each in place of 60, then the tickets, whose body is MiniLM, a small BERT. Move the
# slider through the ways and read the sentence below the table: it compares with training everything, seed by seed. A difference whose interval holds 0 is one that these runs
# cannot tell from none.

# %% tags=["demo"]
pictures.explore_ways()

# %% [markdown]
# Three questions to take along. Where are few parameters enough, and where are they not? Which of the columns shrinks with the parameters: the memory, the seconds, both? And in the middle, the grey
# part of the bars is the body's own weights: why is it (nearly) the same for all ways?
#
# (Every way was tuned by itself, with two learning rates for each, of which the validation data of the first draw of labels chose one; and all had the same number of epochs. Two are few: whoever tries
# more may find a little more anywhere. In all ways but “everything”, glyphnet's BatchNorm keeps its statistics; there they follow the new images.)

# %% [markdown]
# ## What is claimed
#
# The text that this course grew from says of PEFT, in 2.1, that it adapts large models at a low cost in *computation*, and lists *distillation* beside it. The first is for you to judge in this unit, with
# numbers. Of the second, ask what distillation leaves you with when it is done: the body as it was, or another model? Keep both in mind.

# %% [markdown]
# ## A low-rank update
#
# Let $W$ be the weight of a linear layer, $O$ outputs by $I$ inputs. Fine-tuning replaces it by $W + \Delta$ with any $\Delta$. **LoRA** (low-rank adaptation) says: let $\Delta$ be a product of two
# thin matrices, $A$ with $R$ rows of $I$ and $B$ with $O$ rows of $R$:
#
# $$y = W x + b + \frac{\alpha}{R}\, B A x$$
#
# $W$ and $b$ stay. $A$ and $B$ learn. The **rank** $R$ is a small number. $\alpha$ is a setting; it is divided by $R$ so that the learning rate which is right for one rank is about right for another.
# At the start $B$ is zero, so that the layer does exactly what it did before; and $A$ is random, so that something can be learned.

# %% tags=["setup"]
import torch
from torch import nn

from tlkit import adapt, finetune, load_backbone, peft, plans

# %% [markdown]
# ### Exercise 1: a low-rank update
#
# *12 minutes, 4 points, medium.* Write the module `LoRALinear(base, rank, alpha)` by the formula above.
#
# - `base` is an `nn.Linear`, with or without a bias, that comes frozen (its parameters say `requires_grad=False`): leave it so, and never change its numbers. Keep it, no copy of it, as `self.base`.
# - `self.down` is $A$, an `nn.Parameter` (R, I), that starts at small random numbers (for example `nn.init.kaiming_uniform_(tensor, a=5**0.5)`, as torch draws linear layers).
# - `self.up` is $B$, an `nn.Parameter` (O, R), that starts at zero. The module has no other parameters than these and the base's.
# - `forward(x)` takes x (..., I), with any number of axes in front or none, and gives (..., O), in training and in evaluation mode alike. Gradients reach A, B and x, from the first step on.
# - `alpha` is a float. A rank below 1, or above the smaller one of I and O, is a `ValueError` when the module is made.

# %% nbgrader={"grade": false, "grade_id": "09-lora", "locked": false, "schema_version": 3, "solution": true, "task": false}
class LoRALinear(nn.Module):
    """A frozen linear layer and a low-rank update: y = W x + b + (alpha / R) B A x."""

    def __init__(self, base, rank, alpha):
        super().__init__()
        ### BEGIN SOLUTION
        outputs, inputs = base.weight.shape
        if not 1 <= rank <= min(outputs, inputs):
            raise ValueError(f"rank={rank} must lie between 1 and {min(outputs, inputs)}")
        self.base = base
        self.down = nn.Parameter(torch.empty(rank, inputs))
        self.up = nn.Parameter(torch.zeros(outputs, rank))
        nn.init.kaiming_uniform_(self.down, a=5**0.5)
        self.scale = alpha / rank
        ### END SOLUTION

    def forward(self, x):
        ### BEGIN SOLUTION
        return self.base(x) + self.scale * (x @ self.down.T @ self.up.T)
        ### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "09-lora-check", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
check("09.lora")

# %% [markdown]
# Why not both zero, or both random? The next cell trains the library's layer for a hundred steps towards another matrix, from three starts.

# %% tags=["demo"]
def fitted(start, steps=100):
    torch.manual_seed(0)
    layer = peft.LoRALinear(nn.Linear(20, 10).requires_grad_(False), rank=4, alpha=8.0)
    x = torch.randn(64, 20)
    wanted = layer.base(x) + x @ (torch.randn(20, 2) @ torch.randn(2, 10)) / 10        # what is missing has rank 2
    with torch.no_grad():
        if start == "both zero":
            layer.down.zero_()
        if start == "both random":
            layer.up.normal_()
    optimizer = torch.optim.AdamW([layer.down, layer.up], lr=0.02, weight_decay=0.0)
    losses = []
    for _ in range(steps):
        loss = (layer(x) - wanted).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


for start in ("B zero, A random", "both zero", "both random"):
    losses = fitted(start)
    print(f"{start:17} loss at the start {losses[0]:7.4f}, after {len(losses)} steps {losses[-1]:7.4f}")

# %% [markdown]
# With both zero the loss does not move by one digit: the gradient of $A$ has $B$ as a factor, and that of $B$ has $A$. With both random the start is worse than with no update at all: something good was
# disturbed, and has to be mended first.

# %% [markdown]
# ## What it costs, by arithmetic
#
# For one weight, $A$ and $B$ together have $R\,(I + O)$ numbers, where $W$ has $I\,O$. A convolution with a kernel of $K\times K$ reads $I = I' K K$ numbers, of $I'$ channels: its weight has the shape (O, I', K, K). AdamW keeps two
# running means, the **moments**, for each number that trains: that of its gradient, and that of the gradient's square. In float32 each takes four bytes.

# %% [markdown]
# ### Exercise 2: parameters and memory, by arithmetic
#
# *6 minutes, 2 points, easy.* Write `lora_cost(shapes, rank)`.
#
# - `shapes`: a list of the shapes of the weights that get an update, each a tuple: (O, I) of a linear layer, (O, I', K, K) of a convolution, (O, I', K) of one along a single axis. The first number is always O, and I is the product of all others. A shape may stand there several times, and counts each time.
# - Return a tuple of three: how many **parameters** A and B of all these weights have together, a whole number; how many **bytes** AdamW's moments for them take in float32, a whole number; and which **share** of the weights' own numbers the parameters are (0.1 for a tenth).
# - A rank below 1, or above the smaller of O and I of *any* of the weights, is a `ValueError`.

# %% nbgrader={"grade": false, "grade_id": "09-count", "locked": false, "schema_version": 3, "solution": true, "task": false}
def lora_cost(shapes, rank):
    """Parameters of the updates, bytes of AdamW's moments for them, and their share of the weights' own numbers."""
    ### BEGIN SOLUTION
    parameters, full = 0, 0
    for outputs, *rest in shapes:
        inputs = int(np.prod(rest))
        if not 1 <= rank <= min(outputs, inputs):
            raise ValueError(f"rank={rank} does not fit a weight of {outputs} x {inputs}")
        parameters += rank * (inputs + outputs)
        full += outputs * inputs
    return parameters, 2 * 4 * parameters, parameters / full
    ### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "09-count-check", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("09.count")

# %% [markdown]
# By this arithmetic one can look at bodies that would not fit here. Choose one and a rank; updates lie beside the queries and values of each block. (Activations come on top: they depend on the batch.)

# %% tags=["demo"]
pictures.explore_memory()

# %% [markdown]
# Arithmetic should be checked against the thing itself. Here are two optimisers for four linear layers and a convolution, one of everything and one of LoRA beside them, after one step each. Their state is counted, byte by byte:

# %% tags=["demo"]
def some_layers():
    torch.manual_seed(0)
    return [*(nn.Linear(256, 256) for _ in range(4)), nn.Conv2d(32, 64, 3)]


shapes = [layer.weight.shape for layer in some_layers()]
for name, rank in (("everything", None), ("LoRA of rank 1", 1), ("LoRA of rank 8", 8)):
    layers = some_layers()
    if rank is not None:
        layers = [peft.LoRALinear(layer.requires_grad_(False), rank) if isinstance(layer, nn.Linear) else peft.LoRAConv(layer.requires_grad_(False), rank)
                  for layer in layers]
    trains = [parameter for layer in layers for parameter in layer.parameters() if parameter.requires_grad]
    for parameter in trains:
        parameter.grad = torch.ones_like(parameter)             # as a way back would leave it
    optimizer = torch.optim.AdamW(trains, lr=1e-3)
    optimizer.step()
    state = sum(values.nbytes for each in optimizer.state.values() for values in each.values() if values.ndim)
    by_hand = peft.low_rank_cost(shapes, rank)[:2] if rank else (sum(p.numel() for p in trains), 8 * sum(p.numel() for p in trains))
    print(f"{name:15} {sum(p.numel() for p in trains):8,} parameters train, AdamW's moments have {state:9,} bytes; by arithmetic {by_hand[0]:,} and {by_hand[1]:,}")

# %% [markdown]
# ## What it costs, by the clock
#
# And the seconds? The way forward goes through the whole body, with or without LoRA, and the way back does too, down to the lowest update. What falls away are the gradients of the frozen weights, and their update; what is added are the updates themselves.
# These were measured on one core of a CPU, with the same batch for all:

# %% tags=["demo"]
for task in ("digits", "tickets"):
    found = pictures.costs(task)
    full = found["everything"]
    print(f"{pictures.results()['bodies'][task] + ':':16}{'moments':>8}{'all memory':>16}{'seconds of a step':>18}, as shares of those of everything")
    for way, each in found.items():
        moments = each["bytes"]["moments"] / full["bytes"]["moments"]
        memory = sum(each["bytes"].values()) / sum(full["bytes"].values())
        print(f"    {way:11} {moments:8.4f}          {memory:6.2f}            {each['seconds'] / full['seconds']:6.2f}")

# %% [markdown]
# So the claim of 2.1 holds for the wrong thing. The optimiser's state shrinks with the parameters that train, by a factor of five for LoRA of rank 16 beside the small body and of more than a thousand for rank 1 beside MiniLM. All memory shrinks less: the weights stay.
# So do the activations beside glyphnet; beside MiniLM about half of them go, since a frozen layer need not keep its input for the gradient of its weight. And time shrinks least; where the body is small, a step with LoRA takes *longer* than one of everything. (On a GPU and for larger bodies the numbers are others; measure yours.) What does save time is to train the head alone: there is no way back through the body at all, and nothing to keep for it.

# %% [markdown]
# ## Merging
#
# Beside the body, an update costs time in every answer. But it is linear, so it can be written into the weight: $W' = W + \frac{\alpha}{R} B A$. The merged layer answers as the trained one, at the price of the plain one. If the old $W$ is kept, it can come back.

# %% [markdown]
# ### Exercise 3: merge and unmerge
#
# *10 minutes, 3 points, medium.* Here is a layer as in exercise 1, with its beginning written for you. Write the rest.
#
# - `merge()` writes $W + \frac{\alpha}{R} B A$ into `self.base.weight`. The weight still requires no gradient, and the bias, A and B stay as they are. If it is merged already, even with B still zero, it raises a `ValueError` and changes nothing.
# - `unmerge()` gives `self.base.weight` its old numbers back, **to the bit**. If it is not merged, it raises a `ValueError`.
# - `forward(x)` takes x (..., I), with any number of axes in front, as in exercise 1, and gives the same output, up to rounding, whether it is merged or not. Gradients reach x in either case, and A and B while it is not merged.
# - After `unmerge` it can be merged again. What the two methods return does not matter.

# %% nbgrader={"grade": false, "grade_id": "09-merge", "locked": false, "schema_version": 3, "solution": true, "task": false}
class MergeableLoRA(nn.Module):
    """A linear layer with a low-rank update that can be written into its weight, and taken out again."""

    def __init__(self, base, rank, alpha):
        super().__init__()
        self.base = base                                                        # frozen, W (O, I)
        self.down = nn.Parameter(torch.randn(rank, base.in_features) / rank)    # A (R, I)
        self.up = nn.Parameter(torch.zeros(base.out_features, rank))            # B (O, R)
        self.scale = alpha / rank
        self.kept = None                                                        # for you to use, or not

    def forward(self, x):
        ### BEGIN SOLUTION
        y = self.base(x)
        return y if self.kept is not None else y + self.scale * (x @ self.down.T @ self.up.T)
        ### END SOLUTION

    def merge(self):
        ### BEGIN SOLUTION
        if self.kept is not None:
            raise ValueError("it is merged already")
        with torch.no_grad():
            self.kept = self.base.weight.clone()
            self.base.weight += self.scale * self.up @ self.down
        ### END SOLUTION

    def unmerge(self):
        ### BEGIN SOLUTION
        if self.kept is None:
            raise ValueError("it is not merged")
        with torch.no_grad():
            self.base.weight.copy_(self.kept)
        self.kept = None
        ### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "09-merge-check", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
check("09.merge")

# %% [markdown]
# ## What merging costs
#
# Train LoRA on a few tickets, with the library's own layers, and merge it. The training takes up to a minute. Look at how long an answer takes beside the body and merged; how far the answers are apart; how many numbers of the weight come back when the update is subtracted again, or from a copy; and how much of the update is lost if the weights have fewer digits.

# %% tags=["demo"]
import time

tickets = load_task("tickets", labels_per_class=8, seed=0)
body = load_backbone("minilm")
published = peft.body_digests(body)                     # the sha256 of each stage's weights, for later
model = adapt(body, tickets)
run = finetune(model, tickets, plans.lora(rank=4, epochs=8, learning_rate=1e-3, batch_size=4, frozen=5, patience=None))  # updates in the two uppermost blocks
updates = body.added                                    # what was put in and learned


def share_right(model):
    """Of the test texts, 16 at a time."""
    with model.evaluating():
        outputs = torch.cat([model(tickets.test.inputs[start : start + 16]) for start in range(0, len(tickets.test), 16)])
    return float((outputs.argmax(dim=1) == tickets.test.labels).float().mean())


print(f"accuracy {share_right(model):.3f} with", f"{sum(p.numel() for p in model.parameters() if p.requires_grad):,} parameters that train")

# %% tags=["demo"]
def answered(texts, repeats=5):
    took = []
    with model.evaluating():
        for _ in range(repeats):
            started = time.perf_counter()
            outputs = model(texts)
            took.append(time.perf_counter() - started)
    return outputs, min(took)


if body.added is None:
    updates.install()                                   # a later cell has taken them out
texts = tickets.test.inputs[:16]
beside, time_beside = answered(texts)
around = list(updates.arounds.values())[-1]
plain_weight = around.base.weight.clone()
peft.merge(model)
merged, time_merged = answered(texts)
print(f"beside the body {1e3 * time_beside:.1f} ms, merged {1e3 * time_merged:.1f} ms for {len(texts)} texts")
print(f"largest difference of an output: {(beside - merged).abs().max():.1e}, of outputs up to {beside.abs().max():.1f}")
subtracted = around.base.weight - around.update()
print(f"unmerged by subtraction, {(subtracted != plain_weight).float().mean():.0%} of the weight's numbers are not what they were")
peft.unmerge(model)
print(f"unmerged from a copy,     {(around.base.weight != plain_weight).float().mean():.0%}")
low = plain_weight.bfloat16()
left = (low + around.update().bfloat16()).float() - low.float()
lost = (left - around.update()).norm() / around.update().norm()
print(f"merged into bfloat16 weights, what is written differs from the update by {lost:.0%} of its size")

# %% [markdown]
# Merging is not free. The copy that brings back $W$ is as large as $W$. A merged model is a whole body again, so tasks no longer share one. And in bfloat16, which has less than three digits, an update that is small beside the weight loses some per cent of itself:
# merge in float32, and round once, or keep the update beside the weights.

# %% [markdown]
# ## What to save
#
# One file of a hundred kilobytes a task in place of one of a hundred megabytes: that is where PEFT shines. But what has to be in it? Whatever is not in the published body that everybody has.

# %% [markdown]
# ### Exercise 4: what a small artefact holds
#
# *6 minutes, 2 points, easy.* Write `small_artefact(state, trained)`.
#
# - `state`: a dict, name → tensor, of all tensors of a model. Names of the body begin with `backbone.`; what does not begin so (head, a scale, ...) is not of the body.
# - `trained`: a list of the names of what trained, in the body or not. All of them are in `state`.
# - Return a dict, name → tensor, of those that have to be kept: what trained; what is not of the body, trained or not; and the statistics of BatchNorm, wherever they are: tensors whose last part of the name is `running_mean`, `running_var` or `num_batches_tracked`.

# %% nbgrader={"grade": false, "grade_id": "09-keep", "locked": false, "schema_version": 3, "solution": true, "task": false}
def small_artefact(state, trained):
    """The tensors that have to be kept beside a published body: a dict, name -> tensor."""
    ### BEGIN SOLUTION
    statistics = ("running_mean", "running_var", "num_batches_tracked")
    return {name: values for name, values in state.items()
            if name in trained or not name.startswith("backbone.") or name.split(".")[-1] in statistics}
    ### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "09-keep-check", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("09.keep")

# %% [markdown]
# ### Exercise 5: put onto a body, or refused
#
# *6 minutes, 2 points, easy.* Write `restore(state, small, needed)`, which puts such an artefact onto a model and notices when it does not fit.
#
# - `state`: all tensors of the model, a dict name → tensor; `small`: the artefact, such a dict too; `needed`: a list of names that the artefact must hold.
# - Return a **new** dict with all names of `state`: the artefact's tensors where it has them, the model's own elsewhere. `state` and `small` stay as they are. The artefact may hold more than is needed; nothing may be needed, and then it may hold nothing.
# - Raise a `ValueError` if the artefact has a name that is not in `state`; if a needed name is not in the artefact; or if a tensor's shape is another than that of the same name in `state`. Nothing else is an error: number types may differ.

# %% nbgrader={"grade": false, "grade_id": "09-restore", "locked": false, "schema_version": 3, "solution": true, "task": false}
def restore(state, small, needed):
    """The model's tensors with those of the artefact in their places; a ValueError where it does not fit."""
    ### BEGIN SOLUTION
    for name in needed:
        if name not in small:
            raise ValueError(f"{name} is missing")
    for name, values in small.items():
        if name not in state:
            raise ValueError(f"{name} is not in the model")
        if values.shape != state[name].shape:
            raise ValueError(f"{name} has another shape")
    return {**state, **small}
    ### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "09-restore-check", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("09.restore")

# %% [markdown]
# Here is why it matters. The model from above is saved as the library does it, small; then what was learned is loaded in three ways onto a fresh model. torch's `load_state_dict(strict=False)` raises nothing in any of them.

# %% tags=["demo"]
import tempfile
from pathlib import Path

if body.added is None:
    updates.install()                                   # this cell ran before
with tempfile.TemporaryDirectory() as folder:
    path = run.save(Path(folder) / "tickets.tl", body=False)
    print(f"the small artefact      {path.stat().st_size:12,} bytes")
state = model.state_dict()
print(f"all tensors of the model{sum(values.nbytes for values in state.values()):12,} bytes")
learned = {f"backbone.{name}" for name in updates.trained_names()}
small = {name: values for name, values in state.items() if name in learned or name.startswith("head.")}
loads = {"all of it": small, "without the head": {name: values for name, values in small.items() if name in learned},
         "a prefix too many": {f"model.{name}": values for name, values in small.items()}}
print()
updates.uninstall()                                     # what was learned is taken out, and the body is free
for name, artefact in loads.items():
    fresh = adapt(body, tickets, seed=1)                # a head as it is drawn
    peft.place(body, run.plan.method, seed=1)           # and updates that add nothing yet
    report = fresh.load_state_dict(artefact, strict=False)
    print(f"{name:18} accuracy {share_right(fresh):.3f}; unexpected names, which nobody looks at: {len(report.unexpected_keys)}")
    peft.remove(body)
print(f"guessing: {1 / len(tickets.classes):.3f}")

# %% [markdown]
# (The names of the classes, in their order, belong in the file too; unit 07 showed what happens otherwise. The library's artefact also holds the sha256 of each stage of the body, and refuses another one.)
#
# ## The body stays
#
# What about the source task? Full fine-tuning forgets it (unit 05). Here everything that was put in has been taken out again, after training, merging, unmerging and three other artefacts. The body is what it was, to the bit:

# %% tags=["demo"]
now = peft.body_digests(body)
for stage, digest in published.items():
    print(f"{stage:11} {digest[:16]}...  {'as it was' if now[stage] == digest else 'differs'}")

# %% [markdown]
# ## Other ways to be small
#
# LoRA is one answer to the question of what to learn beside a body. Three others:
#
# - **BitFit**: of the body itself, the biases alone.
# - **Adapters**: behind a layer a small one with a bottleneck, added to what comes.
# - **Prompt tuning**: in front of the text some vectors that stand for no word.
#
# A fourth one, **(IA)³**, multiplies what is inside the layers by learned factors, one for each feature; it is in the list at the end of this part.

# %% [markdown]
# ### Exercise 6: the biases
#
# *4 minutes, 2 points, easy.* Write `bias_names(model)`: the names of the parameters that learn in BitFit.
#
# - `model` is an `nn.Module`: a single layer, or a network whose parts may have parts of their own. Its layers may be linear layers, embeddings, norms (BatchNorm, LayerNorm) and others, with or without a bias; what is in it may be frozen.
#   Change nothing in it: no numbers, nothing of what trains, no modes.
# - Return a list of those names of `model.named_parameters()` whose last part, all that stands behind the last dot, is `bias`, whatever layer it belongs to and whether it is frozen or not: the shift of a norm is one too. The order does not matter.

# %% nbgrader={"grade": false, "grade_id": "09-bitfit", "locked": false, "schema_version": 3, "solution": true, "task": false}
def bias_names(model):
    """The names of all biases of a model."""
    ### BEGIN SOLUTION
    return [name for name, parameter in model.named_parameters() if name.split(".")[-1] == "bias"]
    ### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "09-bitfit-check", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("09.bitfit")

# %% [markdown]
# ### Exercise 7: a bottleneck behind a layer
#
# *8 minutes, 2 points, medium.* Write the module `Adapter(base, size, bottleneck)`. With $y$ what the base gives,
#
# $$\text{adapter}(x) = y + W_{\text{up}}\, \mathrm{relu}(W_{\text{down}}\, y + b_{\text{down}}) + b_{\text{up}}, \qquad y = \text{base}(x)$$
#
# - `base` is an `nn.Linear` that comes frozen: leave it so. Keep it, no copy of it, as `self.base`. It gives tensors (..., `size`).
# - `self.down` is an `nn.Linear` from `size` to `bottleneck`, `self.up` one from `bottleneck` to `size`, both with a bias. They are the only things that learn.
# - `self.up`, weight and bias, starts at zero, so that nothing changes at first. `self.down` starts as torch draws it. Gradients reach both and x, from the first step on. Training and evaluation mode give the same.

# %% nbgrader={"grade": false, "grade_id": "09-adapter", "locked": false, "schema_version": 3, "solution": true, "task": false}
class Adapter(nn.Module):
    """What the base gives, plus a small layer with a bottleneck that reads it."""

    def __init__(self, base, size, bottleneck):
        super().__init__()
        ### BEGIN SOLUTION
        self.base = base
        self.down = nn.Linear(size, bottleneck)
        self.up = nn.Linear(bottleneck, size)
        nn.init.zeros_(self.up.weight)
        nn.init.zeros_(self.up.bias)
        ### END SOLUTION

    def forward(self, x):
        ### BEGIN SOLUTION
        y = self.base(x)
        return y + self.up(torch.relu(self.down(y)))
        ### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "09-adapter-check", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("09.adapter")

# %% [markdown]
# Because of the relu, no matrix says what an adapter does: it cannot be merged, and costs time in every answer. It can also do what no low-rank update can, for the same reason.
#
# ### Exercise 8: places in front of the input
#
# *6 minutes, 2 points, easy.* Write `with_prompts(hidden, mask, prompts)`: P learned places in front of every sentence, which attention sees beside the words.
#
# - `hidden`: a float tensor (B, T, H), a vector for each place; `mask`: (B, T), True (or 1) where there is a word and False (or 0) on padding, which may lie at either end. It is a bool or an int64 tensor.
# - `prompts`: a float tensor (P, H), the same for every sentence.
# - Return a tuple of two: the hidden states (B, P + T, H) with the prompts in front, in their order; and the mask (B, P + T), in which every prompt is seen, by a sentence without a word too, of the same type as `mask` (bool or int64). Gradients reach `hidden` and `prompts`.

# %% nbgrader={"grade": false, "grade_id": "09-prompts", "locked": false, "schema_version": 3, "solution": true, "task": false}
def with_prompts(hidden, mask, prompts):
    """Prompts in front of every sentence, and its mask: (B, P + T, H), (B, P + T)."""
    ### BEGIN SOLUTION
    front = prompts.expand(len(hidden), *prompts.shape)
    seen = mask.new_ones(len(mask), len(prompts))
    return torch.cat([front, hidden], dim=1), torch.cat([seen, mask], dim=1)
    ### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "09-prompts-check", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("09.prompts")

# %% [markdown]
# All of these are plans of the library. What learns in each, beside the head, and whether it can be merged:

# %% tags=["demo"]
from tlkit.errors import TlkitError

for method in (peft.LoRA(rank=4), peft.BitFit(), peft.Adapters(bottleneck=16), peft.PromptTuning(count=10), peft.IA3()):
    added = peft.place(body, method)
    numbers = sum(parameter.numel() for parameter in added.parameters)
    try:
        peft.merge(body)
        can = "can be merged"
        peft.unmerge(body)
    except TlkitError as error:
        can = str(error)
    peft.remove(body)
    print(f"{method!s:32} {numbers:8,} numbers; {can}")

# %% [markdown]
# ## When does it lose?
#
# Back to the runs from the beginning, now all of them, with the difference to training everything, seed by seed.

# %% tags=["demo"]
print(pictures.comparison())

# %% [markdown]
# Read it setting by setting, and look at the intervals before you look at the means. Near to what the body knows (digits, tickets), no way can be told apart from training everything, and the head alone keeps up. Far from it (scrambled digits) with two labels of
# each, everything leans ahead, and most intervals still hold 0. Far from it with sixty, everything is ahead of every other way, and no rank that was tried closes the gap. The largest is not even the best of them: these runs had two rates and six epochs each, and what suits
# one rank need not suit another. You will say below what makes the difference.

# %% [markdown]
# ## Reflect
#
# Six questions; one letter for each.

# %%
quiz("09.quiz")

# %% nbgrader={"grade": false, "grade_id": "09-quiz", "locked": false, "schema_version": 3, "solution": true, "task": false}
answers = [  # one letter in quotes for each question, in order: "a", "c", ...
    ### BEGIN SOLUTION
    "b",
    "a",
    "b",
    "c",
    "a",
    "c",
    ### END SOLUTION
]

# %% nbgrader={"grade": true, "grade_id": "09-quiz-check", "locked": true, "points": 6, "schema_version": 3, "solution": false, "task": false}
check("09.quiz")

# %% [markdown]
# ### In your own words
#
# *5 minutes, 2 points; a person reads this one.* Explain the table above to somebody who wants to use LoRA “because it is always as good”. Name one setting in which that is borne out and one in which it is not, with their numbers, and say what makes the difference. What would you measure before you decide for a task of your own?

# %% [markdown] nbgrader={"grade": true, "grade_id": "09-explain", "locked": false, "points": 2, "schema_version": 3, "solution": true, "task": false}
# One point for the two settings with numbers and a reason; one point for what to measure. Half a point for a half of either.
#
# - Borne out: digits or tickets, where the interval of the difference holds 0 (numbers from the table). The task is near to what the body knows: its features need to be turned a little, and a low-rank change, or the head alone, is enough. With few labels
#   there is also little to learn a large change from.
# - Not borne out: scrambled digits with 60 labels of each; everything is ahead, and the interval does not hold 0. The features that the body has are of little use there; new ones have to be learned, in all layers, and there are labels for it. A narrow change beside weights that stay cannot make them.
#   (Also right: the statistics of BatchNorm stay in one and follow in the other; a higher rank narrows the gap, if the table shows it.)
# - To measure: both ways tuned alike (equally many rates) on validation data, several seeds, differences seed by seed with an interval, at the number of labels that one has; and the head alone as a baseline. Memory and seconds, if they are the reason. The test set at the end, once.

# %% [markdown]
# ## The same on real data
#
# banking77 holds what customers wrote to a bank: 77 intents, many of them close neighbours. Where it is on this machine (in the folder that `TLKIT_DATA` names, or downloaded before), this cell trains a head alone, and a head with LoRA in the
# two uppermost blocks, on two labelled texts of each intent, and answers 200 test texts. It is a taste: one seed, and nothing tuned. `python -m benchmarks.peft` measures it in earnest.

# %% tags=["demo"]
import dataclasses

from tlkit.data.downloads import is_here
from tlkit.evaluation import accuracy

if is_here("banking77/train.csv") and is_here("banking77/test.csv"):
    bank = load_task("banking77", labels_per_class=2, seed=0)
    some = torch.from_numpy(np.random.default_rng(0).choice(len(bank.test), 200, replace=False))
    bank = dataclasses.replace(bank, test=bank.test.select(some), val=bank.val.select(torch.arange(64)))
    for name, plan in (("head alone", plans.linear_probe(epochs=30, patience=None)),
                       ("LoRA, rank 4", plans.lora(rank=4, epochs=8, learning_rate=3e-3, batch_size=16, frozen=5, patience=None))):
        trained = finetune(adapt(body, bank), bank, plan)
        print(f"{name:13} accuracy {accuracy(trained.model, bank.test):.3f} (guessing: {1 / len(bank.classes):.3f})")
        if body.added is not None:
            peft.remove(body)
else:
    print('banking77 is not on this machine; load_task("banking77") downloads it')

# %% [markdown]
# ## If you want more
#
# Two exercises without points.
#
# ### Exercise 9 (optional): a low-rank update of a convolution
#
# *10 minutes, hard.* Write the module `LoRAConv(base, rank, alpha)`: LoRA beside an `nn.Conv2d` with a kernel of K x K, in one group, with zeros as padding.
#
# - `self.down` is $A$, an `nn.Parameter` (R, I', K, K) that starts at small random numbers: the kernel of a convolution from I' to R channels, with the base's own stride, padding and dilation (which may be others downwards than across) and without a bias.
# - `self.up` is $B$, an `nn.Parameter` (O, R) that starts at zero: it goes from R to O channels, at each place of the picture by itself.
# - `forward(x)` takes x (N, I', height, width) and gives what the base gives, plus $\frac{\alpha}{R}$ times the update, in training and in evaluation mode alike. Gradients reach A, B and x, from the first step on. Keep the base, no copy of it, as `self.base`; it comes frozen, and stays so. No rank has to be refused.

# %% nbgrader={"grade": false, "grade_id": "09-conv", "locked": false, "schema_version": 3, "solution": true, "task": false}
class LoRAConv(nn.Module):
    """A frozen convolution and a low-rank update beside it."""

    def __init__(self, base, rank, alpha):
        super().__init__()
        ### BEGIN SOLUTION
        self.base, self.scale = base, alpha / rank
        self.down = nn.Parameter(torch.empty(rank, *base.weight.shape[1:]))
        self.up = nn.Parameter(torch.zeros(base.out_channels, rank))
        nn.init.kaiming_uniform_(self.down, a=5**0.5)
        ### END SOLUTION

    def forward(self, x):
        ### BEGIN SOLUTION
        narrow = nn.functional.conv2d(x, self.down, None, self.base.stride, self.base.padding, self.base.dilation)
        return self.base(x) + self.scale * nn.functional.conv2d(narrow, self.up[:, :, None, None])
        ### END SOLUTION

# %% tags=["demo"]
check("09.conv")

# %% [markdown]
# ### Exercise 10 (optional): attention with a prefix
#
# *10 minutes, hard.* **Prefix tuning** puts learned keys and values in front of those of every block; unlike prompts they are given to each block directly, and are no places that pass through the network. Write `attend(query, key, value, prefix_keys, prefix_values, mask)`:
#
# $$\text{softmax}\!\left(\frac{Q\,[P_K; K]^\top}{\sqrt{D}}\right) [P_V; V]$$
#
# - `query`, `key`, `value`: float tensors (B, N, T, D), for N heads; `prefix_keys`, `prefix_values`: (N, P, D), the same for every example.
# - `mask`: None, or a bool tensor (B, 1, T, T) that says which places (last axis) a place (the axis before it) sees of the sentence: True is seen. Every place sees the whole prefix, also one that sees nothing of the sentence.
# - Return (B, N, T, D). Gradients reach query, key, value and both prefixes.

# %% nbgrader={"grade": false, "grade_id": "09-prefix", "locked": false, "schema_version": 3, "solution": true, "task": false}
def attend(query, key, value, prefix_keys, prefix_values, mask):
    """Attention in which every place also sees P learned keys and values: (B, N, T, D)."""
    ### BEGIN SOLUTION
    count = prefix_keys.shape[1]
    key = torch.cat([prefix_keys.expand(len(key), *prefix_keys.shape), key], dim=2)
    value = torch.cat([prefix_values.expand(len(value), *prefix_values.shape), value], dim=2)
    scores = query @ key.transpose(2, 3) / query.shape[-1] ** 0.5
    if mask is not None:
        mask = torch.cat([mask.new_ones(*mask.shape[:-1], count), mask], dim=-1)
        scores = scores.masked_fill(~mask, float("-inf"))
    return torch.softmax(scores, dim=-1) @ value
    ### END SOLUTION

# %% tags=["demo"]
check("09.prefix")

# %% [markdown]
# ## What to remember
#
# - **LoRA** is $W + \frac{\alpha}{R} B A$ with $W$ frozen, $B$ zero and $A$ random at the start. Both zero learns nothing.
# - What few parameters save is the **optimiser's state**, gradients, and storage for each task. Weights stay, activations shrink by half at best, and seconds fall little or rise.
# - **Merge** once, keep a copy to unmerge, and mind the digits of bfloat16.
# - A small artefact holds **what was learned, the head, the class names, BatchNorm's statistics**; loading it looks at names. `strict=False` may load nothing.
# - Near to what the body knows, few are enough. **Far from it, and with many labels, train more.** Tune both alike, and use several seeds.
# - Distillation makes another, smaller model; it is no method of few parameters. It has a unit of its own.
#
# ## Further reading
#
# - Hu et al. (2021), *LoRA: low-rank adaptation of large language models*. Section 4.1 is exercise 1.
# - Houlsby et al. (2019), *Parameter-efficient transfer learning for NLP*. Adapters.
# - Ben Zaken, Goldberg and Ravfogel (2022), *BitFit*. The biases, and how far they go.
# - Lester, Al-Rfou and Constant (2021), *The power of scale for parameter-efficient prompt tuning*. Why prompts want large models.
# - Li and Liang (2021), *Prefix-tuning*. Liu et al. (2022), *Few-shot parameter-efficient fine-tuning is better and cheaper than in-context learning*. (IA)³.
# - Biderman et al. (2024), *LoRA learns less and forgets less*. Where it loses, on large models.
