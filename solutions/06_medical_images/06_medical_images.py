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
# # 06 Medical images
#
# **Can a ResNet read scans?**
#
# The text that this course grew from works through one example: a ResNet that was pretrained on ImageNet is fine-tuned on medical scans, in
# five steps, and “accuracy rises markedly”. No number is given, and no scan is shown. In this unit you carry the five steps out. Then you answer what
# a hospital would ask before it lets such a network near a patient: how many of the ill does it find, at what price in false alarms? How sure is
# that? Can its probabilities be taken at their word? Did anything leak from training into the test? And what does it look at?
#
# Plan for 100 minutes: six exercises, a quiz and a question in your own words. Two more exercises are optional. Everything here is for learning: nothing
# in this unit is a medical device, and the pictures that come with it are drawn, not taken.

# %% [markdown]
# ## Predict
#
# Two networks. **MobileNetV2**, pretrained on ImageNet's photographs, is fine-tuned on 300 chest X-rays of children, to tell pneumonia from none. (It is a
# residual network too, and lighter than a ResNet; the code is the same for `resnet18`.) And **glyphnet**, a ResNet of this course that was pretrained on
# printed letters, is fine-tuned on 341 *drawn* pictures of cells, to tell malignant from benign.
#
# The **AUC** says how often a random ill patient gets a higher score than a random healthy one: 0.5 is guessing, 1 is perfect. Write down your guess for
# both networks, once fine-tuned; and whether the same network with fresh weights and twice the training comes close.

# %%
guess = {"pneumoniamnist": 0.5, "cells": 0.5}  # your guesses of the AUC on new patients, from 0 to 1

# %% tags=["setup"]
import numpy as np

from tlkit import check, quiz
from tlkit.explore import medical_images as pictures

# %% tags=["demo"]
pictures.curves()

# %% [markdown]
# Each curve goes through all thresholds: from the left, where nobody is called ill, to the right, where everybody is. *Before* means: pretrained body,
# new head, not trained yet. These runs were made beforehand (`python -m benchmarks.medical_images`); the curves show one seed.

# %% tags=["demo"]
for name, found in pictures.results().items():
    print(f"{name}: trained on {sum(found['train'])} pictures, judged on {len(found['labels']['test'])}; you guessed {guess[name]:.2f}")
    for way, values in found["auc"].items():
        print(f"  {way:8} AUC of {len(values)} seeds: {', '.join(f'{value:.3f}' for value in values)}")

# %% [markdown]
# (An AUC well below 0.5 is no mistake: a new head points anywhere, so before training it may rank patients the wrong way round.)
#
# Fine-tuning lifts both networks far above where they began, and above fresh weights with twice the training in every seed, though not always by much: that much of the
# source's sentence is true here. It does not come by itself. On the X-rays the body's BatchNorm keeps the statistics that it came with (unit 05). That was chosen among four ways,
# by their AUC on the *validation* scans of one seed:
#
# | way to fine-tune | AUC on validation scans |
# |---|---|
# | everything, BatchNorm's statistics as they came | 0.99 |
# | the head first, then everything | 0.98 |
# | everything, statistics that adapt to the 300 scans | 0.97 |
# | the head alone | 0.96 |
#
# (The test scans are harder than the validation scans, which come from the same part of the collection as those for training; so all numbers above are lower.)
# Nor is this the last word: three seeds are few, nobody searched for the best rates of training from scratch, and Raghu et al. (2019) found on larger sets of scans
# that pretraining on photographs brought little.

# %% [markdown]
# ## Step 1: data and backbone
#
# The source's first step loads the pretrained network and splits labelled scans into train, validation and test. Our pictures are **phantoms**: drawn
# from measurements of the cell nuclei of 569 real patients, with their diagnoses, four pictures a patient. Nobody has looked through a microscope at them.
# Each has 64 x 64 pixels; to train in seconds we take means of 4 x 4 pixels, and turn them light on dark, as letters were. That throws away detail:
# do not expect of 16 x 16 what a pathologist sees.

# %% tags=["setup"]
import dataclasses

import torch

from tlkit import adapt, calibration, finetune, load_task, metrics, operating_point, plans
from tlkit.data.overlap import leaks as leaks_of
from tlkit.evaluation import bootstrap_interval
from tlkit.prediction import collect
from tlkit.scans import prepared, small_body, small_phantoms, with_mark

# %% tags=["demo"]
task = small_phantoms(views=1)     # one picture of each training patient; all four in validation and test
print(task.describe())
pictures.phantoms(task)

# %% [markdown]
# ### Exercise 1: the backbone's own normalisation
#
# *8 minutes, 2 points, easy.* Pretrained weights expect numbers like those that they were trained on. A scan is grey and runs from 0 to 255; ImageNet's
# weights want three channels, each brought to the scale from 0 to 1, less that channel's mean, over its standard deviation. Whatever your scans look like,
# it is the *backbone's* numbers that count. Write `prepare`:
#
# $$\text{out}_{b,c,h,w} = \frac{x_{b,h,w} / 255 - \text{mean}_c}{\text{std}_c}$$
#
# - `images`: a uint8 tensor (B, H, W).
# - `mean`, `std`: lists of C numbers each, on the scale from 0 to 1. C is 3 for ImageNet's weights and 1 for weights that read grey; the result has as many
#   channels as there are means.
# - Return a float32 tensor (B, C, H, W).

# %% nbgrader={"grade": false, "grade_id": "06-prepare", "locked": false, "schema_version": 3, "solution": true, "task": false}
def prepare(images, mean, std):
    """Grey pictures as pretrained weights expect them.

    images: uint8 (B, H, W); mean, std: lists of C numbers
    returns: float32 (B, C, H, W)
    """
    ### BEGIN SOLUTION
    shares = images.float()[:, None] / 255
    mean, std = torch.tensor(mean).view(1, -1, 1, 1), torch.tensor(std).view(1, -1, 1, 1)
    return (shares - mean) / std
    ### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "06-prepare-check", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("06.prepare")

# %% [markdown]
# Does it matter? The body's features are what the new head gets to see. Here is how far they move, as a share of their own size, when pixels are
# prepared otherwise. Nothing fails, no message appears.

# %% tags=["demo"]
body = small_body()
grey = task.val.inputs[:64, 0]
mean, std = body.preprocessing.mean, body.preprocessing.std
ways = {"as it should be": prepared(grey, mean, std), "0 to 255, not normalised": grey[:, None].float(), "0 to 1, not normalised": grey[:, None] / 255,
        "by the scans' own mean and std": prepared(grey, [float(grey.float().mean() / 255)], [float(grey.float().std() / 255)])}
with torch.no_grad():
    due = body.run(ways["as it should be"])
    for name, images in ways.items():
        print(f"{name:32} features are off by {float((body.run(images) - due).norm() / due.norm()):8.2f}")

# %% [markdown]
# For this network plain numbers from 0 to 1 happen to do little harm, and the scans' *own* mean and std, which look like the careful choice, do much. With other weights it may be
# the other way round, and nothing warns you: that is why one takes the backbone's numbers.
#
# ## Steps 2 to 4: a head, a loss, an optimiser, training
#
# Step 2 puts a new output layer on the body, with softmax and cross-entropy. Step 3 chooses an optimiser (the source names AdamW), a rate, a batch size
# and a number of epochs. Step 4 trains and looks at the validation split from time to time, to stop early. You wrote all of that in units 02 and 04; here it is
# four lines.

# %% tags=["demo"]
model = adapt(body, task)                                                            # step 2
plan = plans.full(epochs=8, learning_rate=1e-3, jitter=None, patience=4, metric="loss")  # step 3
before = {split: collect(model, task.splits[split]).outputs for split in ("val", "test")}
run = finetune(model, task, plan, progress=False)                                   # step 4
scratch = finetune(adapt(small_body(), task), task, plans.scratch(epochs=16, learning_rate=3e-3, jitter=None), progress=False)

# %% tags=["demo"]
print(plan)
print(f"\n{len(run.records)} epochs, {run.seconds:.0f} s")

# %% [markdown]
# ## Step 5: evaluate, before and after
#
# Side by side: the network before fine-tuning, after it, and the same network from fresh weights. Each patient has four test pictures, which stand or
# fall together. The 95 % intervals are bootstrap intervals: draw as many patients again, with replacement, a thousand times, and take the middle 95 % of what comes out. They
# draw *patients*, not pictures.

# %% tags=["demo"]
outputs = {"before": before["test"], "after": run.model, "scratch": scratch.model}
outputs = {way: made if isinstance(made, np.ndarray) else collect(made, task.test).outputs for way, made in outputs.items()}
labels, patients = task.test.labels.numpy(), task.test.groups

# %% tags=["demo"]
print(f"{'':9}{'accuracy':24}{'AUC, patients drawn':24}AUC, pictures drawn")
for way, logits in outputs.items():
    score = logits[:, 1] - logits[:, 0]
    print(f"{way:9}{bootstrap_interval(metrics.accuracy, logits.argmax(1), labels, groups=patients)!s:24}"
          f"{bootstrap_interval(metrics.auc, score, labels, groups=patients)!s:24}{bootstrap_interval(metrics.auc, score, labels)}")
print(f"\naccuracy of calling everybody benign: {(labels == 0).mean():.3f}")

# %% [markdown]
# Compare the last two columns: drawing pictures pretends that there were four times as many patients, and the interval comes out too narrow. Here the source
# stops. A hospital begins.
#
# ## How many of the ill are found?
#
# Accuracy mixes two mistakes that cost differently: an ill patient who is sent home, and a healthy one who is worried. Two rates keep them apart. From here
# on 1 means ill and 0 healthy.

# %% [markdown]
# ### Exercise 2: sensitivity and specificity
#
# *6 minutes, 2 points, easy.* Write `rates`. **Sensitivity** is the share of the ill that are called ill; **specificity** is the share of the healthy that
# are called healthy. (Count for yourself: ready-made ones, such as `sklearn.metrics.recall_score`, are not allowed here.)
#
# - `predicted`, `labels`: numpy arrays (N,) of 0 and 1.
# - Return `(sensitivity, specificity)`. Where nobody is ill there is no sensitivity, and where nobody is healthy no specificity: `float("nan")` then.

# %% nbgrader={"grade": false, "grade_id": "06-rates", "locked": false, "schema_version": 3, "solution": true, "task": false}
def rates(predicted, labels):
    """(sensitivity, specificity) of decisions.

    predicted, labels: arrays (N,) of 0 and 1
    """
    ### BEGIN SOLUTION
    ill, healthy = labels == 1, labels == 0
    sensitivity = (predicted[ill] == 1).mean() if ill.any() else float("nan")
    specificity = (predicted[healthy] == 0).mean() if healthy.any() else float("nan")
    return sensitivity, specificity
    ### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "06-rates-check", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("06.rates")

# %% [markdown]
# Now move the threshold (the slider says how many of the test pictures are then called ill), and watch the confusion matrix follow the point on the curve. Then change how many
# patients are ill: sensitivity and specificity stay, and what an alarm is worth (the *positive predictive value*, PPV) falls apart, while accuracy may even rise. The matrix goes on
# counting the test pictures. That is why a test for the sick ward may be useless for screening.

# %% tags=["demo"]
pictures.explore_threshold()

# %% [markdown]
# ### Exercise 3: the area under the ROC curve
#
# *10 minutes, 3 points, medium.* One number for all thresholds. Write `auc`: over all **pairs** of one ill and one healthy patient, the share in which the ill
# one has the higher score; a tie counts one half.
#
# - `scores`: a float array (N,), any numbers: probabilities or logits; higher means more likely ill.
# - `labels`: an array (N,) of 0 and 1.
# - Return a float; `float("nan")` where nobody is ill or nobody is healthy. Ready-made areas, such as `sklearn.metrics.roc_auc_score`, are not allowed here.

# %% nbgrader={"grade": false, "grade_id": "06-auc", "locked": false, "schema_version": 3, "solution": true, "task": false}
def auc(scores, labels):
    """The share of pairs of an ill and a healthy patient in which the ill one has the higher score.

    scores: (N,) floats; labels: (N,) of 0 and 1
    """
    ### BEGIN SOLUTION
    ill, healthy = scores[labels == 1], scores[labels == 0]
    if len(ill) == 0 or len(healthy) == 0:
        return float("nan")
    difference = ill[:, None] - healthy[None, :]
    return float((difference > 0).mean() + 0.5 * (difference == 0).mean())
    ### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "06-auc-check", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
check("06.auc")

# %% tags=["demo"]
score = outputs["after"][:, 1] - outputs["after"][:, 0]
print(f"AUC from scores         {metrics.auc(score, labels):.3f}")
print(f"“AUC” from hard classes {metrics.auc((score > 0).astype(float), labels):.3f}   (the mean of sensitivity and specificity at one threshold)")

# %% [markdown]
# ### Exercise 4: a threshold for a wanted sensitivity
#
# *10 minutes, 3 points, medium.* A clinic says: find at least 95 % of the ill; within that, alarm as few healthy people as you can. Write
# `threshold_for`: a patient is called ill if `score >= threshold`. Return the **highest** of the scores that, taken as the threshold, finds at least the
# wanted share of the ill.
#
# - `scores`: a float array (N,); `labels`: an array (N,) of 0 and 1; `sensitivity`: the wanted share, above 0 and at most 1.
# - Nobody ill, or a share out of range, is a `ValueError`.

# %% nbgrader={"grade": false, "grade_id": "06-threshold", "locked": false, "schema_version": 3, "solution": true, "task": false}
def threshold_for(scores, labels, sensitivity):
    """The highest threshold at which at least this share of the ill has score >= threshold.

    scores: (N,) floats; labels: (N,) of 0 and 1; sensitivity: above 0, at most 1
    """
    ### BEGIN SOLUTION
    ill = np.sort(scores[labels == 1])[::-1]
    if len(ill) == 0:
        raise ValueError("nobody is ill")
    if not 0 < sensitivity <= 1:
        raise ValueError("the wanted sensitivity must lie above 0 and be 1 at most")
    for score in ill:
        if (ill >= score).mean() >= sensitivity:
            return float(score)
    ### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "06-threshold-check", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
check("06.threshold")

# %% [markdown]
# Where to choose it? On validation patients. On the test patients it is then judged: what was wanted, and what came.

# %% tags=["demo"]
val = collect(run.model, task.val).outputs
val_score, val_labels = val[:, 1] - val[:, 0], task.val.labels.numpy()
threshold = operating_point.threshold_for(val_score, val_labels, 0.95)
called = (score >= threshold).astype(int)
for number, name in enumerate(("sensitivity", "specificity")):
    found = bootstrap_interval(lambda said, true: operating_point.rates(said, true)[number], called, labels, groups=patients, resamples=300)
    print(f"{name} on test patients {found}" + ("   wanted: 0.95" if number == 0 else ""))
print("sensitivity at a specificity of 0.9:",
      bootstrap_interval(lambda s, t: operating_point.sensitivity_at(s, t, 0.9), score, labels, groups=patients, resamples=300))

# %% [markdown]
# The threshold was right for the validation patients, and is only roughly right for others. Say so beside the number.

# %% [markdown]
# ## Can the probabilities be taken at their word?
#
# If the network says 90 % for a hundred patients, are ninety of them ill? The **calibration error** (ECE) asks that: it sorts answers by confidence into bins,
# and takes the mean distance between confidence and the share that is right, each bin weighted by how many answers lie in it. A common repair is one number: divide all logits by a **temperature**
# $T$. $T > 1$ makes answers more modest, $T < 1$ surer; the order, and with it the AUC, stays.

# %% [markdown]
# ### Exercise 5: one temperature, fitted where it may be
#
# *15 minutes, 4 points, hard.* Write `calibrate`. Find the $T$ between 0.05 and 20 that makes the mean cross-entropy small,
#
# $$L(T) = -\frac{1}{N} \sum_i \log \operatorname{softmax}(z_i / T)_{y_i}$$
#
# and say what that is worth: the mean cross-entropy of the **test** examples with this $T$. You get both splits; you decide which one $T$ is fitted on.
#
# - `val_logits`, `test_logits`: float arrays (N, C), where N may differ and C is 2 or more; `val_labels`, `test_labels`: int arrays (N,).
#   Some logits are as large as 90,000: use a log-softmax that does not overflow (`scipy.special.log_softmax` with `axis=1`).
# - Return `(T, test_loss)`, two floats; the loss in nats (natural logarithm). Both may be off by 0.1 %. `scipy.optimize.minimize_scalar` with
#   `method="bounded"` finds the minimum of a function of one number; in $\log T$ it has an easier time. A grid will do as well, if neighbours are 0.1 % apart.

# %% nbgrader={"grade": false, "grade_id": "06-temperature", "locked": false, "schema_version": 3, "solution": true, "task": false}
def calibrate(val_logits, val_labels, test_logits, test_labels):
    """(T, mean cross-entropy of the test examples with their logits divided by T).

    logits: (N, C) floats; labels: (N,) ints
    """
    ### BEGIN SOLUTION
    from scipy.optimize import minimize_scalar
    from scipy.special import log_softmax

    def loss(logits, labels, temperature):
        return -log_softmax(logits / temperature, axis=1)[np.arange(len(labels)), labels].mean()

    found = minimize_scalar(lambda x: loss(val_logits, val_labels, np.exp(x)), bounds=(np.log(0.05), np.log(20)), method="bounded",
                            options={"xatol": 1e-6})
    temperature = float(np.exp(found.x))
    return temperature, float(loss(test_logits, test_labels, temperature))
    ### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "06-temperature-check", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
check("06.temperature")

# %% tags=["demo"]
T, loss = calibration.calibrate(val, val_labels, outputs["after"], labels)
print(f"temperature {T:.2f}; test loss {calibration.mean_loss(outputs['after'], labels):.3f}, with the temperature {loss:.3f}")
for name, logits in (("as trained", outputs["after"]), ("with the temperature", outputs["after"] / T)):
    said = torch.tensor(logits).softmax(1).numpy()
    print(f"{name:21} ECE in 10 bins {bootstrap_interval(lambda p, true: metrics.expected_calibration_error(p, true, bins=10), said, labels, groups=patients)}, mean P(ill) {said[:, 1].mean():.3f}")
print(f"share ill             {labels.mean():.3f}")
pictures.reliability(outputs["after"], labels, T)

# %% [markdown]
# The numbers above the bars are pictures; a bar of few says little. Whether a temperature helps, you read off the *test* examples: with a few hundred patients it may bring
# little, and the intervals say how little is known.
#
# What it cannot repair is a shift: it moves all answers towards one half or away from it, never towards healthy. Class weights
# can make such a shift: they tell the network that all classes are equally frequent, and where the ill are rare, its probabilities of being ill can then be far too large. The
# optional Exercise 7 shows one, and undoes it.

# %% [markdown]
# ## Did anything leak?
#
# A test is only a test for patients whom the network has not seen. Two leaks are common: pictures of one patient in several splits, and the same picture twice.

# %% [markdown]
# ### Exercise 6: patients and pictures in more than one split
#
# *12 minutes, 3 points, medium.* Write `leaks`, which returns two lists:
#
# - the numbers of all patients who have pictures in **more than one** split, in rising order, each once;
# - all pairs `(i, j)` of picture numbers (counted from 0), `i < j`, in rising order, of pictures that lie in **different** splits and are equal in every pixel, whoever the patient is.
#
# `images` is a uint8 array (N, H, W); `patients` an int array (N,); `splits` a list of N names, such as `"train"`, `"val"` and `"test"`.

# %% nbgrader={"grade": false, "grade_id": "06-leaks", "locked": false, "schema_version": 3, "solution": true, "task": false}
def leaks(images, patients, splits):
    """(patients in more than one split, pairs of equal pictures of different splits).

    images: uint8 (N, H, W); patients: ints (N,); splits: N names
    """
    ### BEGIN SOLUTION
    where = {}
    for patient, split in zip(patients, splits):
        where.setdefault(int(patient), set()).add(split)
    shared = sorted(patient for patient, names in where.items() if len(names) > 1)
    pairs = []
    for i in range(len(images)):
        for j in range(i + 1, len(images)):
            if splits[i] != splits[j] and np.array_equal(images[i], images[j]):
                pairs.append((i, j))
    return shared, pairs
    ### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "06-leaks-check", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
check("06.leaks")

# %% tags=["demo"]
images = torch.cat([split.inputs[:, 0] for split in task.splits.values()]).numpy()
owners = np.concatenate([split.groups for split in task.splits.values()])
names = [name for name, split in task.splits.items() for _ in range(len(split))]
shuffled = [names[place] for place in np.random.default_rng(0).permutation(len(names))]
for how, splits in (("split by patient", names), ("the same pictures, shuffled one by one", shuffled)):
    torn, copies = leaks_of(images, owners, splits)
    print(f"{how:40} {len(torn):4} of {len(set(owners.tolist()))} patients in more than one split, {len(copies)} equal pictures")

# %% [markdown]
# ## What does it look at?
#
# **Grad-CAM** asks which places of a stage's output raise the score of a class; here of the last stage whose output still has places. With $A^k$ the $k$-th channel of that output and
# $z_\text{ill}$ the logit of “ill”: each channel is weighted with the mean gradient of the logit with respect to it, the weighted channels are added, and what is below 0 is dropped,
#
# $$M = \operatorname{relu}\Big(\sum_k a_k A^k\Big), \qquad a_k = \frac{1}{HW} \sum_{ij} \frac{\partial z_{\text{ill}}}{\partial A^k_{ij}}$$
#
# A map always looks convincing. So test the tool before you trust it: **plant a cue**. On all malignant *training* pictures we draw a bright mark in the lower right corner, as
# a scanner of the oncology ward might. A network trained on these can be right without looking at a cell. Does the map say so?

# %% tags=["demo"]
marked = with_mark(task)
cheat = finetune(adapt(small_body(), marked), marked, plans.full(epochs=4, learning_rate=1e-3, jitter=None), progress=False).model
ill = labels == 1
for name, split in (("mark on the ill, as in training", marked.test), ("no mark at all", task.test)):
    found = collect(cheat, split).outputs
    print(f"{name:34} AUC {metrics.auc(found[:, 1] - found[:, 0], labels):.3f}, sensitivity {(found[ill].argmax(1) == 1).mean():.3f}")
pictures.maps({"trained without a mark": (run.model, marked.test), "trained with the mark": (cheat, marked.test)}, np.flatnonzero(ill)[[0, 40, 80, 120]])

# %% [markdown]
# The brighter, the more a place spoke for “ill”. Below each picture stands the share of its map that lies in the corner of the mark, which is a sixteenth (6 %) of the picture. On a test split that bears the mark as well, the
# network is perfect; on pictures without it, it calls hardly anybody ill (its *order* of the patients is still fair, so the AUC alone would not have told). The maps of the network that
# knew no mark are spread over the picture, with about as much in the corner as chance would put there, or a little more; the other's lie there for a large part. The
# other way round a map says less: one that lies on the cells does not prove that the network reads them as a pathologist would.

# %% tags=["demo"]
pictures.explore_maps({"trained without a mark": run.model, "trained with the mark": cheat}, task.test, marked.test)

# %% [markdown]
# ## Reflect
#
# Six questions; one letter for each.

# %%
quiz("06.quiz")

# %% nbgrader={"grade": false, "grade_id": "06-quiz", "locked": false, "schema_version": 3, "solution": true, "task": false}
answers = [  # one letter in quotes for each question, in order: "a", "c", ...
    ### BEGIN SOLUTION
    "b",
    "a",
    "c",
    "b",
    "a",
    "b",
    ### END SOLUTION
]

# %% nbgrader={"grade": true, "grade_id": "06-quiz-check", "locked": true, "points": 6, "schema_version": 3, "solution": false, "task": false}
check("06.quiz")

# %% [markdown]
# ### In your own words
#
# *5 minutes, 2 points; a person reads this one.* A start-up writes to your hospital: “Our ResNet finds pneumonia with 96 % accuracy on 600 scans.” Name two things that
# this sentence leaves open and that could make the network useless for your patients. For each, say what you would ask for, and which answer would worry you.

# %% [markdown] nbgrader={"grade": true, "grade_id": "06-explain", "locked": false, "points": 2, "schema_version": 3, "solution": true, "task": false}
# Any two of these, each with what to ask for and what would worry, one point each (half a point without one of the two):
#
# - Sensitivity and specificity: ask for both, with the threshold and where it was chosen. Worrying: 96 % with a low sensitivity, as most scans were of one class; or a
#   threshold that was chosen on the test scans.
# - How many of the 600 were ill, and how many are among ours? Ask for predictive values at our share. Worrying: half were ill, and with us one in a hundred is.
# - Patients: were scans of one patient, or copies, on both sides of the split? Ask for a split by patient. Worrying: “we shuffled the scans”.
# - How sure: ask for intervals over patients. Worrying: 600 scans of 40 patients.
# - Where from: ask for scans of another hospital and scanner. Worrying: ill and healthy scans came from different wards (a mark, a scanner, an age group tells them apart).
# - Probabilities: ask for calibration on new patients. Worrying: scores are used as if they were probabilities.

# %% [markdown]
# ## The same on real data
#
# PneumoniaMNIST are real chest X-rays of children (28 x 28 pixels; Kermany et al. 2018). The figures at the top show MobileNetV2 on them. The set carries no patient
# numbers, so whether its splits tear patients apart cannot be known from it. What can be looked at is: how often each class occurs in each split, and pictures that stand in two.
# Where data and weights are on this machine (in the folders that `TLKIT_DATA` and `TORCH_HOME` name), this cell does so, and fine-tunes on a few scans:

# %% tags=["demo"]
import os
from pathlib import Path

is_here = {"task": Path(os.environ.get("TLKIT_DATA", "/nowhere"), "pneumoniamnist.npz").exists(),
           "weights": bool(list(Path(os.environ.get("TORCH_HOME", "/nowhere")).glob("hub/checkpoints/mobilenet_v2-*.pth")))}
if all(is_here.values()):
    from tlkit import load_backbone

    real = load_task("pneumoniamnist")
    for name, split in real.splits.items():
        print(f"{name:6}{split.balance}; {float(split.labels.float().mean()):.1%} ill")
    pixels = torch.cat([split.inputs[:, 0] for split in real.splits.values()])
    where = [name for name, split in real.splits.items() for _ in range(len(split))]
    _, copies = leaks_of((255 * pixels).round().byte().numpy() if pixels.is_floating_point() else pixels.numpy(), np.arange(len(where)), where)
    print(f"pairs of equal scans in different splits: {len(copies)}, of {len({pixels[i].numpy().tobytes() for i, _ in copies})} different scans, in",
          ", ".join(sorted({f"{where[i]} and {where[j]}" for i, j in copies})))
    xrays = real.with_labels_per_class(30, 0)
    net = finetune(adapt(load_backbone("mobilenet_v2", image_size=64), xrays), xrays, plans.linear_probe(epochs=20, learning_rate=3e-3), progress=False)
    some = xrays.test.select(np.arange(0, len(xrays.test), 6))
    found = collect(net.model, some).outputs
    print(f"head alone, 60 scans: AUC on {len(some)} test scans", bootstrap_interval(metrics.auc, found[:, 1] - found[:, 0], some.labels.numpy()))
else:
    print("Not here:", ", ".join(name for name, there in is_here.items() if not there))

# %% [markdown]
# ## If you want more
#
# Two exercises without points.
#
# ### Exercise 7 (optional): another clinic, other shares
#
# *8 minutes, medium.* A network that was trained where half of the patients are ill is used where one in ten is. If the ill look the same in both places, Bayes' rule says
# how to correct its probabilities: each class is weighed with `expected / trained`, its share there over its share in training, and rows are brought back to a sum of 1. In logits,
#
# $$p_c = \operatorname{softmax}_c\Big(z_c + \log \frac{\text{expected}_c}{\text{trained}_c}\Big)$$
#
# Write `for_other_shares`. `logits` is a float array (N, C) and may hold values of several hundred; `trained` and `expected` are float arrays (C,), all above 0. Return a float array (N, C). (A
# network that was trained with class weights $w$ on shares $\pi$ behaves as one trained on shares proportional to $w_c \pi_c$; balanced weights make them all equal.)

# %% nbgrader={"grade": false, "grade_id": "06-shares", "locked": false, "schema_version": 3, "solution": true, "task": false}
def for_other_shares(logits, trained, expected):
    """Probabilities (N, C) where classes have the shares `expected`.

    logits: (N, C) floats; trained, expected: (C,) floats above 0
    """
    ### BEGIN SOLUTION
    z = logits + np.log(expected / trained)
    z = z - z.max(axis=1, keepdims=True)
    return np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    ### END SOLUTION

# %% tags=["demo"]
check("06.shares")

# %% [markdown]
# Here is a clinic in which one patient in ten is ill. A new head on the frozen body is trained there with balanced class weights, as is often advised; then the weights
# are undone. (Set `plans.full(epochs=8)` in its place and look again: a network that comes to fit every training picture feels the weights much less, and undoing
# them can then do harm. So measure before you correct.)

# %% tags=["demo"]
def one_in_ten(split):
    ill = np.flatnonzero(split.labels.numpy() == 1)
    healthy = np.flatnonzero(split.labels.numpy() == 0)
    return split.select(np.sort(np.concatenate([healthy, ill[: round(len(healthy) / 9)]])))


clinic = dataclasses.replace(task, **{name: one_in_ten(split) for name, split in task.splits.items()})
weighed = finetune(adapt(small_body(), clinic, class_weights="balanced"), clinic, plans.linear_probe(epochs=40), progress=False).model
logits, ill_there = collect(weighed, clinic.test).outputs, clinic.test.labels.numpy()
shares = np.bincount(clinic.train.labels) / len(clinic.train)
for name, said in (("with balanced class weights", torch.tensor(logits).softmax(1).numpy()),
                   ("weights undone", calibration.for_other_shares(logits, np.array([0.5, 0.5]), shares))):
    print(f"{name:28} mean P(ill) {said[:, 1].mean():.3f}, ECE {metrics.expected_calibration_error(said, ill_there):.3f}, AUC {metrics.auc(said[:, 1], ill_there):.3f}")
print(f"share ill                    {ill_there.mean():.3f}")

# %% [markdown]
# ### Exercise 8 (optional): the calibration error
#
# *12 minutes, medium.* Above, ECE came out of the library. Write `calibration_error`. An example's confidence $c_i$ is its largest probability, and its answer is the class that has it. The
# confidences are sorted into $B$ bins that are equally wide: bin $b = 0, \dots, B - 1$ holds those with $b/B < c_i \le (b+1)/B$, so a confidence of exactly 1 lies in the last. Then
#
# $$\text{ECE} = \sum_b \frac{n_b}{N} \left| \text{right}_b - \text{confidence}_b \right|$$
#
# with $n_b$ the examples in bin $b$, $\text{right}_b$ the share of them whose answer is their label, and $\text{confidence}_b$ their mean confidence. A bin without examples adds nothing.
#
# - `probabilities`: a float array (N, C), rows that sum to 1, N of 1 or more, C of 2 or more; no row has its largest value twice. `labels`: an int array (N,). `bins`: $B$, an int of 1 or more.
# - Return one float, a share and no percentage.

# %% nbgrader={"grade": false, "grade_id": "06-calibration_error", "locked": false, "schema_version": 3, "solution": true, "task": false}
def calibration_error(probabilities, labels, bins):
    """How far confidence is from being right, a share.

    probabilities: (N, C) floats; labels: (N,) ints; bins: how many, equally wide from 0 to 1
    """
    ### BEGIN SOLUTION
    confidence, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == labels
    number = np.ceil(confidence * bins).astype(int) - 1
    error = 0.0
    for b in range(bins):
        inside = number == b
        if inside.any():
            error += inside.mean() * abs(right[inside].mean() - confidence[inside].mean())
    return float(error)
    ### END SOLUTION

# %% tags=["demo"]
check("06.calibration_error")

# %% [markdown]
# How many bins? Every bin's gap holds some chance, and the more bins, the fewer examples in each. Here are answers that are honest by construction: each is right as often as
# its confidence says. Their true calibration error is 0; what do a hundred of them seem to have?

# %% tags=["demo"]
rng = np.random.default_rng(0)
for examples in (100, 1000, 10000):
    sure = rng.uniform(0.5, 1.0, examples)
    honest, is_right = np.column_stack([sure, 1 - sure]), (rng.random(examples) >= sure).astype(int)
    errors = [metrics.expected_calibration_error(honest, is_right, bins=bins) for bins in (5, 15, 50)]
    print(f"{examples:6} honest answers: ECE {errors[0]:.3f} in 5 bins, {errors[1]:.3f} in 15, {errors[2]:.3f} in 50")

# %% [markdown]
# An ECE of a few hundredths is what chance alone gives a few hundred patients. Compare two models with the same bins on the same patients, and give intervals.

# %% [markdown]
# ## What to remember
#
# - Normalise as the **backbone** was, not as your data is.
# - **Sensitivity and specificity** do not mix classes; accuracy and predictive values change with how many are ill.
# - **AUC** needs scores. Choose the threshold on validation patients, and judge it on others.
# - A **temperature** is fitted on validation data; class weights can spoil probabilities in another way, which a shift of the logits undoes.
# - Split, and resample, by **patient**. Look for copies.
# - Test an explanation with a **planted cue** before you believe it.
#
# ## Further reading
#
# - Altman and Bland (1994), *Diagnostic tests 1: sensitivity and specificity*, and 2: *predictive values*, BMJ. One page each.
# - Guo, Pleiss, Sun and Weinberger (2017), *On calibration of modern neural networks*. Temperature, and how often it is enough.
# - Saerens, Latinne and Decaestecker (2002), *Adjusting the outputs of a classifier to new a priori probabilities*.
# - Selvaraju et al. (2017), *Grad-CAM*. And Adebayo et al. (2018), *Sanity checks for saliency maps*, against believing in maps.
# - Zech et al. (2018), *Variable generalization performance of a deep learning model to detect pneumonia in chest radiographs*. What happens in another hospital.
# - Raghu et al. (2019), *Transfusion: understanding transfer learning for medical imaging*. How little ImageNet can bring, and when.
