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
# # 10 Distillation
#
# **Can a small model learn what the big one knows?**
#
# A good model is often too large for the place where it is needed: a phone, a reading lamp, a server that answers a thousand questions a second. So a
# small model has to do. Trained alone on the few labels that there are, it stays far behind. But there is somebody whom it could ask: the large
# model. In **distillation** the large model is the *teacher*, the small one the *student*, and the student learns from what the teacher says.
#
# In this unit you write the loss of distillation, ask a teacher once for each example, and measure what comes across. You will find that it matters
# less *how* the teacher is asked than *about what*.
#
# Plan for 70 minutes: six exercises, a quiz and a question in your own words. Two more exercises are optional.

# %% [markdown]
# ## Predict
#
# The teacher has learned letters before, and then digits from a few labelled images. The student is a network of the same kind with a sixteenth of its
# parameters, which has learned nothing before. Alone, on the same labelled images, it is far behind: there is a *gap*. Now it may ask the teacher,
#
# - about the very images that have labels, or
# - about all training images, of which most have none.
#
# Which share of the gap is closed in each case? Write down two guesses.

# %%
same_images, all_images = 0.5, 0.5  # your guesses: 0 is no help at all, 1 is as good as the teacher

# %% tags=["setup"]
import numpy as np

from tlkit import check, quiz
from tlkit.explore import distillation as pictures

# %% tags=["demo"]
pictures.ways()

# %% [markdown]
# Each group is one task with so many labels; each point is one draw of the labels (a *seed*). The grey circles are students that learned alone, the black
# line is the teacher. Orange squares asked the teacher about the labelled examples, blue triangles about all examples, without their labels. Light
# diamonds got the teacher's answers alone, as if they were labels. All were trained for as many steps, and each way was tuned on validation data, the grey ones too.
#
# Where is the gap large, and which marks lie far above the grey ones? Keep your guesses in mind; you will compute the shares yourself.

# %% [markdown]
# ## Teacher and student
#
# Now for real. The teacher is `glyphnet`, pretrained on letters, fine-tuned here on ten labelled images of each digit. The student is `glyphnet_small`: the same
# layers, a quarter as wide.

# %% tags=["setup"]
import torch
from torch.nn import functional as F

from tlkit import adapt, finetune, load_backbone, load_task, plans

whole = load_task("digits")
task = whole.with_labels_per_class(10, seed=0)

# %% tags=["demo"]
teacher_run = finetune(adapt(load_backbone("glyphnet"), task), task, plans.lp_ft(epochs=15, jitter=None))
teacher = teacher_run.model


def count(model):
    return sum(parameter.numel() for parameter in model.parameters())


def new_student(seed=0):
    return adapt(load_backbone("glyphnet_small", seed=seed), task, seed=seed)


print(f"teacher {count(teacher):>8,} parameters, test accuracy {teacher_run.accuracy('test'):.3f}")
print(f"student {count(new_student()):>8,} parameters: {count(new_student()) / count(teacher):.1%} of the teacher's")
print(f"labelled images: {len(task.train)}; training images without their labels: {len(whole.train)}")

# %% [markdown]
# ## What a label does not say
#
# A label says “this is a 7”. A teacher says more: a 7, perhaps a 1, hardly a 3, never a 6. These probabilities hold what it knows about which digits look alike. But a
# trained teacher is so sure that they are nearly 0 and 1. A **temperature** $T$ brings them out again: logits are divided by it before the softmax,
#
# $$p_c = \frac{\exp(t_c / T)}{\sum_k \exp(t_k / T)}$$
#
# At $T = 1$ this is the softmax that you know. The higher $T$, the flatter the distribution; below 1 it gets steeper. The result is called **soft targets**.

# %% [markdown]
# ### Exercise 1: soft targets
#
# *5 minutes, 2 points, easy.* Write `soft_targets` by the formula, without a ready-made softmax (nor `log_softmax`; `exp` and `logsumexp` are allowed). It must hold for logits of any size: exp(800) is infinite, and 0 / 0 is no
# probability.
#
# - `logits`: a float tensor (B, C), a row an example.
# - `temperature`: a number above 0.
# - Return a tensor (B, C); each row adds up to 1.

# %% nbgrader={"grade": false, "grade_id": "10-soft_targets", "locked": false, "schema_version": 3, "solution": true, "task": false}
def soft_targets(logits, temperature):
    """Probabilities (B, C) at a temperature."""
    ### BEGIN SOLUTION
    scaled = (logits - logits.max(dim=1, keepdim=True).values) / temperature
    weights = torch.exp(scaled)
    return weights / weights.sum(dim=1, keepdim=True)
    ### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "10-soft_targets-check", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("10.soft_targets")

# %% [markdown]
# Now play with it. Four test images of which a teacher is least sure, and four ordinary ones. Move the temperature: what does the second choice get, and what do all others get
# together? At the highest temperature, what is left of the teacher's knowledge that you could still see?

# %% tags=["demo"]
pictures.explore_temperature()

# %% [markdown]
# On the right is what students reached that learned at these temperatures (those that were measured). Compare how much the bars change with how much the curves do.

# %% [markdown]
# ## The loss
#
# The student's logits $s$ are to give the same soft targets as the teacher's logits $t$. The Kullback-Leibler divergence measures how far they are apart:
#
# $$\mathrm{KL}(p \,\|\, q) = \sum_c p_c \,(\log p_c - \log q_c)$$
#
# $$p = \mathrm{softmax}(t / T), \qquad q = \mathrm{softmax}(s / T)$$
#
# It weighs by the *teacher's* probabilities: what the teacher deems possible, the student must not rule out. Where there are labels $y$, both are mixed, with a share $a$ for the
# teacher (Hinton, Vinyals and Dean 2015):
#
# $$L = \frac{1}{B} \sum_{b=1}^{B} \Big[ (1 - a) \, \mathrm{CE}(s_b, y_b) + a \, T^2 \, \mathrm{KL}(p_b \,\|\, q_b) \Big]$$
#
# CE is the usual cross-entropy at temperature 1. Why $T^2$? You will see in a moment.

# %% [markdown]
# ### Exercise 2: the loss of distillation
#
# *12 minutes, 4 points, medium.* Write `kd_loss` by the formula. You may use torch's `log_softmax`, `cross_entropy` and `kl_div`; if you take `kl_div`, read what it expects and over what
# it takes its mean.
#
# - `student_logits`, `teacher_logits`: float tensors (B, C).
# - `labels`: an int64 tensor (B,).
# - `temperature`: $T$, above 0. `soft_share`: $a$, from 0 (the labels alone) to 1 (the teacher alone).
# - Return a tensor without an axis (shape `()`), through which a gradient flows to the student's logits in both parts. It must hold for logits of any size, hundreds and thousands too.

# %% nbgrader={"grade": false, "grade_id": "10-kd_loss", "locked": false, "schema_version": 3, "solution": true, "task": false}
def kd_loss(student_logits, teacher_logits, labels, temperature, soft_share):
    """(1 - a) CE + a T^2 KL(teacher || student), the mean over the examples."""
    ### BEGIN SOLUTION
    student = F.log_softmax(student_logits / temperature, dim=1)
    teacher = F.log_softmax(teacher_logits / temperature, dim=1)
    soft = temperature**2 * F.kl_div(student, teacher, log_target=True, reduction="batchmean")
    return (1 - soft_share) * F.cross_entropy(student_logits, labels) + soft_share * soft
    ### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "10-kd_loss-check", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
check("10.kd_loss")

# %% [markdown]
# What would happen without $T^2$? Here is the length of the gradient that the teacher's part sends to the logits of a fresh student, for some images, with and without it:

# %% tags=["demo"]
from tlkit.heads import distillation_loss

images = task.test.inputs[:64]
with torch.no_grad():
    said, student_says = teacher(images), new_student()(images)
print(f"{'T':>4} {'without T squared':>20} {'with T squared':>16}")
for temperature in (1, 2, 4, 8, 16):
    logits = student_says.clone().requires_grad_()
    distillation_loss(logits, said, temperature).backward()
    length = float(logits.grad.norm())
    print(f"{temperature:>4} {length / temperature**2:>20.5f} {length:>16.5f}")
logits = student_says.clone().requires_grad_()
F.cross_entropy(logits, task.test.labels[:64]).backward()
print(f"the labels' part, at any T: {float(logits.grad.norm()):.5f}")

# %% [markdown]
# Without it, the teacher's voice fades as $T$ rises, while the labels speak as loudly as before: you would have changed two things at once, the softness and the mixture. With it, the
# size of the gradient stays within the same order of magnitude. (Exercise 8 derives why.)

# %% [markdown]
# ## Ask once
#
# The teacher is large; asking it at every step can cost more than training the student. But its answer about an image does not change from epoch to epoch. So it is asked once for each example,
# and what it said is kept. Three things can go wrong without any error message: the teacher is still in training mode, it records gradients for nobody, or what is kept belongs to other examples, as the
# loader had shuffled them.

# %% [markdown]
# ### Exercise 3: what the teacher says, once
#
# *10 minutes, 3 points, medium.* Write `ask_teacher`: the logits of every example, **in the examples' order**.
#
# - `teacher`: a module that gives logits (B, C). Ask it in evaluation mode, inside `torch.no_grad()` (or the like), and change
#   nothing about it: leave it in the mode that it was in when it was handed to you (all its parts are in one mode then), and each of its parameters as trainable as it was: some may be frozen.
# - `batches`: a loader; walk through it for pairs `(inputs, numbers)`, in any order (`len(batches)` is the number of batches). `numbers` is an int64 tensor (B,): row i of the batch is example `numbers[i]`. The last batch may be smaller. Each of the N examples
#   (numbers 0 to N - 1) is in exactly one batch; walk through the batches once, also not a second time to count.
# - Return a tensor (N, C); row n is what the teacher says of example n.

# %% nbgrader={"grade": false, "grade_id": "10-cache", "locked": false, "schema_version": 3, "solution": true, "task": false}
def ask_teacher(teacher, batches):
    """Logits (N, C) of all examples, in the examples' order."""
    ### BEGIN SOLUTION
    was_training = teacher.training
    teacher.eval()
    said, numbers = [], []
    with torch.no_grad():
        for inputs, places in batches:
            said.append(teacher(inputs))
            numbers.append(places)
    teacher.train(was_training)
    said, numbers = torch.cat(said), torch.cat(numbers)
    kept = torch.empty_like(said)
    kept[numbers] = said
    return kept
    ### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "10-cache-check", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
check("10.cache")

# %% [markdown]
# How long would it take to ask at every step, and how long once?

# %% tags=["demo"]
import time

from tlkit.teacher import ask_once

order = torch.randperm(len(whole.train), generator=torch.Generator().manual_seed(0)).split(64)
started = time.perf_counter()
kept = ask_once(teacher, [(whole.train.inputs[part], part) for part in order])
seconds = time.perf_counter() - started
sure = kept.softmax(dim=1).max(dim=1).values
print(f"asked about {len(kept)} images in {seconds:.2f} s; in 20 epochs, anew each time: {20 * seconds:.1f} s")
learned = ask_once(teacher, [(task.train.inputs, torch.arange(len(task.train)))]).softmax(dim=1).max(dim=1).values
print(f"the teacher is surer than 0.99 of {float((sure > 0.99).float().mean()):.0%} of them, "
      f"and of {float((learned > 0.99).float().mean()):.0%} of the {len(task.train)} that it learned from")

# %% [markdown]
# (There is one case in which keeping is wrong: where images are changed at random at every step, the student sees an image that the teacher was never asked about. The library notices, and asks anew.)

# %% [markdown]
# ## Three students
#
# `distill` trains a student by the one loop of this course, with the loss that you wrote. First a student alone, then one that asks about the same images, then one that asks about all of them. In the last case
# `soft_share=1`: the labels, which nobody is supposed to know, do not count.

# %% tags=["demo"]
from tlkit.data.augmentation import Jitter
from tlkit.distillation import Distil, distill


def plan_for(examples, steps=200, jitter=None):
    epochs = max(1, round(steps / -(-examples // 32)))
    return plans.full(epochs=epochs, learning_rate=1e-2, head_learning_rate=1e-2, patience=None, jitter=jitter)


alone = finetune(new_student(), task, plan_for(len(task.train), jitter=Jitter(10, 0.1, 0.1, 0.5)))
print(f"alone:                                   test accuracy {alone.accuracy('test'):.3f}")

# %% tags=["demo"]
same = distill(new_student(), teacher, task, plan_for(len(task.train)), settings=Distil(temperature=4.0, soft_share=0.9))
print(f"teacher, on the same {len(task.train)} images:         test accuracy {same.accuracy('test'):.3f}")

# %% tags=["demo"]
everything = distill(new_student(), teacher, whole, plan_for(len(whole.train)), settings=Distil(temperature=4.0, soft_share=1.0))
print(f"teacher, on all {len(whole.train)} images, no labels:  test accuracy {everything.accuracy('test'):.3f}")

# %% [markdown]
# The student alone was helped by random changes of its images, which multiply what it sees; a student that is not given the best that it could have is no fair comparison. The second one saw its images as they are, so the two differ in more than the teacher. This is one draw of the labels. Do not conclude from it; the shipped
# runs have several, and you will use them below.

# %% [markdown]
# ## Agreement is not accuracy
#
# Is the student like its teacher? **Agreement** is the share of examples to which both give the same answer. It needs no labels, so it can be measured on whatever comes in, today.

# %% [markdown]
# ### Exercise 4: agreement
#
# *5 minutes, 2 points, easy.* Write `agreement`: the share (from 0 to 1) of examples of which student and teacher have the largest output at the same class, right or wrong.
#
# - `student_logits`, `teacher_logits`: float numpy arrays (N, C) with numbers of any size, of the same examples in the same order. Where several outputs are equally the largest, the first one is the answer.
# - Return a float. No examples, or arrays of different shapes (another N or another C), are a `ValueError`.

# %% nbgrader={"grade": false, "grade_id": "10-agreement", "locked": false, "schema_version": 3, "solution": true, "task": false}
def agreement(student_logits, teacher_logits):
    """The share of examples with the same answer."""
    ### BEGIN SOLUTION
    if student_logits.shape != teacher_logits.shape or len(student_logits) == 0:
        raise ValueError("agreement needs some examples, and the same ones of both")
    return float(np.mean(student_logits.argmax(axis=1) == teacher_logits.argmax(axis=1)))
    ### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "10-agreement-check", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("10.agreement")

# %% tags=["demo"]
from tlkit.agreement import agreement as share_alike
from tlkit.evaluation import predict_logits
from tlkit.metrics import expected_calibration_error

labels = task.test.labels.numpy()
said = predict_logits(teacher, task.test.inputs).numpy()
print(f"{'':32}{'accuracy':>10}{'agreement':>11}{'mean confidence':>17}{'ECE':>8}")
for name, run in (("teacher", teacher_run), ("student alone", alone), ("teacher, on the same images", same), ("teacher, on all images", everything)):
    logits = predict_logits(run.model, task.test.inputs)
    probabilities = logits.softmax(dim=1).numpy()
    error = float(expected_calibration_error(probabilities, labels))
    print(f"{name:32}{(logits.numpy().argmax(1) == labels).mean():>10.3f}{share_alike(logits.numpy(), said):>11.3f}{probabilities.max(1).mean():>17.3f}{error:>8.3f}")
wrong = said.argmax(1) != labels
print(f"\nthe teacher is wrong on {wrong.sum()} test images; the same wrong digit is said")
for name, run in (("by the student alone", alone), ("by the one that asked about all", everything)):
    ours = predict_logits(run.model, task.test.inputs).numpy().argmax(1)
    print(f"   {name:32} on {(ours == said.argmax(1))[wrong].sum()} of them")

# %% [markdown]
# Did the last student take over its teacher's mistakes? Only if the second count lies clearly above the first, for some images mislead everybody. Where student and teacher agree they are right together or wrong together, so agreement bounds how far their accuracies can be apart, and says nothing about where they both are.
#
# ECE is the calibration error that you know from unit 06: how far confidence is from the share that is right. Compare the *mean confidence* beside it with the accuracy: who is surer than it is right, and by how much?

# %% [markdown]
# ## Which temperature?
#
# It is a setting like any other: it is chosen on validation data, and only then the test set is looked at. The *loss* cannot choose it. At another temperature it is another loss, and flat targets are easy to match.

# %% [markdown]
# ### Exercise 5: which temperature?
#
# *6 minutes, 2 points, easy.* Write `choose_temperature`.
#
# - `runs`: a list of tuples `(temperature, seed, loss, validation_accuracy, test_accuracy)`, in any order; every temperature was run with the same seeds.
# - Take the temperature whose **mean validation accuracy over the seeds** is highest, by however little; of several that are equal, the lowest temperature.
# - Return `(temperature, accuracy)`, where the accuracy is the mean **test** accuracy of its runs. No runs are a `ValueError`.

# %% nbgrader={"grade": false, "grade_id": "10-temperature", "locked": false, "schema_version": 3, "solution": true, "task": false}
def choose_temperature(runs):
    """The temperature to take, and the mean test accuracy at it."""
    ### BEGIN SOLUTION
    if not runs:
        raise ValueError("no runs to choose from")
    best = None
    for temperature in sorted({run[0] for run in runs}):
        of_it = [run for run in runs if run[0] == temperature]
        mean = np.mean([run[3] for run in of_it])
        if best is None or mean > best[0]:
            best = mean, temperature, np.mean([run[4] for run in of_it])
    return best[1], float(best[2])
    ### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "10-temperature-check", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("10.temperature")

# %% tags=["demo"]
from tlkit.evaluation import mean_interval, paired_difference

measured = pictures.results()
temperatures = measured["temperatures"]
for result in measured["results"]:
    by = result["soft, all examples"]["by_temperature"]
    best = int(np.mean(by["val"], axis=1).argmax())
    print(f"{pictures.named(result)}: chosen T = {temperatures[best]:g}")
    for temperature, val, test in zip(temperatures, by["val"], by["test"]):
        print(f"   T = {temperature:<4g} validation {np.mean(val):.3f}   test {mean_interval(test)}")
    difference = paired_difference(by["test"][best], by["test"][temperatures.index(1.0)]) if best else "it is the same"
    print(f"   chosen minus T = 1, on the test set: {difference}")

# %% [markdown]
# The numbers in brackets are 95 % intervals over the draws of labels, of which there are three: so few that an interval may reach beyond 1, and has no width where all three agree by chance. Ask of each task whether these draws can tell one temperature from the next. The papers have a temperature in every table; how much of what you saw so far hangs on it?

# %% [markdown]
# ## How much came across?
#
# “The student keeps 97 % of the teacher's accuracy” sounds well, and is no evidence: a student that never met the teacher may keep 95 %. What distillation did begins where the student *alone* stands:
#
# $$\text{share of the gap closed} = \frac{\bar d - \bar a}{\bar t - \bar a}$$
#
# with the means over seeds of the accuracies of the student alone ($\bar a$), of the distilled student ($\bar d$) and of the teacher ($\bar t$).

# %% [markdown]
# ### Exercise 6: the share of the gap
#
# *7 minutes, 3 points, medium.* Write `gap_closed` by the formula: means first, then the ratio. A share above 1 (better than the teacher) and below 0 (harm) are results, and stay as they are. Where the teacher's mean is not above that of
# the student alone, there is no gap to close: return nan, `float("nan")`. A gap may be very small.
#
# - `alone`, `distilled`, `teacher`: numpy arrays, one accuracy (0 to 1) a seed; they may have different lengths, and none is empty.

# %% nbgrader={"grade": false, "grade_id": "10-gap", "locked": false, "schema_version": 3, "solution": true, "task": false}
def gap_closed(alone, distilled, teacher):
    """The share of the way from the student alone to the teacher; nan where there is none."""
    ### BEGIN SOLUTION
    a, d, t = np.mean(alone), np.mean(distilled), np.mean(teacher)
    return float((d - a) / (t - a)) if t > a else float("nan")
    ### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "10-gap-check", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
check("10.gap")

# %% tags=["demo"]
print(pictures.table())
few = measured["results"][0]
print(f"\n{pictures.named(few)}: same examples {pictures.closed(few, 'soft, same examples'):.2f}, all examples "
      f"{pictures.closed(few, 'soft, all examples'):.2f}; your guesses were {same_images:.2f} and {all_images:.2f}")

# %% [markdown]
# Read the table from top to bottom, and look for what did *not* help:
#
# - On the **same few examples** the teacher adds little or nothing to the labels. It was trained on these very examples, and at $T = 1$ is so sure of them that its soft targets are hardly softer than labels. $T = 4$ was tried as well; the table has the better of the two on validation data, and no interval below lies above 0.
# - With **nearly all labels known** there is hardly a gap left; a share of almost nothing means almost nothing, and can have any sign.
# - On the digits with few labels the teacher's **answers as labels** (“hard”) on all examples do no less than its probabilities: their share of the gap is larger, and the differences below lie within what three draws vary. What came across are mainly new examples. The two rows differ in one more setting: with few labels, validation data chose images changed at random for the answers, and images as they are for the probabilities (there the teacher is asked about each changed image, and its fine-tuning showed it none). On the tickets, where the teacher is right less often, compare the two rows again: first the accuracy, then agreement and calibration error.
# - The **tickets** are harder to carry over than the digits: even with all texts the small network that reads them from nothing stays well below its teacher, which has read a billion sentences.
#
# And what the table does not show: the settings were chosen with a validation split that has more labels than the student. That is so for every row alike.

# %% tags=["demo"]
print("differences, seed by seed, with 95 % intervals over the draws of labels")
for result in measured["results"]:
    print(pictures.named(result))
    for one, other in (("soft, same examples", "alone"), ("soft, all examples", "alone"), ("soft, all examples", "hard, all examples")):
        print(f"   {one:20} minus {other:20} {paired_difference(result[one]['test'], result[other]['test'])}")

# %% [markdown]
# ## Tickets
#
# The same with texts. The teacher is MiniLM with a new head, from four labelled tickets of each intent. The student `minilm_small` is a BERT of two blocks with
# random weights: it has never read a word. Where are its parameters?

# %% tags=["demo"]
reader = load_backbone("minilm_small")
print(reader.describe())
large, small = measured["parameters"].get("tickets", (None, None))
if large:
    print(f"MiniLM has {large:,} parameters; the student has {small / large:.0%} of them")

# %% [markdown]
# Most are in its table of words. A run takes minutes, so it was made beforehand (`python -m benchmarks.distillation`); from a terminal you can do it yourself:
#
#     tlkit finetune tickets --labels-per-class 4 --plan linear_probe --out runs/teacher
#     tlkit distill runs/teacher --student minilm_small --soft-share 1 --temperature 1 --out runs/small
#
# With `--unlabelled FILE` the teacher is asked about your own texts, one a line, that nobody labelled.
#
# ## Is distillation parameter-efficient?
#
# The text that this course grew from says that deep transfer learning “can be seen as a special form of parameter-efficient knowledge distillation”. Three notions in one sentence. Count, and keep them apart:

# %% tags=["demo"]
lora = finetune(adapt(load_backbone("glyphnet"), task), task, plans.lora(rank=2, epochs=1), progress=False)
print(f"{'':26}{'trained':>10}{'used at each prediction':>26}")
for name, trained, used in (("full fine-tuning", count(teacher), count(teacher)),
                            ("LoRA of rank 2", sum(p.numel() for p in lora.model.parameters() if p.requires_grad), count(lora.model)),
                            ("distillation (student)", count(everything.model), count(everything.model))):
    print(f"{name:26}{trained:>10,}{used:>26,}")
shared = {id(p) for p in teacher.parameters()} & {id(p) for p in everything.model.parameters()}
print(f"parameters that the student has from its teacher: {len(shared)}")

# %% [markdown]
# *Parameter-efficient* fine-tuning trains few numbers and carries the whole large body along at every prediction. *Distillation* trains every number of a small body and leaves the large one behind. Fine-tuning carries knowledge over in the **weights**;
# distillation carries it over in the **outputs on some data**, and not one weight. What the sentence has right is the common idea: what one model has learned is used by another.

# %% [markdown]
# ## Reflect
#
# Six questions; one letter for each.

# %%
quiz("10.quiz")

# %% nbgrader={"grade": false, "grade_id": "10-quiz", "locked": false, "schema_version": 3, "solution": true, "task": false}
answers = [  # one letter in quotes for each question, in order: "a", "c", ...
    ### BEGIN SOLUTION
    "b",
    "c",
    "a",
    "b",
    "b",
    "c",
    ### END SOLUTION
]

# %% nbgrader={"grade": true, "grade_id": "10-quiz-check", "locked": true, "points": 6, "schema_version": 3, "solution": false, "task": false}
check("10.quiz")

# %% [markdown]
# ### In your own words
#
# *5 minutes, 2 points; a person reads this one.* A supplier writes: “Our distilled model keeps 97 % of the large model's accuracy at a sixteenth of its size.” Write down two things that you would have to know before you could say what distillation did, and what each
# would change.

# %% [markdown] nbgrader={"grade": true, "grade_id": "10-explain", "locked": false, "points": 2, "schema_version": 3, "solution": true, "task": false}
# Any two of these, each with what it would change, one point each (half a point without the consequence):
#
# - What does the same small model reach alone, tuned as carefully? If it keeps 96 % by itself, distillation closed a small part of the gap; if 60 %, nearly all.
# - On which examples was the teacher asked? If on many without labels, the gain is from those examples, and pseudo-labels might do the same; one must have such examples.
# - How many seeds, and which intervals? A point or two can be luck of the draw.
# - How were temperature and other settings chosen? On the test set the number is too good.
# - Which mistakes and which confidence did it take over? High agreement keeps the teacher's errors; a soft student can be less sure than it is right.
# - On which data is accuracy measured? Where new data differ from what the teacher was asked about, the student may fall further than the teacher.

# %% [markdown]
# ## The same on real data
#
# banking77 holds what customers wrote to a bank: 77 intents. Where it is on this machine (in the folder that `TLKIT_DATA` names, or downloaded before), this cell says what there is to
# learn from, and how to let MiniLM with five labels for each intent teach the small reader on all texts. That takes a while, and more memory than a notebook should, so it is for a terminal.

# %% tags=["demo"]
from tlkit.data.downloads import is_here

if is_here("banking77/train.csv") and is_here("banking77/test.csv"):
    bank = load_task("banking77")
    print(bank.describe())
    print(f"with five labels for each intent, {len(bank.train) - 5 * len(bank.classes):,} training texts are left without")
else:
    print('banking77 is not on this machine; load_task("banking77") downloads it')

# %% [markdown]
#     tlkit finetune banking77 --labels-per-class 5 --plan linear_probe --out runs/bank
#     tlkit distill runs/bank --student minilm_small --soft-share 1 --temperature 1 --out runs/bank_small

# %% [markdown]
# ## If you want more
#
# Two exercises without points.
#
# ### Exercise 7 (optional): where the teacher looks
#
# *10 minutes, medium.* A student can also learn from the inside of its teacher. **Attention transfer** asks that both look at the same places (Zagoruyko and Komodakis 2017). A map $x$ of $K$ channels becomes one number for each of its $H W$ places, $a(x) = \sum_k x_k^2$, and the
# loss of an example is
#
# $$\left\| \frac{a(x)}{\|a(x)\|} - \frac{a(y)}{\|a(y)\|} \right\|^2$$
#
# with Euclidean lengths over all places of the example. Write `attention_loss` for a batch.
#
# - `student`: a float tensor (B, K, H, W); `teacher`: (B, L, H, W), with any number of channels. No map is 0 everywhere, but features may be as weak as 0.001: divide by the length and nothing else.
# - Return a tensor (B,), through which a gradient flows to the student.

# %% nbgrader={"grade": false, "grade_id": "10-attention", "locked": false, "schema_version": 3, "solution": true, "task": false}
def attention_loss(student, teacher):
    """One number for each example: how differently the two look."""
    ### BEGIN SOLUTION
    first, second = (x.square().sum(dim=1).flatten(1) for x in (student, teacher))
    first, second = (a / a.norm(dim=1, keepdim=True) for a in (first, second))
    return (first - second).square().sum(dim=1)
    ### END SOLUTION

# %% tags=["demo"]
check("10.attention")

# %% [markdown]
# ### Exercise 8 (optional): what the teacher sends back
#
# *10 minutes, hard.* Derive the gradient of the teacher's part of the loss, $\frac{1}{B} \sum_b T^2\, \mathrm{KL}(p_b \,\|\, q_b)$, by the student's logits, and write it down in closed form, without automatic differentiation: `kd_gradient`.
#
# - `student_logits`, `teacher_logits`: float tensors (B, C), of ordinary size (exp does not overflow); `temperature`: $T$, above 0.
# - Return a tensor (B, C). You may use torch's `softmax`.

# %% nbgrader={"grade": false, "grade_id": "10-gradient", "locked": false, "schema_version": 3, "solution": true, "task": false}
def kd_gradient(student_logits, teacher_logits, temperature):
    """The gradient (B, C) of the mean of T^2 KL(teacher || student) by the student's logits."""
    ### BEGIN SOLUTION
    student, teacher = (torch.softmax(logits / temperature, dim=1) for logits in (student_logits, teacher_logits))
    return temperature * (student - teacher) / len(student_logits)
    ### END SOLUTION

# %% tags=["demo"]
check("10.gradient")

# %% [markdown]
# For a very high temperature $\exp(s_c / T) \approx 1 + s_c / T$, and the gradient becomes the difference of the logits, each less its mean over the classes, divided by $B C$: matching logits by least squares is distillation at an infinite temperature. How high is very high?

# %% tags=["demo"]
from tlkit.distillation_losses import distillation_gradient

generator = torch.Generator().manual_seed(0)
s, t = (3 * torch.randn(32, 10, generator=generator, dtype=torch.float64) for _ in range(2))
matching = ((s - s.mean(dim=1, keepdim=True)) - (t - t.mean(dim=1, keepdim=True))) / s.numel()
for temperature in (1, 2, 4, 8, 16, 64, 256):
    found = distillation_gradient(s, t, temperature)
    print(f"T = {temperature:<4} relative distance to matching logits {float((found - matching).norm() / matching.norm()):.3f}")

# %% [markdown]
# ## What to remember
#
# - **Soft targets** say what a teacher thinks of every class; the temperature brings it out. The loss is $T^2\,\mathrm{KL}(\text{teacher} \,\|\, \text{student})$, a sum over classes and a mean over examples.
# - The teacher is asked **once**, in evaluation mode, without gradients, and each answer is kept **by example**.
# - What is not asked is not transferred: **more examples**, labelled or not, carry more across than a finer temperature.
# - Compare with the **student alone**, tuned as carefully, and report the share of the gap, not of the teacher's accuracy.
# - **Agreement** is not accuracy: two models that make the same mistakes agree.
#
# ## Further reading
#
# - Hinton, Vinyals and Dean (2015), *Distilling the knowledge in a neural network*. Temperature, $T^2$, and the limit of matching logits.
# - Romero et al. (2015), *FitNets*. Hints: the student learns from the teacher's features.
# - Zagoruyko and Komodakis (2017), *Paying more attention to attention*. The maps of exercise 7.
# - Sanh et al. (2019), *DistilBERT*. A Transformer distilled during pretraining.
# - Turc, Chang, Lee and Toutanova (2019), *Well-read students learn better*. Small BERTs: what pretraining the student itself adds.
# - Beyer et al. (2022), *Knowledge distillation: a good teacher is patient and consistent*. Teacher and student must see the same view of an image.
# - Stanton et al. (2021), *Does knowledge distillation really work?* On agreement, and how far students stay from it.
