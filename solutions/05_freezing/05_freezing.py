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
# # 05 Freezing
#
# **What should move, and how fast?**
#
# A pretrained network knows something, and training it further is also a way to forget. So before the first step somebody has to
# decide: which parts stay as they are, which may change, how fast, and held by what? In this unit you make these decisions, see
# what each one costs in accuracy, seconds, memory and forgetting, and write the code that carries them out. Most of that code is
# short. Nearly all of it fails in silence.
#
# Plan for 90 minutes for the five exercises of the core; the two at the end are for whoever wants more. You should have trained a
# network before (unit 04). After each exercise there is a cell with `check("...")`: run it as often as you like.

# %% [markdown]
# ## Predict
#
# **glyphnet** is a small network that learned to name letters. It has four stages with weights: a stem and three blocks. It is to
# learn handwritten digits, seen through a **grainy** camera: every pixel is a little off, which no letter ever was. There are 20
# labelled images of each digit.
#
# First a new last layer is fitted, on a frozen body, and then whatever is not frozen learns on. You can freeze the first $k$ of the
# four stages: from $k=0$, everything moves, to $k=4$, the new last layer alone does. Write down your guesses: the share of new
# digits that are read correctly at both ends, and the $k$ that you would bet on.

# %%
guess = {"everything moves": 0.5, "the head alone moves": 0.5}  # your guesses, from 0 to 1
bet = 2                                                         # your k, from 0 to 4

# %% [markdown]
# ## See
#
# The next figure shows runs that were made beforehand, several seeds for each point. On the left: accuracy on digits by what is frozen,
# and how many of the old *letters* the network still reads afterwards, with its old head (dotted: how many it read before). In the
# middle: seconds. On the right: what one step of training holds in memory.

# %% tags=["setup"]
import numpy as np

from tlkit import check, quiz
from tlkit.explore import freezing as pictures

# %% tags=["demo"]
pictures.depths("grainy digits", labels_per_class=20)

# %% [markdown]
# How close were you?

# %% tags=["demo"]
found = pictures.measured("accuracy", "grainy digits", 20).mean(axis=1)
for said, mean in zip(guess, (found[0], found[-1])):
    print(f"{said:22} you said {guess[said]:.2f}, measured {mean:.3f}")
print(f"your k = {bet}: {found[bet]:.3f}; the best mean is {found.max():.3f}, at k = {found.argmax()}")

# %% [markdown]
# Now look around. Take the plain digits, which are close to letters, and then the grainy ones. Take fewer labels. Move the depth and
# read the sentence below the table: it compares your choice with freezing nothing, seed by seed. A difference whose ± reaches over 0
# is one that these runs cannot tell from none. (Everything works from the keyboard too.)

# %% tags=["demo"]
pictures.explore_depths()

# %% [markdown]
# Three questions to take along. Where does freezing cost accuracy, and where does it cost none? What happens to the letters, and is
# it the accuracy's price? And where do the seconds and the megabytes go?
#
# The letters are a warning: to freeze the first stages does not protect what was known. The later ones then move on top of them, and it is *their*
# movement that costs the letters; only a body that stays as it is keeps them all. (The **moments** in the right-hand picture are the two running
# means that AdamW holds for each weight that trains.)
#
# (Each depth was tuned by itself, on validation data, with two learning rates for each. Two are few: whoever tries more may find a little
# more at any depth.)

# %% [markdown]
# ## What is claimed
#
# The text that this course grew from speaks of freezing twice. In 1.2 it says that one should choose a strategy, such as freezing
# layers, smaller learning rates and regularisation, *to avoid overfitting* while generalising as well as possible. In step 3 of 3.2 it
# leaves two possibilities, *only the top layers or all parameters*, and names weight decay and dropout as regularisation. Neither
# says how.
#
# Each of these hides a question that you can answer by now, or will soon:
#
# - *to avoid overfitting*: with two labels a class, does freezing read more new digits than moving everything? Set the slider to 2 labels and
#   read the sentence below the table, for both tasks.
# - *top or all*: there are as many depths as stages, and the speed of each is a choice of its own.
# - *weight decay*: it pulls towards zero. Is zero where a pretrained weight should go?
# - what is not mentioned at all: a frozen network can change without a single weight moving. That comes first.

# %% [markdown]
# ## A network that forgets by looking
#
# Here is a network that reads clean digits: glyphnet's body, frozen, with a fitted head. Every parameter says `requires_grad=False`.
# There is no optimiser, no loss and no label in the next cell. A loop merely *shows* the network some grainy images, in training mode,
# as `model.train()` leaves it.
#
# Predict: what share of the clean digits does it read afterwards?

# %%
afterwards = 0.5  # your guess, from 0 to 1

# %% tags=["setup"]
import copy
import dataclasses

import torch

from tlkit import adapt, finetune, load_backbone, load_task, plans


def through_a_grainy_camera(task, grain=0.35, seed=0):
    """The same task, with an error on every pixel."""
    dice = torch.Generator().manual_seed(seed)
    splits = {name: dataclasses.replace(split, inputs=(split.inputs + grain * torch.randn(split.inputs.shape, generator=dice)).clamp(0, 1))
              for name, split in task.splits.items()}
    return dataclasses.replace(task, **splits)


clean = load_task("digits", labels_per_class=20, seed=0)
grainy = through_a_grainy_camera(clean)

# %% tags=["demo"]
from tlkit.explore.figures import Picture

shown = [int((clean.test.labels == digit).nonzero()[0]) for digit in range(10)]
for task, words in ((clean, "Ten handwritten digits as they are"), (grainy, "The same digits through a grainy camera")):
    display(Picture(pictures.draw_images(task.test.inputs[shown, 0].numpy(), [str(digit) for digit in range(10)]), words))

# %% tags=["demo"]
from tlkit.evaluation import accuracy

reader = finetune(adapt(load_backbone("glyphnet"), clean), clean, plans.linear_probe(epochs=50), progress=False).model
watched = copy.deepcopy(reader)
watched.requires_grad_(False)                        # "frozen"

watched.backbone.train()                             # what every training loop does first
for _ in range(5):
    for images in grainy.train.inputs.split(32):
        watched.backbone(images)                     # no loss, no labels, no optimiser
watched.eval()

print(f"you said {afterwards:.2f}\n")
print("share read              clean   grainy")
for name, model in (("before", reader), ("after looking", watched)):
    print(f"{name:20} {accuracy(model, clean.test):8.3f} {accuracy(model, grainy.test):8.3f}")

weights = {name: value for name, value in reader.named_parameters()}
print("\nlargest change of a weight:        ", float(max((value - weights[name]).abs().max() for name, value in watched.named_parameters())))
moved = {name: (value - dict(reader.named_buffers())[name]).abs().max() for name, value in watched.named_buffers() if "running" in name}
print("largest change of a running value: ", round(float(max(moved.values())), 2))

# %% [markdown]
# No weight moved, and yet it is another network. What moved are the **running statistics** of BatchNorm: the mean and variance of each
# feature that it notes on every way forward *in training mode*, and normalises with in evaluation mode. They are buffers, not
# parameters. No gradient is involved, so `requires_grad` does not hold them.
#
# Look at the second column before you call it damage. The grainy digits are read *better* than before: statistics that move are also
# a way to adapt, one that needs no labels (it has a name, AdaBN). What hurts is that it happens unasked. And it need not be as
# visible as here: had the loop shown clean digits, well shuffled, next to nothing would have changed. The mistake would have been the
# same.
#
# So a layer is frozen if three doors are shut:
#
# | what could change it | shut by |
# |---|---|
# | its gradient | `requires_grad_(False)`: then `.grad` is `None` |
# | the optimiser, which decays weights and has a memory | a `.grad` of `None`; one of *zeros* is a gradient |
# | the way forward: BatchNorm's statistics, dropout's dice | `layer.eval()`, **after** `model.train()`, which undoes it |

# %% [markdown]
# ### Exercise 1: an epoch with frozen layers
#
# *12 minutes, 4 points, medium.* Write `frozen_epoch`: one pass over the data, with the first `frozen` layers frozen.
#
# - `model` is an `nn.Sequential` of layers that hold no further layers; `frozen` counts them from the input, from 0 to all but one. All of its
#   parameters come in with `requires_grad=True` and without gradients.
# - `batches` gives pairs `(inputs, labels)`; the last batch may be smaller. `loss(outputs, labels)` is the mean over a batch.
#   `optimizer` holds **all** of the model's parameters, the frozen ones too, and may be an AdamW with weight decay.
# - For each batch: clear the gradients, go forward and back, take a step.
# - During the epoch the frozen layers are in evaluation mode and all others in training mode, whatever mode the model came in; leave them
#   so. (It is looked at where it matters, in BatchNorm and dropout.) No weight and no running statistic of a frozen layer changes by one bit.
# - Return the mean loss over all **examples** (each batch's loss as it was in training, before its step), as a number.
#
# (`model[:2]` is a Sequential of the first two layers; `list(model)` is a list of all.)

# %% nbgrader={"grade": false, "grade_id": "05-epoch", "locked": false, "schema_version": 3, "solution": true, "task": false}
def frozen_epoch(model, frozen, batches, loss, optimizer):
    """One epoch with the first `frozen` layers frozen.

    model: nn.Sequential; frozen: a number of layers
    batches: pairs (inputs, labels); loss: function of outputs and labels; optimizer: of all parameters
    returns: the mean loss over the examples
    """
    ### BEGIN SOLUTION
    model.train()
    for layer in model[:frozen]:
        layer.eval()
        layer.requires_grad_(False)
    total, examples = 0.0, 0
    for inputs, labels in batches:
        optimizer.zero_grad()
        value = loss(model(inputs), labels)
        value.backward()
        optimizer.step()
        total += value.item() * len(labels)
        examples += len(labels)
    return total / examples
    ### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "05-epoch-check", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
check("05.epoch")

# %% [markdown]
# The library keeps the second half of the table in one place: a model remembers which stages are frozen, and its `train()` leaves them
# in evaluation mode. `freeze` shuts the rest. Here is the same network again, frozen by it, and shown the same images:

# %% tags=["demo"]
from tlkit.freezing import freeze

held = freeze(copy.deepcopy(reader), reader.body)
held.train()
for images in grainy.train.inputs.split(32):
    held.backbone(images)
held.eval()
print("clean digits read after looking:", round(accuracy(held, clean.test), 3))
print("running values that moved:      ", sum(not torch.equal(value, dict(reader.named_buffers())[name]) for name, value in held.named_buffers()))

# %% [markdown]
# ## Frozen or adapted: a choice for BatchNorm
#
# In the stages that *do* train there is still a question. Should BatchNorm go on as in pretraining: normalise each batch with its own mean
# and variance, and let the running ones follow? Or should it keep the statistics of pretraining, also while its weights train?
#
# **Adapted** promises more where the new images look different, batches are large and steps are many. **Frozen** is right where batches are small or odd, where
# few steps are taken (running statistics need many steps to arrive), or where the old task has to survive. For a feature with values
# $x_1,\dots,x_B$ in the batch, both do
#
# $$y_i = \text{scale}\cdot\frac{x_i - m}{\sqrt{v + \epsilon}} + \text{shift},\qquad \epsilon = 10^{-5}.$$
#
# - **Frozen**: $m$ and $v$ are the running mean and variance, which stay as they are.
# - **Adapted**: $m$ is the batch's mean and $v = \frac1B\sum_i (x_i-m)^2$ its variance. The running ones move towards them:
#
# $$\text{mean} \leftarrow (1-\mu)\,\text{mean} + \mu\, m,\qquad
#   \text{variance} \leftarrow (1-\mu)\,\text{variance} + \mu\, v\,\tfrac{B}{B-1},$$
#
# where $\mu$ is called `momentum`. (The last fraction makes it an estimate for new data. It is there in torch as well.)

# %% [markdown]
# ### Exercise 2: statistics that are frozen, or adapt
#
# *10 minutes, 3 points, medium.* Write `batch_norm` by the formulas above.
#
# - `inputs` is a float tensor (B, F); `scale`, `shift`, `mean` and `variance` are tensors (F,), one number a feature; `momentum` is a number;
#   `frozen` is True or False.
# - Return three tensors in this order: `y` (B, F), the running mean afterwards (F,), the running variance afterwards (F,).
# - With frozen statistics B may be 1; with adapted ones it is 2 or more.
# - Leave the tensors that you are given as they are. Write the formulas: no ready-made BatchNorm. numpy is fine.

# %% nbgrader={"grade": false, "grade_id": "05-batchnorm", "locked": false, "schema_version": 3, "solution": true, "task": false}
def batch_norm(inputs, scale, shift, mean, variance, momentum, frozen):
    """BatchNorm with running statistics that are frozen, or adapt.

    inputs: tensor (B, F); scale, shift, mean, variance: tensors (F,); momentum: a number; frozen: True or False
    returns: y (B, F), the running mean (F,) and the running variance (F,) afterwards
    """
    ### BEGIN SOLUTION
    if frozen:
        m, v = mean, variance
    else:
        m, v = inputs.mean(dim=0), inputs.var(dim=0, unbiased=False)
        mean = (1 - momentum) * mean + momentum * m
        variance = (1 - momentum) * variance + momentum * inputs.var(dim=0)
    return scale * (inputs - m) / torch.sqrt(v + 1e-5) + shift, mean, variance
    ### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "05-batchnorm-check", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
check("05.batchnorm")

# %% [markdown]
# In the library this choice is a line of the plan. Here it is tried on both tasks: everything trains, for few steps, and only the statistics
# are told to adapt or to stay. (One seed: an anecdote, until you change it and run the cell again.)

# %% tags=["demo"]
seed = 0
short = plans.Plan("short", (plans.Phase(20, 0.0, 1e-2), plans.Phase(4, 1e-3, 1e-3)))
print("share of new digits read       clean   grainy")
for statistics in ("adapted", "frozen"):
    shares = []
    for task in (clean, grainy):
        run = finetune(adapt(load_backbone("glyphnet"), task, seed=seed), task, short.changed(batchnorm=statistics), seed, progress=False)
        shares.append(run.accuracy("test"))
    print(f"statistics {statistics:16} {shares[0]:8.3f} {shares[1]:8.3f}")

# %% [markdown]
# ## How fast: a rate for every depth
#
# Freezing is a learning rate of zero, so there is something between zero and everything. Early layers hold what is general, such as edges
# and strokes; late ones hold what is special to the old task; the head is new. A simple rule follows: the head learns fast, the last
# stage of the body at some rate $\eta$, and each stage towards the input a fixed factor $\delta$ slower than the one after it,
#
# $$\eta_d = \eta\,\delta^{\,D-1-d},\qquad d = 0, 1, \dots, D-1 \text{ for the body's } D \text{ stages from the input on.}$$
#
# Torch's optimisers know this as **parameter groups**: a list of dicts, each with a list of `params` and its own `lr` and `weight_decay`.
# Groups fail in silence. A parameter that is in no group never trains, and nothing complains.
#
# One more thing belongs to the groups. Weight decay pulls weights towards zero, which is meant for matrices. A norm's scale or a bias at
# zero means something else, so these get none.

# %% [markdown]
# ### Exercise 3: learning rates by depth
#
# *12 minutes, 4 points, medium.* Write `parameter_groups`, which returns such a list of dicts.
#
# - `model` is an `nn.Sequential` of layers that hold no further layers. Each is a stage, **also one without parameters**, such as an activation. The last layer is
#   the head; the others are the body.
# - The head's parameters get `head_learning_rate`. The layer just below it gets `learning_rate`, and each layer further down `depth_decay`
#   times the rate of the layer above it.
# - Every parameter is in exactly one group.
# - `weight_decay` is for the weights of linear layers and embeddings. Biases get 0.0, and so do the `weight` and `bias` of norms
#   (`nn.BatchNorm1d` and `nn.LayerNorm` occur).
# - Each dict has `"params"` (a list of the parameters themselves), `"lr"` and `"weight_decay"`; other entries are yours. The order and
#   number of the groups are free.

# %% nbgrader={"grade": false, "grade_id": "05-rates", "locked": false, "schema_version": 3, "solution": true, "task": false}
def parameter_groups(model, learning_rate, head_learning_rate, depth_decay, weight_decay):
    """An optimiser's parameter groups by depth.

    model: nn.Sequential whose last layer is the head; the rest: numbers
    returns: a list of dicts with "params", "lr" and "weight_decay"
    """
    ### BEGIN SOLUTION
    groups, head = [], len(model) - 1
    for depth, layer in enumerate(model):
        rate = head_learning_rate if depth == head else learning_rate * depth_decay ** (head - 1 - depth)
        is_norm = isinstance(layer, (torch.nn.BatchNorm1d, torch.nn.LayerNorm))
        for name, parameter in layer.named_parameters():
            decay = 0.0 if is_norm or name == "bias" else weight_decay
            groups.append({"params": [parameter], "lr": rate, "weight_decay": decay})
    return groups
    ### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "05-rates-check", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
check("05.rates")

# %% [markdown]
# A plan combines the two: what is frozen when, and how fast the rest learns. Four plans of the library, one picture each. A row is a stage, the
# head on top; hatched is frozen; light is fast. Which of them move the stem from the first epoch on, and which last of all? (For the library the
# body's last stage is the pooling, which has no parameters and is not drawn; that is why the topmost block is one step slower already.)

# %% tags=["demo"]
shown_plans = {
    "full": plans.full(epochs=10, jitter=None),
    "discriminative": plans.discriminative(epochs=10, depth_decay=0.3),
    "lp_ft": plans.lp_ft(epochs=5, probe_epochs=5),
    "gradual_unfreezing": plans.gradual_unfreezing(steps=4, epochs=2, probe_epochs=2, depth_decay=0.3),
}
pictures.timeline(adapt(load_backbone("glyphnet"), grainy), shown_plans)

# %% [markdown]
# And what each of them reaches, with five labels of each grainy digit and one seed. (Full rates are drawn above; in training each phase also
# warms up and fades out.)

# %% tags=["demo"]
few = through_a_grainy_camera(load_task("digits", labels_per_class=5, seed=0))
for name, plan in shown_plans.items():
    run = finetune(adapt(load_backbone("glyphnet"), few, seed=0), few, plan, seed=0, progress=False)
    print(f"{name:20} test accuracy {run.accuracy('test'):.3f}, {run.seconds:5.1f} s")

# %% [markdown]
# Before you crown a winner, remember unit 01: this is one draw, untuned. What you may keep is which of these plans are *different*, and
# that none of them took more than a line to write.

# %% [markdown]
# ## A pull to the start
#
# Freezing holds a weight completely, a small rate holds it by impatience. A third way is a spring. **Weight decay** is a spring whose end is
# fixed at zero: without data, weights shrink to nothing. For a pretrained weight $w$ that began at $w^0$, a better end is at hand:
#
# $$\mathcal L = \text{cross-entropy} + \frac\lambda2 \sum_{\text{body}} \lVert w - w^0\rVert^2.$$
#
# This is **L2-SP** (SP for starting point). It adds $\lambda\,(w - w^0)$ to the gradient: nothing at first, and more the farther a weight has
# gone. A new head has no $w^0$ and is left free.

# %% [markdown]
# ### Exercise 4: a loss that pulls to the start
#
# *10 minutes, 3 points, medium.* Write `pulled_loss`.
#
# - The loss is the **mean** cross-entropy of `model(inputs)` and `labels` (`torch.nn.functional.cross_entropy` is fine), plus
#   `strength` / 2 times the **sum** of the squared differences of each parameter and its start.
# - `start` is a dict from names to tensors, as a `state_dict` is: `"0.weight"` is what `model.named_parameters()` calls so too. A parameter
#   whose name is not in `start` is new, and free. Names in `start` that belong to no parameter, such as `"1.running_mean"`, do not count.
# - Send the whole loss back once: afterwards every parameter has its gradient in `.grad`. (At first all are `None`.) No parameter changes.
# - Return the loss, as a number or a tensor.

# %% nbgrader={"grade": false, "grade_id": "05-pull", "locked": false, "schema_version": 3, "solution": true, "task": false}
def pulled_loss(model, start, strength, inputs, labels):
    """Mean cross-entropy plus strength / 2 * sum of squared distances to the start, sent back.

    model: a module; start: dict name -> tensor; strength: a number; inputs: tensor (B, F); labels: tensor (B,)
    returns: the loss
    """
    ### BEGIN SOLUTION
    loss = torch.nn.functional.cross_entropy(model(inputs), labels)
    for name, parameter in model.named_parameters():
        if name in start:
            loss = loss + strength / 2 * ((parameter - start[name]) ** 2).sum()
    loss.backward()
    return loss.item()
    ### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "05-pull-check", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
check("05.pull")

# %% [markdown]
# What is the spring good for? One use is to keep what the network could do before. The figure shows fine-tuning of everything on grainy
# digits, with a stronger and stronger pull: on the left the new task, on the right the letters, read with their old head. Predict first: as the
# pull grows, does the right curve rise?

# %% tags=["demo"]
pictures.pull()

# %% tags=["demo"]
pulled = pictures.results()["l2_sp"]
print(f"letters read before fine-tuning: {pictures.results()['letters_before']:.3f}")
for statistics, digits_read, letters_read in zip(pulled["statistics"], pulled["accuracy"], pulled["letters"]):
    for strength, digits, letters in zip(pulled["strengths"], digits_read, letters_read):
        print(f"statistics {statistics:8} strength {strength:<5g} digits {np.mean(digits):.3f}   letters {np.mean(letters):.3f}")

# %% [markdown]
# Compare the two colours at the strongest pull. There every *weight* is held close to its start, in both. What differs is only what BatchNorm
# remembers. A penalty reaches parameters, and running statistics are none: they go to the grainy images, and the letters meet a network
# that expects grain. With the statistics frozen too, the spring does what it is meant for.
#
# Then read the left side for the price. Is there one at every strength, or only at some?

# %% [markdown]
# ## What freezing saves
#
# What is frozen gives the same output for the same image, every epoch. So it can be computed **once** and kept: then an epoch costs only what
# moves. Go back to the first explorable figure and untick “frozen activations are kept”. Most of the seconds are saved by freezing itself,
# since the way back ends at the first stage that moves. Keeping pays where little is left to move, most where the head trains alone; where little is
# frozen, to keep and fetch can cost as much as it saves, as the table shows. (The body here is small, and the runs are short. Where the frozen part
# is large and the epochs are many, keeping is what makes the difference.)
#
# It is also a trap. Whoever keeps activations that *would* have changed trains on yesterday's network, and nothing complains. The library
# therefore asks before it keeps anything, and says why where it does not:

# %% tags=["demo"]
from tlkit.data.augmentation import Jitter

shift = Jitter(shift=1.0)
two_frozen = plans.full(epochs=1, learning_rate=1e-3, frozen=2, jitter=None)
for what, plan in {
    "head alone": plans.linear_probe(epochs=1),
    "two stages frozen": two_frozen,
    "nothing frozen": plans.full(epochs=1, jitter=None),
    "shifted anew every epoch": two_frozen.changed(jitter=shift),
    "four shifted versions": two_frozen.changed(jitter=shift, views=4),
    "images mixed": two_frozen.changed(mixup=0.2),
}.items():
    run = finetune(adapt(load_backbone("glyphnet"), clean), clean, plan, progress=False)
    print(f"{what:26} {run.kept[0]['note']}")

# %% [markdown]
# ### Exercise 5: what may be kept?
#
# *10 minutes, 3 points, medium.* Write `kept_behind`, the rule behind these lines. It decides up to which stage activations may be kept, and
# says what stands in the way of going further. Return a pair: the **name of the last stage** whose output may be kept, or `None` where there
# is none; and **one reason**, as text.
#
# The arguments say what is known. `stages` is a list of dicts, the body's stages from the input on, with four entries: `"name"`, and True or
# False for
#
# - `"trains"`: some parameter of it does,
# - `"looks_at_batch"`: an example's output depends on what it is batched with,
# - `"training_mode"`: it has a BatchNorm or a dropout, or the like, that is in training mode.
#
# `jitter` is True if images are changed at random; then `views=0` means anew at every epoch, and `views=4`, say, that four versions of each
# image were drawn beforehand and take turns. `mixup` is 0.0, or above 0 if the images of each batch are mixed with each other.
#
# Go through the reasons in this order, and return the first that holds:
#
# 1. `"jitter"`: the images are changed anew at every epoch. No activation may be kept: the name is None.
# 2. `"mixup"`: images are mixed. No activation may be kept: the name is None.
# 3. At the first stage, from the input on, that stands in the way: `"trains"`, `"looks_at_batch"` or `"training_mode"`, the first of these
#    that is true of it. What lies below that stage may be kept.
# 4. `"head"`: no stage stands in the way. The whole body may be kept.

# %% nbgrader={"grade": false, "grade_id": "05-cache", "locked": false, "schema_version": 3, "solution": true, "task": false}
def kept_behind(stages, jitter, views, mixup):
    """The last stage whose activations may be kept, and the reason why it goes no further.

    stages: list of dicts with "name", "trains", "looks_at_batch", "training_mode", from the input on, one or more
    jitter: True or False; views: a whole number; mixup: a number, 0 or more
    returns: (name or None, "jitter", "mixup", "trains", "looks_at_batch", "training_mode" or "head")
    """
    ### BEGIN SOLUTION
    if jitter and views == 0:
        return None, "jitter"
    if mixup > 0:
        return None, "mixup"
    kept = None
    for stage in stages:
        for cause in ("trains", "looks_at_batch", "training_mode"):
            if stage[cause]:
                return kept, cause
        kept = stage["name"]
    return kept, "head"
    ### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "05-cache-check", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
check("05.cache")

# %% [markdown]
# Why is a frozen stage *above* one that trains not kept, although it does not change? Because what it is *given* changes. And is the result really
# the same? The same training, with and without what was kept; what is left of a difference should be of the size of float32's rounding.

# %% tags=["demo"]
half = plans.full(epochs=8, learning_rate=1e-3, frozen=3, jitter=None)
trained = {}
for cache in (True, False):
    trained[cache] = finetune(adapt(load_backbone("glyphnet"), clean, seed=0), clean, half, seed=0, cache=cache, progress=False)
    print(f"kept: {cache!s:6} {trained[cache].seconds:5.2f} s")
kept, anew = (trained[cache].model.state_dict() for cache in (True, False))
print("largest difference of a weight:", float(max((kept[name] - anew[name]).abs().max() for name in kept)))

# %% [markdown]
# ## Reflect
#
# Six questions. Put one letter for each into the list below, run that cell and then the check: it explains every choice, also the right
# ones.

# %%
quiz("05.quiz")

# %% nbgrader={"grade": false, "grade_id": "05-quiz", "locked": false, "schema_version": 3, "solution": true, "task": false}
answers = [  # one letter in quotes for each question, in order: "a", "c", ...
    ### BEGIN SOLUTION
    "b",
    "a",
    "c",
    "a",
    "b",
    "c",
    ### END SOLUTION
]

# %% nbgrader={"grade": true, "grade_id": "05-quiz-check", "locked": true, "points": 6, "schema_version": 3, "solution": false, "task": false}
check("05.quiz")

# %% [markdown]
# ### In your own words
#
# *5 minutes, 2 points; a person reads this one.* A colleague writes: “We froze all layers but the last and trained on 200 images of the new
# microscope. Validation accuracy went up nicely. But the old microscope's images, which the network had read well with its old last
# layer, are now read badly with that same old layer. How can that be? We froze everything.” Give the likely cause, say how you would make sure
# that it is the cause, and what to change.

# %% [markdown] nbgrader={"grade": true, "grade_id": "05-explain", "locked": false, "points": 2, "schema_version": 3, "solution": true, "task": false}
# One point for the cause: BatchNorm's running statistics moved, because the frozen layers were in training mode (`model.train()`, or `eval()`
# said before it). The weights are as they were; the features are not.
#
# Half a point for a way to make sure, such as:
#
# - compare the state dicts before and after: only `running_mean` and `running_var` (and the counters) differ;
# - put the old buffers back, with the new weights: the old images are read well again;
# - run one epoch with learning rate 0: the old accuracy still falls.
#
# Half a point for what to change: keep frozen layers in evaluation mode, after every `model.train()` (or freeze through a library that does).
# Taking weight decay with zero gradients for the cause, with a test that would tell, is worth one point of the two.

# %% [markdown]
# ## The same on real data
#
# PneumoniaMNIST are chest X-rays of children, and MobileNetV2 was pretrained on ImageNet's photographs: two worlds that are farther apart than
# letters and digits. Twenty labelled scans of each class, nine stages, several draws of the labels; the runs were made beforehand, as they take
# minutes:

# %% tags=["demo"]
pictures.scans()

# %% tags=["demo"]
from tlkit.evaluation import mean_interval, paired_difference

scans = pictures.scan_results()
settings = dict.fromkeys((run["frozen"], run["statistics"]) for run in scans["runs"])


def scan_values(setting, metric="AUC"):
    return [run[metric] for run in scans["runs"] if (run["frozen"], run["statistics"]) == setting]


print(f"{scans['labels_per_class']} labels per class, {len(scan_values((9, 'adapted')))} draws, {scans['test_examples']} test scans; 95 % intervals over draws")
print(f"{'':47}{'AUC':25}AUC minus the head alone")
for setting in settings:
    difference = "" if setting[0] == 9 else paired_difference(scan_values(setting), scan_values((9, "adapted")))
    print(f"{pictures.scan_setting(*setting):46} {mean_interval(scan_values(setting))!s:24} {difference}")

# %% [markdown]
# Read it slowly, and with the intervals. Which settings can be told apart by these draws, and which cannot? Where nothing is frozen, what did
# freezing BatchNorm's statistics alone change? Few steps on small batches is just where they had no time to arrive.
#
# And what is *not* shown: the rates were not tuned for each setting; the draws share the test scans, so their intervals do not hold the luck of
# those; 40 labels are few. With thousands of labelled scans the order may be another one.
#
# If you have the data and the weights (in the folders that `TLKIT_DATA` and `TORCH_HOME` name, or after a first download), the same code runs on
# them. Only the names change:

# %% tags=["demo"]
import os
from pathlib import Path

is_here = {"task": Path(os.environ.get("TLKIT_DATA", "/nowhere"), "pneumoniamnist.npz").exists(),
           "weights": bool(list(Path(os.environ.get("TORCH_HOME", "/nowhere")).glob("hub/checkpoints/mobilenet_v2-*.pth")))}
if all(is_here.values()):
    xrays = load_task("pneumoniamnist", labels_per_class=20, seed=0)
    print(xrays.train.describe())
    model = adapt(load_backbone("mobilenet_v2", image_size=64), xrays)
    run = finetune(model, xrays, plans.linear_probe(epochs=20, learning_rate=3e-3), progress=False)
    print(run.kept[0]["note"])
    some = xrays.test.select(np.arange(0, len(xrays.test), 8))
    print(f"accuracy of the head alone on {len(some)} test scans: {run.accuracy(some):.3f}")
else:
    print("Not here:", ", ".join(name for name, there in is_here.items() if not there))

# %% [markdown]
# ## Optional: plans from scratch
#
# Two more exercises, for whoever wants to have written a plan once. Their points count nowhere; their checks say as much as the others.

# %% [markdown]
# ### Exercise 6 (optional): gradual unfreezing
#
# *7 minutes, easy.* At first the head trains alone; then one stage more, from the head downwards, at every step. Write `stages_that_train`: the
# list of the stages that train in an epoch, **from the input on**.
#
# - `epoch` counts from 0. `stages` is a list of names from the input on; the last one is the head.
# - For the first `head_epochs` epochs (it may be 0) the head trains alone.
# - With the next epoch the first step begins: the stage just below the head joins it. After every `epochs_a_step` epochs one stage more joins.
#   What trains goes on training, and once all stages do, all go on.

# %% nbgrader={"grade": false, "grade_id": "05-unfreezing", "locked": false, "schema_version": 3, "solution": true, "task": false}
def stages_that_train(epoch, stages, head_epochs, epochs_a_step):
    """The stages that train in an epoch of gradual unfreezing.

    epoch: from 0 on; stages: list of names, the head last; head_epochs: 0 or more; epochs_a_step: 1 or more
    returns: a list of names
    """
    ### BEGIN SOLUTION
    count = 1
    if epoch >= head_epochs:
        count = 2 + (epoch - head_epochs) // epochs_a_step
    return stages[max(0, len(stages) - count):]
    ### END SOLUTION

# %% tags=["demo"]
check("05.unfreezing")

# %% [markdown]
# ### Exercise 7 (optional): first the head, then everything
#
# *6 minutes, easy.* A new head is random, and the gradients that it sends down in its first steps are about nothing. Fitting it first, on a frozen
# body, spares the body these: **LP-FT**, a linear probe and then fine-tuning. Write it as a `plans.Plan` of two `plans.Phase`s:
#
# - first `probe_epochs` epochs of the head alone, at a rate of 0.01;
# - then `epochs` epochs of everything, body and head at `learning_rate`.
#
# `Phase(epochs, learning_rate, head_learning_rate)`: the `learning_rate` is the body's, and 0 freezes all of it.
# `Plan(name, phases)`: any name, and the phases as a tuple. Leave all other settings as they are.

# %% nbgrader={"grade": false, "grade_id": "05-lp_ft", "locked": false, "schema_version": 3, "solution": true, "task": false}
def lp_ft(epochs, learning_rate, probe_epochs):
    """A plan: a linear probe, then fine-tuning of everything.

    epochs: of the fine-tuning; learning_rate: of the fine-tuning; probe_epochs: of the probe
    returns: a plans.Plan
    """
    ### BEGIN SOLUTION
    probe = plans.Phase(probe_epochs, 0.0, 1e-2)
    everything = plans.Phase(epochs, learning_rate, learning_rate)
    return plans.Plan("lp_ft", (probe, everything))
    ### END SOLUTION

# %% tags=["demo"]
check("05.lp_ft")

# %% tags=["demo"]
from tlkit.explore.yours import finished, needs

with needs("exercise 7"):
    print(finished(lp_ft(10, 1e-3, 50)))

# %% [markdown]
# ## What to remember
#
# - **How deep to freeze** is a setting like the learning rate: it depends on how far the two worlds are apart and on the labels you have. Try two
#   or three depths, and choose on validation data. Freezing is no cure for overfitting by law; what it saves for certain is memory, and mostly time.
# - **Frozen** means three doors shut: no gradient (`None`, not zeros), no step of the optimiser, and evaluation mode, said after `model.train()`.
# - **BatchNorm's statistics** move without a gradient. Whether they adapt or stay is a choice of its own; make it, and say which you made.
# - **How fast**: the head fast, the body slow, slower towards the input. Every parameter belongs to one group; count them.
# - **Weight decay** pulls to zero, **L2-SP** to the start. Neither holds a buffer.
# - Frozen activations can be **kept**, as long as nothing below can change and the inputs are the same. Where in doubt, they cannot.

# %% [markdown]
# ## Further reading
#
# - Yosinski, Clune, Bengio and Lipson (2014), *How transferable are features in deep neural networks?* What is general and what is special, layer
#   by layer; and why freezing in the middle can hurt: layers that were trained together are cut apart.
# - Howard and Ruder (2018), *Universal language model fine-tuning for text classification*. Where rates by depth and gradual unfreezing come from.
# - Li, Grandvalet and Davoine (2018), *Explicit inductive bias for transfer learning with convolutional networks*. L2-SP, and its kin.
# - Kumar, Raghunathan, Jones, Ma and Liang (2022), *Fine-tuning can distort pretrained features and underperform out-of-distribution*. Why the head
#   should be fitted first.
# - Li, Wang, Shi, Liu and Hou (2016), *Revisiting batch normalization for practical domain adaptation*. Statistics that move as a method (AdaBN).
# - Lee, Chen, Tajwar, Kumar, Yao, Liang and Finn (2023), *Surgical fine-tuning improves adaptation to distribution shifts*. When it is the first layers
#   that should move, and not the last.
