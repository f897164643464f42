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
# # 04 The fine-tuning loop: a whole run
#
# **What makes a run of many epochs, and when is it over?**
#
# In `04a_one_epoch` you wrote an epoch that can be trusted. A run is many of them, and three things come in that an epoch does not have:
# a learning rate that **moves**, gradients that must not **run away**, and an **end**. The source's listing has none of the three. It trains
# five epochs at one rate, and keeps what the fifth left behind.
#
# Plan for an hour. Three exercises and a quiz are the core, one more is for whoever wants it.

# %% [markdown]
# ## Predict
#
# The setting: glyphnet, all of it trained, on ten labelled images of each digit, for 30 epochs. The learning rate, 0.01, is ten times what
# you would take with care; it warms up over the first tenth of the steps and then falls to zero along a cosine. **Early stopping** would watch
# the validation loss, end the run when it has been no better for two epochs (its *patience*), and bring back the weights of the best epoch.
#
# What test accuracy do you expect, of the whole run and of the run that is stopped early? (Means over five seeds.)

# %%
guess = {"the whole run": 0.5, "stopped early": 0.5}  # your guesses, from 0 to 1

# %% [markdown]
# ## See
#
# One of these runs, measured beforehand and never stopped. Dashed is the training loss, solid the validation loss; the thin lines are the runs of four other
# seeds. ± is two standard errors of the mean over the five. Grey is what early stopping would have saved you. Or cost you?

# %% tags=["setup"]
import numpy as np

from tlkit import check, quiz
from tlkit.explore import fine_tuning_loop as pictures

# %% tags=["demo"]
pictures.whole_run(labels_per_class=10, rate=1e-2, epochs=30, patience=2, seed=0)

# %% tags=["demo"]
runs, sizes = pictures.setting(10, 1e-2, 30), pictures.results()["curves"]["sizes"]
found = {"the whole run": [run["test_right"] / sizes["test"] for run in runs],
         "stopped early": [run["stopped"]["2"][2] / sizes["test"] for run in runs]}
for name, values in found.items():
    print(f"{name:14} you said {guess[name]:.2f}, measured {pictures.interval(values)}")

# %% [markdown]
# Now take it in your own hands. Five things move: the full learning rate, the epochs that were *planned*, the labels, the patience, and which seed is
# drawn thick. The table says what each patience would have given, over all seeds. Some questions to take along:
#
# - Which rate is the best at 10 epochs, and which at 30? Is the best rate the same with 2 labels a class and with 10?
# - Where does the validation loss rise while the validation accuracy stays? What does the model do there?
# - Where does patience 2 cut a run that would have recovered? Where does it save you most of the epochs and cost nothing?

# %% tags=["demo"]
pictures.explore_runs()

# %% [markdown]
# Here are all settings at once: the mean test accuracy of whole runs.

# %% tags=["demo"]
shipped = pictures.results()["curves"]
print("labels per class   epochs   " + "".join(f"{f'rate {rate:g}':>14}" for rate in shipped["learning_rates"]))
for count in shipped["labels_per_class"]:
    for epochs in shipped["epochs"]:
        means = [np.mean([run["test_right"] for run in pictures.setting(count, rate, epochs)]) / sizes["test"] for rate in shipped["learning_rates"]]
        print(f"{count:16} {epochs:8}   " + "".join(f"{mean:14.3f}" for mean in means))

# %% [markdown]
# Read along a row: the learning rate is worth more than anything else in this unit. A rate can be too large everywhere; too small it is where there are
# few steps, with 2 labels a class, and with 10 the smallest of these rates is hardly worse than the best. Read the rows in pairs: with more
# epochs a small rate catches up. Rate and length belong together; whoever compares two methods at one rate and
# one length compares their settings.

# %% [markdown]
# ## A rate that moves
#
# Why not one rate? At the beginning the head is random, its gradients point anywhere, and Adam's running means rest on a few batches: a full step
# would move the pretrained body for no good reason. So the rate **warms up**. At the end the weights circle around a good place at a
# distance that the rate sets: so it **decays**.
#
# A schedule is a function that says, for each step, which **share** of the full rate to use. Let there be $T$ steps in all, counted
# $s = 0, 1, \dots, T-1$, and let the warm-up take $W = \omega T$ of them, with $\omega$ a share from 0 to 1. ($W$ need not be whole.)
#
# - While $s < W$: the line $\dfrac{s+1}{W+1}$. It does not begin at 0, since a step of size 0 is a wasted batch.
# - After that, $t = \dfrac{s-W}{T-W}$ runs from 0 towards 1, and the share is $\tfrac12(1+\cos\pi t)$ for `"cosine"`, $1-t$ for `"linear"` and 1 for
#   `"constant"`.
# - Where somebody goes on after the last step, $t$ stays at 1.

# %% [markdown]
# ### Exercise 5: warm-up and decay
#
# *10 minutes, 5 points, easy.* Write `rate_factor`, by these formulas.
#
# - `schedule` is `"cosine"`, `"linear"` or `"constant"`; `step` is $s$, from 0 on; `steps` is $T$; `warmup` is $\omega$, a **share**, below 1.
# - The length of the warm-up, $W = \omega T$, is **not rounded**: it may be 2.5, and then step 2 still warms up.
# - `step` may be $T$ or more: there $t$ stays at 1.
# - Return a number (a float). At least one step comes after the warm-up.

# %% tags=["setup"]
import math

# %% nbgrader={"grade": false, "grade_id": "04-schedule", "locked": false, "schema_version": 3, "solution": true, "task": false}
def rate_factor(schedule, step, steps, warmup):
    """The share of the full learning rate at a step.

    schedule: "cosine", "linear" or "constant"; step: from 0 on; steps: of the whole run
    warmup: the share of the steps that warms up, from 0 to below 1
    """
    ### BEGIN SOLUTION
    warmup_steps = warmup * steps
    if step < warmup_steps:
        return (step + 1) / (warmup_steps + 1)
    t = min(1.0, (step - warmup_steps) / (steps - warmup_steps))
    if schedule == "cosine":
        return (1 + math.cos(math.pi * t)) / 2
    if schedule == "linear":
        return 1 - t
    return 1.0
    ### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "04-schedule-check", "locked": true, "points": 5, "schema_version": 3, "solution": false, "task": false}
check("04.schedule")

# %% [markdown]
# Your schedule, drawn. (Until it is there, the library's own.)

# %% tags=["demo"]
from tlkit.explore.figures import Picture
from tlkit.schedules import rate_factor as library_factor

try:
    rate_factor("cosine", 0, 40, 0.25) + 0.0
    mine, whose = rate_factor, "your"
except Exception:
    mine, whose = library_factor, "the library's"
words = f"By {whose} schedule the share of the full rate is {mine('cosine', 0, 40, 0.25):.2f} at step 0 and {mine('cosine', 25, 40, 0.25):.2f} at step 25 of 40."
display(Picture(pictures.draw_schedules(40, 0.25, mine), words))
print(words)

# %% [markdown]
# A schedule has to be told how far the run is. Torch's schedulers count how often their `step()` was called, and know nothing of batches and
# epochs. So there are two ways to get it wrong, and both are silent: to call it once an **epoch** when it was planned in **steps**, and to
# call it before the optimiser's step, which skips the first rate.

# %% [markdown]
# ## Gradients that run away
#
# Most gradients of a run are of a size. Now and then one is not: an odd batch, a wrong label, a fresh head. **Clipping** bounds the harm: take all
# gradients of all parameters together as one long vector $g$; if it is longer than $c$, shorten it, and keep its direction:
#
# $$g \leftarrow g\cdot\min\left(1, \frac{c}{\lVert g\rVert}\right).$$
#
# How long are they here? This cell trains for four epochs and measures, before each step.

# %% tags=["setup"]
import torch
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader, TensorDataset

from tlkit import adapt, load_backbone, load_task
from tlkit.plain_loop import evaluate, train_epoch

task = load_task("digits", labels_per_class=10, seed=0)


def batches_of(split, batch_size=16, shuffle=False, seed=0):
    """A loader of a split's (inputs, labels)."""
    order = torch.Generator().manual_seed(seed)
    return DataLoader(TensorDataset(split.inputs, split.labels), batch_size, shuffle=shuffle, generator=order)


def fresh_model(seed=0):
    """The pretrained body, with a new head for the task."""
    return adapt(load_backbone("glyphnet"), task, seed=seed)

# %% tags=["demo"]
model = fresh_model().train()
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
for epoch in range(4):
    norms = []
    for inputs, labels in batches_of(task.train, shuffle=True, seed=epoch):
        optimizer.zero_grad()
        cross_entropy(model(inputs), labels).backward()
        norms.append(float(torch.nn.utils.clip_grad_norm_(model.parameters(), float("inf"))))
        optimizer.step()
    print(f"epoch {epoch + 1}, length of the gradient in each batch:", np.round(norms, 2))

# %% [markdown]
# Where would you put $c$? Somewhere above the usual lengths, so that it acts on the odd ones only. One thing to know: Adam divides by the size of
# past gradients, so it does not care about a factor that *all* gradients share. Clipping helps Adam against the **single** long gradient, which would
# sit in its running means for many steps. With SGD, clipping bounds the step itself.

# %% [markdown]
# ### Exercise 6: an epoch with schedule and clipping
#
# *10 minutes, 4 points, medium.* Write `paced_epoch`. It does all that `train_epoch` does: training mode, one step a batch with that batch's gradient
# alone, and it returns, as a float, the mean over all examples of the loss that each had in its batch, in training mode, just before the step (`loss` gives
# the mean of a batch; each example counts the same). The model may come in evaluation mode, and no gradient is left in it. And besides:
#
# - before each step, the gradients of all parameters together, as one vector, are shortened to the length `max_norm` where they are longer. Shorter ones stay as they are.
#   (`torch.nn.utils.clip_grad_norm_` is welcome.)
# - after each step of `optimizer`, `scheduler` is told: one call of `scheduler.step()`. It was planned in steps.

# %% nbgrader={"grade": false, "grade_id": "04-paced", "locked": false, "schema_version": 3, "solution": true, "task": false}
def paced_epoch(model, batches, loss, optimizer, scheduler, max_norm):
    """One pass over the batches, clipped and scheduled; returns the mean loss over all examples.

    model: a module; batches: pairs (inputs, labels); loss: (outputs, labels) -> mean over the batch
    optimizer: of torch.optim; scheduler: of torch.optim.lr_scheduler, planned in steps; max_norm: a length
    """
    ### BEGIN SOLUTION
    model.train()
    total, count = 0.0, 0
    for inputs, labels in batches:
        optimizer.zero_grad()
        batch_loss = loss(model(inputs), labels)
        batch_loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), max_norm)
        optimizer.step()
        scheduler.step()
        total += batch_loss.item() * len(labels)
        count += len(labels)
    return total / count
    ### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "04-paced-check", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
check("04.paced")

# %% [markdown]
# Both of your functions at work. The number of steps is the number of epochs times the number of batches, the short last batch included. Compare the
# two columns. (Until the exercises are right, the cell says so.)

# %% tags=["demo"]
from tlkit.explore.yours import finished, needs


def trained(epoch_function, epochs=8, rate=1e-3):
    """Validation losses after each epoch, with a rate that stays or with one that moves."""
    model, losses = fresh_model(), []
    optimizer = torch.optim.AdamW(model.parameters(), lr=rate)
    steps = epochs * len(batches_of(task.train))
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: finished(rate_factor("cosine", step, steps, 0.1)))
    for epoch in range(epochs):
        finished(epoch_function(model, batches_of(task.train, shuffle=True, seed=epoch), optimizer, scheduler))
        losses.append(evaluate(model, batches_of(task.val, 256), cross_entropy)[0])
    return losses


with needs("exercises 5 and 6"):
    plain = trained(lambda model, batches, optimizer, scheduler: train_epoch(model, batches, cross_entropy, optimizer))
    paced = trained(lambda model, batches, optimizer, scheduler: paced_epoch(model, batches, cross_entropy, optimizer, scheduler, 5.0))
    print("validation loss    scheduler never told    paced")
    for epoch, (one, other) in enumerate(zip(plain, paced), start=1):
        print(f"after epoch {epoch} {one:20.3f} {other:16.3f}")

# %% [markdown]
# (The left column never moves its scheduler, so it stays at the rate of step 0. That is what a forgotten `scheduler.step()` looks like: no error, a
# small rate, and a loss that falls at its leisure.)

# %% [markdown]
# ## The end
#
# How many epochs? Nobody knows beforehand. **Early stopping** asks the validation data after each epoch, remembers the best answer, and gives up when
# `patience` epochs in a row have brought no better one. Then it goes **back**: the model that you keep is the one of the best epoch, and not the one that was
# there when patience ran out.
#
# Going back needs a copy. What does the next cell print?

# %% tags=["demo"]
layer = torch.nn.Linear(1, 1)
with torch.no_grad():
    layer.weight.fill_(1.0)
    kept = layer.state_dict()
    layer.weight.fill_(2.0)  # training goes on
print("kept:", kept["weight"].item())

# %% [markdown]
# `state_dict()` is a dictionary of the model's **own** tensors, and optimisers write into these in place. What you "kept" went on learning.
#
# It holds more than parameters, though, and you want all of it: BatchNorm's running statistics are **buffers**, which move without a gradient.

# %% [markdown]
# ### Exercise 7: stop early, and go back to the best
#
# *15 minutes, 5 points, medium.* Write `fit`.
#
# - `train_one_epoch(model)` trains the model for an epoch, in place. `evaluate(model)` gives its validation **loss**, a number. An epoch is one call of the first, then
#   one call of the second. (Both are given; `evaluate` is not the one of notebook 04a.)
# - At most `epochs` epochs. Stop earlier, right after an epoch that is the `patience`-th **in a row** without a loss smaller than the best before it. With `patience` 1 that is
#   the first epoch that is no better.
# - An equal loss is no better, and neither is nan. The first epoch's loss is a number.
# - In the end the model holds parameters **and** buffers of the epoch with the best loss; of the first of them, where there are several. (`load_state_dict` puts them in.)
# - Return the best loss.

# %% nbgrader={"grade": false, "grade_id": "04-fit", "locked": false, "schema_version": 3, "solution": true, "task": false}
def fit(model, train_one_epoch, evaluate, epochs, patience):
    """Train with early stopping; the best weights come back, and the best validation loss is returned.

    train_one_epoch: takes the model and trains it; evaluate: takes the model, returns its validation loss
    epochs: at most; patience: epochs in a row without a better loss after which training ends
    """
    ### BEGIN SOLUTION
    best, stale, kept = float("inf"), 0, None
    for _ in range(epochs):
        train_one_epoch(model)
        loss = evaluate(model)
        if loss < best:
            best, stale = loss, 0
            kept = {name: values.clone() for name, values in model.state_dict().items()}
        else:
            stale += 1
        if stale == patience:
            break
    model.load_state_dict(kept)
    return best
    ### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "04-fit-check", "locked": true, "points": 5, "schema_version": 3, "solution": false, "task": false}
check("04.fit")

# %% [markdown]
# The whole run, out of your own parts. Watch the loss that comes back.

# %% tags=["demo"]
with needs("exercises 5 to 7"):
    model, seen = fresh_model(), []
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    epochs = 20
    steps = epochs * len(batches_of(task.train))
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: finished(rate_factor("cosine", step, steps, 0.1)))

    def one_epoch(model):
        return finished(paced_epoch(model, batches_of(task.train, shuffle=True, seed=len(seen)), cross_entropy, optimizer, scheduler, 5.0))

    def validation_loss(model):
        seen.append(evaluate(model, batches_of(task.val, 256), cross_entropy)[0])
        return seen[-1]

    best = finished(fit(model, one_epoch, validation_loss, epochs, patience=3))
    print("validation losses:", np.round(seen, 3))
    print(f"{len(seen)} of {epochs} epochs were run; the best loss was {best:.3f}, and the model that came back has {validation_loss(model):.3f}")
    print(f"test accuracy: {evaluate(model, batches_of(task.test, 256), cross_entropy)[1]:.3f}")

# %% [markdown]
# The library's `finetune` does the same, with its own `rate_factor`, its own early stopping, and a plan that you can print. The tests of this project hold both ways
# together: the same batches give the same weights. Here the batches are drawn in another way (each epoch above shuffles with a seed of its own, `finetune` draws all
# its orders from one), so the numbers of the next cell differ from those of your run.

# %% tags=["demo"]
from tlkit import finetune, plans

plan = plans.full(epochs=20, learning_rate=1e-2, jitter=None, batch_size=16, clip_norm=5.0, patience=3, metric="loss")
print(plan)
run = finetune(fresh_model(), task, plan, seed=0, progress=False)
print(f"--> {len(run.records)} epochs, test accuracy {run.accuracy('test'):.3f}")

# %% [markdown]
# ## What early stopping is not
#
# Three warnings, each of which the figure above can show you.
#
# - It is **a bet** that what has not become better soon will not become better. With a high rate the first epochs can throw the model off, and it recovers
#   only as the rate falls; patience that is shorter than that buys the worse model.
# - It **ties the schedule in a knot**: a run that is planned for 30 epochs and cut after 8 never came to its small rates. Sometimes a run
#   that is *planned* shorter is better than a long one that is cut.
# - Its best validation number is **too good**: the best of many noisy measurements is partly luck. Report the test set's, and ask it once.

# %% [markdown]
# ## Reflect
#
# Six questions. Put one letter for each into the list below, run that cell and then the check: it explains every choice,
# also the right ones.

# %%
quiz("04.quiz_run")

# %% nbgrader={"grade": false, "grade_id": "04-quiz_run", "locked": false, "schema_version": 3, "solution": true, "task": false}
run_answers = [  # one letter in quotes for each question, in order: "a", "c", ...
    ### BEGIN SOLUTION
    "b",
    "a",
    "c",
    "b",
    "c",
    "b",
    ### END SOLUTION
]

# %% nbgrader={"grade": true, "grade_id": "04-quiz_run-check", "locked": true, "points": 6, "schema_version": 3, "solution": false, "task": false}
check("04.quiz_run")

# %% [markdown]
# ## The same on real scans
#
# PneumoniaMNIST: X-rays of children's chests, normal or with pneumonia. Fifty labelled scans of each; MobileNetV2, pretrained on ImageNet's photographs, its first six stages
# frozen. Ten epochs, five seeds, measured beforehand; ± is two standard errors of the mean over them.

# %% tags=["demo"]
pictures.real_runs(3e-4, patience=2, seed=0)

# %% tags=["demo"]
from IPython.display import HTML

scans = pictures.results()["real"]
runs = scans["runs"]["0.0003"]
val = [run["val_right"][run["stopped"]["2"][0] - 1] / scans["sizes"]["val"] for run in runs]
test = [run["stopped"]["2"][2] / scans["sizes"]["test"] for run in runs]
print(f"patience 2, the epoch that comes back: accuracy on validation scans {pictures.interval(val)}, on test scans {pictures.interval(test)}")
whole_val = [run["val_right"][-1] / scans["sizes"]["val"] for run in runs]
whole_test = [run["test_right"] / scans["sizes"]["test"] for run in runs]
print(f"the whole runs, never stopped:         accuracy on validation scans {pictures.interval(whole_val)}, on test scans {pictures.interval(whole_test)}")
display(HTML(pictures.runs_table(runs, scans["sizes"])))

# %% [markdown]
# Look at the printed lines before you look at anything else. Validation and test accuracy are far apart, and no stopping rule is to
# blame: the second line has the whole runs, and there they are about as far apart. These are not like the validation scans; the share of normal ones, to begin with, is larger.
# Early stopping can only promise you the best epoch **for data like the validation data**.
#
# Look at the last column next: the difference between stopping and not stopping, seed by seed. Where its range holds 0, these runs do not say which is
# better. And one more reason for care: in these files a few scans stand in both the training and the validation split, and there
# are no patient numbers by which one could look for more. Unit 06 goes after both.
#
# To train on them yourself, set `wanted` to True: the loop is yours. (Some minutes; data and weights are downloaded where they are not there.)

# %% tags=["demo"]
wanted = False

if wanted:
    task = load_task("pneumoniamnist", labels_per_class=50, seed=0)
    plan = plans.full(epochs=10, learning_rate=3e-4, head_learning_rate=3e-4, jitter=None, batch_size=16, frozen=6, patience=2, metric="loss")
    run = finetune(adapt(load_backbone("mobilenet_v2", image_size=64), task, seed=0), task, plan, seed=0)
    display(run.report())

# %% [markdown]
# ### In your own words
#
# *5 minutes, 2 points; a person reads this one.* A colleague writes: “We fine-tuned for 30 epochs with early stopping. The best epoch had a
# validation accuracy of 0.97, so the model reads 97 % of new scans correctly.” What is wrong with the “so”? Name two reasons, and for each say what you would
# do or report instead.

# %% [markdown] nbgrader={"grade": true, "grade_id": "04-explain", "locked": false, "points": 2, "schema_version": 3, "solution": true, "task": false}
# One point each for two of these, with what to do instead:
#
# - The epoch was chosen by the very numbers that are reported: the best of thirty noisy ones is too high on average. Report the test set's, asked once.
# - The validation scans may not be like the new ones (another hospital, other shares of the classes, as the test split in this notebook). Test on data from where the
#   model is to be used.
# - Validation and training scans may share patients, or be the same scan twice. Split by patient, look for duplicates.
# - One number without an interval: how many scans, how many seeds? Give the interval over examples and over seeds.
# - Accuracy is not enough where the classes are of different size: always saying “pneumonia” already has a high one. Give sensitivity and specificity beside it.
#
# Half a point for a reason without what to do instead.

# %% [markdown]
# ## Optional: sixteen bits
#
# One more exercise, for whoever wants it; its points count nowhere. GPUs are much faster in 16-bit numbers, but small gradients vanish in them. The
# way out is to multiply the **loss** by a large `scale`: every gradient is then larger by that factor. Before the step they have to be divided again. That makes an
# order of operations with six places in it, and two ways to ruin a run without an error: to clip **before** dividing, and to step with gradients that
# **overflowed**.

# %% [markdown]
# ### Exercise 8 (optional): one step with a scaled loss
#
# *12 minutes, hard.* Write `scaled_step`: one step on one batch, as a mixed-precision trainer does it. (Numbers here have 32 bits, so that you see what
# happens.)
#
# - Clear the gradients, for some may be left from before; send back `scale` times `loss(model(inputs), labels)`.
# - If any number in any parameter's gradient is not finite (infinite or nan): take **no** step, leave the weights as they are, and return **half** the scale.
#   (A step with gradients of 0 is a step: weight decay and momentum move weights in it.)
#   (The loss can be finite while a gradient is not.)
# - Otherwise bring the gradients back to their true size, **then** shorten them to `max_norm` where all of them together, as one vector, are longer; take a step of `optimizer`;
#   return the scale as it is.
# - The model is in training mode already; every parameter gets a gradient.

# %% nbgrader={"grade": false, "grade_id": "04-scaled", "locked": false, "schema_version": 3, "solution": true, "task": false}
def scaled_step(model, inputs, labels, loss, optimizer, scale, max_norm):
    """One step with a scaled loss; returns the scale for the next step.

    model: a module; inputs, labels: a batch; loss: (outputs, labels) -> mean over the batch
    optimizer: of torch.optim; scale, max_norm: numbers
    """
    ### BEGIN SOLUTION
    optimizer.zero_grad()
    (loss(model(inputs), labels) * scale).backward()
    gradients = [parameter.grad for parameter in model.parameters()]
    if not all(torch.isfinite(gradient).all() for gradient in gradients):
        return scale / 2
    for gradient in gradients:
        gradient /= scale
    torch.nn.utils.clip_grad_norm_(model.parameters(), max_norm)
    optimizer.step()
    return scale
    ### END SOLUTION

# %% tags=["demo"]
check("04.scaled")

# %% [markdown]
# What the wrong order does, in numbers: the length of a gradient that is clipped at 1, in either order.

# %% tags=["demo"]
torch.manual_seed(0)
layer, inputs, labels = torch.nn.Linear(4, 3), 5 * torch.randn(8, 4), torch.randint(0, 3, (8,))
scale = 1024.0
for name, clips_first in (("unscale, then clip", False), ("clip, then unscale", True)):
    layer.zero_grad()
    (scale * cross_entropy(layer(inputs), labels)).backward()
    if clips_first:
        torch.nn.utils.clip_grad_norm_(layer.parameters(), 1.0)
    for parameter in layer.parameters():
        parameter.grad /= scale
    if not clips_first:
        torch.nn.utils.clip_grad_norm_(layer.parameters(), 1.0)
    print(f"{name}: {sum(parameter.grad.square().sum() for parameter in layer.parameters()).sqrt():.6f}")

# %% [markdown]
# ## What to remember
#
# - The **learning rate** matters most, and it belongs together with the **length** of the run. Warm up, decay, and count in steps what was planned in steps.
# - **Clip** all gradients together, between backward and step; after unscaling, where a scale is used.
# - **Early stopping** goes back to the best: a *copy* of parameters and buffers. It saves epochs; it can also end a run that would have recovered.
# - What was **chosen** on validation data is not **measured** by it. The test set is asked once, and speaks only for data like itself.

# %% [markdown]
# ## Further reading
#
# - Prechelt (1998), *Early stopping: but when?* Compares stopping rules by what they cost; the table of criteria is still the best start.
# - Goyal and others (2017), *Accurate, large minibatch SGD*. Section 2.2, for why a warm-up helps.
# - Pascanu, Mikolov and Bengio (2013), *On the difficulty of training recurrent neural networks*. Section 3.2, clipping by the norm.
# - Micikevicius and others (2018), *Mixed precision training*. Section 3.2, the scaled loss.
# - Mosbach, Andriushchenko and Klakow (2021), *On the stability of fine-tuning BERT*. Small rates, warm-up and more epochs against runs that fail.
