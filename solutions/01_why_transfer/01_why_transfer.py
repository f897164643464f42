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
# # 01 Why transfer?
#
# **What is a pretrained network worth, in labels?**
#
# Labels cost money. A doctor has to look at the scan, a driver has to report the fault, a linguist has to mark the
# sentence. In this unit you measure how many of those labels a pretrained network saves you, and you learn to measure
# it so that you would believe the number if somebody else had found it.
#
# Plan for 60 to 80 minutes. You will write six short functions. After each there is a cell with `check("...")`: run it as
# often as you like, it tells you what is right and what is not yet, and it costs nothing to be wrong.

# %% [markdown]
# ## Predict
#
# Here is the situation. The task is to read handwritten digits. You may have five labelled images of each digit, fifty
# in all. You can
#
# - fit **logistic regression on the pixels**,
# - train a **network from scratch** on the fifty images,
# - take the same network, **pretrained to tell printed letters apart** (it has never seen a digit), and fit only a new
#   last layer: a **linear probe**,
# - or let all of the pretrained network learn on: **fine-tuning**.
#
# Write down what you expect before you look: the share of new digits that each reads correctly.

# %%
guess = {"pixels": 0.5, "scratch": 0.5, "linear_probe": 0.5, "finetuned": 0.5}  # your guesses, from 0 to 1

# %% [markdown]
# ## See
#
# The next figure shows runs that were made beforehand, many seeds for each point: another seed draws other labelled
# images and other starting weights. On the left, each curve is a mean; on the right, each dot is one run.

# %% tags=["setup"]
import numpy as np

from tlkit import check, quiz
from tlkit.explore import why_transfer

# %% tags=["demo"]
why_transfer.learning_curves(chosen=5)

# %% [markdown]
# How close were you?

# %% tags=["demo"]
measured = why_transfer.results()
five = measured["labels_per_class"].index(5)
for strategy, expected in guess.items():
    found = why_transfer.accuracies(strategy)[five].mean()
    print(f"{why_transfer.STYLE[strategy][0]:32} you said {expected:.2f}, measured {found:.2f}")

# %% [markdown]
# Now take it in your own hands. Move the number of labels and watch how the dots of the single runs spread and close up.
# Then move the target accuracy: the dotted lines fall onto the number of labels that each strategy needs for it. That
# sideways reading is what this unit is about.
#
# (The sliders also move with the arrow keys.)

# %% tags=["demo"]
why_transfer.explore_learning_curves()

# %% [markdown]
# ## What is claimed
#
# The text that this course grew from gives three advantages of deep transfer learning: it needs little data, it trains
# in a short time, and it generalises well. It adds that a fine-tuned model performs “no worse than” one trained from
# scratch. It shows no measurement for any of them.
#
# They are good claims to test, because each hides a question:
#
# - *little data*: how much less, for which accuracy?
# - *no worse than scratch*: was scratch given a fair chance?
# - *a short time*: beside which other way, on which machine?
# - *generalises well*: on how many draws of the data, and with what spread?
#
# By the end of the unit you will have measured the time, and written the code that answers the others.

# %% [markdown]
# ## Two worlds
#
# The pretrained network is called **glyphnet**. It is a small residual network that learned to name letters which were
# rendered from fonts and distorted like handwriting. There are no digits among them. The task to transfer to are real
# handwritten digits, 8 by 8 pixels, from scikit-learn.
#
# (A sceptic asks: is an O not a zero? Letters that look like a digit of their own font were left out of the pretraining;
# what is left can still resemble one. That the two worlds are close is the point, and a limit of what you will find.)
#
# Glyphnet was told the name of each letter that it saw: **supervised** pretraining. So was the well-known ResNet, on
# ImageNet, a million photographs with 1,000 names. Other bodies make their targets from the data itself, such as BERT,
# which guesses words that were hidden in a sentence: **self-supervised** pretraining.

# %%
from tlkit import load_backbone, load_task
from tlkit.explore.figures import Picture

task = load_task("digits")
for split in (task.train, task.val, task.test):
    print(split.describe())

# %% tags=["demo"]
from tlkit.data.glyphs import example_letters

letters, names = example_letters(count=10, seed=1)
some = [int(np.flatnonzero(task.train.labels.numpy() == digit)[0]) for digit in range(10)]
display(Picture(why_transfer.draw_images(letters, names), "Ten distorted letters, as glyphnet saw them"))
display(Picture(why_transfer.draw_images(task.train.inputs[some, 0].numpy(), [str(d) for d in range(10)]),
                "Ten handwritten digits, one of each class"))

# %% [markdown]
# ## A few labels, drawn fairly
#
# To ask what five labels a class are worth, you must be able to *draw* five labels a class: a **stratified sample**. It
# sounds too simple to get wrong, and a wrong draw makes every later number wrong without any error message.

# %% [markdown]
# ### Exercise 1: draw a few labels, fairly
#
# *10 minutes, 3 points, easy.* Write `stratified_sample`. Given the labels of all examples, it returns the **indices** of
# a random sample with exactly `labels_per_class` examples of every class that occurs.
#
# - No example is drawn twice.
# - The same seed gives the same sample; another seed gives another. Any order will do.
# - A class with too few examples is a `ValueError`.
# - Other code draws random numbers as well: leave numpy's global random state as it is.
#
# The class numbers need not be 0, 1, 2, ...

# %% nbgrader={"grade": false, "grade_id": "01-sample", "locked": false, "schema_version": 3, "solution": true, "task": false}
def stratified_sample(labels, labels_per_class, seed):
    """Indices of a random sample with the same number of examples of every class.

    labels: array of class numbers, one for each example
    labels_per_class: how many examples to draw of each class
    seed: the same seed gives the same sample
    """
    ### BEGIN SOLUTION
    rng = np.random.default_rng(seed)
    pools = [np.flatnonzero(labels == name) for name in np.unique(labels)]
    return np.concatenate([rng.choice(pool, size=labels_per_class, replace=False) for pool in pools])
    ### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "01-sample-check", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
check("01.sample")

# %% [markdown]
# `load_task` draws its samples the same way. Here are two draws of one label a class. Would you bet on the same accuracy
# for both? Below each stands what the library's linear probe makes of it; the next section says what that is.

# %% tags=["demo"]
for seed in (0, 1):
    few = task.with_labels_per_class(1, seed).train
    in_order = few.labels.argsort()
    display(Picture(why_transfer.draw_images(few.inputs[in_order, 0].numpy(), [str(d) for d in range(10)]),
                    f"One labelled image of each digit, drawn with seed {seed}"))
    print(f"a linear probe that learned from these ten, on the test images: {why_transfer.accuracies('linear_probe')[0][seed]:.3f}")

# %% [markdown]
# ## What the frozen network sees
#
# Cut off glyphnet's last layer, and what remains is a **body** that turns an image into a list of numbers: its
# **features**. Leave the body frozen and ask what a straight line can read from them. Such a **linear probe** is the
# cheapest transfer there is, and a good way to look into a network.

# %% tags=["setup"]
import torch

body = load_backbone("glyphnet")
print(body.describe())

with torch.no_grad():
    features = {name: body(getattr(task, name).inputs).numpy() for name in ("train", "val", "test")}
print("features of the training images:", features["train"].shape)

# %% [markdown]
# ### Exercise 2: read frozen features with a straight line
#
# *8 minutes, 2 points, easy.* Write `probe_accuracy`: fit a linear classifier with a bias on the training features, and
# return the share of the test examples that it names correctly, between 0 and 1. Use scikit-learn's
# `LogisticRegression` or anything else that is linear.
#
# The class numbers need not be 0, 1, 2, ..., and the features may lie anywhere, far from the origin too.

# %% nbgrader={"grade": false, "grade_id": "01-probe", "locked": false, "schema_version": 3, "solution": true, "task": false}
from sklearn.linear_model import LogisticRegression


def probe_accuracy(train_features, train_labels, test_features, test_labels):
    """Test accuracy of a linear classifier that is fitted on the training features.

    train_features: array (N, F), train_labels: array (N,)
    test_features: array (M, F), test_labels: array (M,)
    """
    ### BEGIN SOLUTION
    probe = LogisticRegression(max_iter=1000).fit(train_features, train_labels)
    return probe.score(test_features, test_labels)
    ### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "01-probe-check", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("01.probe")

# %% [markdown]
# If both checks say “right”, your two functions make an experiment: pixels against features, at several label counts.
# (Until then it says so; run it again when they do.)

# %% tags=["demo"]
from tlkit.explore.yours import finished, needs


def pixels_against_features(counts=(1, 2, 5, 10, 20), seeds=range(5)):
    labels = task.train.labels.numpy()
    pixels = {name: getattr(task, name).inputs.flatten(1).numpy() for name in ("train", "test")}
    print("labels per class   pixels   features   (mean accuracy over", len(seeds), "seeds)")
    for count in counts:
        means = []
        for kind in (pixels, features):
            samples = [finished(stratified_sample(labels, count, seed)) for seed in seeds]
            means.append(np.mean([finished(probe_accuracy(kind["train"][chosen], labels[chosen], kind["test"],
                                                          task.test.labels.numpy())) for chosen in samples]))
        print(f"{count:16} {means[0]:8.3f} {means[1]:10.3f}")


with needs("exercises 1 and 2"):
    pixels_against_features()

# %% [markdown]
# ## Three ways to use a network, live
#
# Now the whole thing. `adapt` puts a new **head**, a last layer for ten digits, on the body, and `finetune` trains as a
# **plan** says: what is frozen, how fast the rest learns, for how long. Three things differ between these plans. `scratch`
# draws all weights anew, and learns from images that are turned and shifted a little at random (jitter). `linear_probe`
# freezes the body, so its features are computed once and the head alone learns from them. `lp_ft` does that first, and
# then lets everything learn, at a small rate. The other lines (weight decay, warm-up) are the subject of later units.

# %% tags=["demo"]
from tlkit import adapt, finetune, plans

seed = 0
few = task.with_labels_per_class(5, seed)
for plan in (plans.scratch(), plans.linear_probe(), plans.lp_ft()):
    print(plan)
    run = finetune(adapt(load_backbone("glyphnet"), few, seed=seed), few, plan, seed=seed)
    print(f"--> test accuracy {run.accuracy('test'):.3f} after {run.seconds:.1f} s\n")

# %% [markdown]
# That was *one* draw of fifty images. Change `seed` to 1, run the cell again, and see how much of what you saw was luck.
# The seconds are an answer to “a short time”, for this machine and these plans: compare them too.

# %% [markdown]
# ## A fair race
#
# “Transfer gains ten points” is a statement about two methods, and the easiest way to inflate it is to neglect the other
# one. Training from scratch wants its own learning rate: a fresh network has far to go, a pretrained one has not.
#
# So scratch was run at several learning rates, each with every seed. The best one has to be *chosen*, and there is
# exactly one place to look for that choice: the validation set. (It is labelled as well, and larger than the fifty images
# that anybody learns from. Who has five labels a class to spend has no such set; here it plays the part of a setting that
# was found on another task.)

# %% tags=["demo"]
tuning = measured["scratch_tuning"]
print("labels per class:", tuning["labels_per_class"])
for rate, val, test in zip(tuning["learning_rates"], tuning["val"], tuning["test"]):
    print(f"learning rate {rate:<7g} validation {np.mean(val):.3f}   test {np.mean(test):.3f}")
print("\nchosen on validation data at each label count", measured["labels_per_class"])
for strategy, (name, *_) in why_transfer.STYLE.items():
    print(f"{name:32} {measured['chosen_setting'][strategy]}")

# %% [markdown]
# Two things to look for in this table. How much was tuning worth here, from the worst rate to the best? You know only
# because it was done. And where a chosen rate is the largest or smallest that was tried, a fair reader asks for the next
# one. (The settings of logistic regression are inverse strengths of its penalty, all others are learning rates.)

# %% [markdown]
# ### Exercise 3: give scratch its best chance
#
# *8 minutes, 2 points, medium.* Write `tuned_test_accuracy`. Row `l` of both arrays belongs to learning rate `l`, column `s`
# to seed `s`. Choose **one** learning rate for all seeds, the one that does best on validation data on average, and return
# the test accuracies of all its seeds.

# %% nbgrader={"grade": false, "grade_id": "01-tuned_baseline", "locked": false, "schema_version": 3, "solution": true, "task": false}
def tuned_test_accuracy(val_accuracy, test_accuracy):
    """Test accuracy of every seed at the learning rate that is best on validation data.

    val_accuracy, test_accuracy: arrays (learning rates, seeds)
    returns: array (seeds,)
    """
    ### BEGIN SOLUTION
    best = val_accuracy.mean(axis=1).argmax()
    return test_accuracy[best]
    ### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "01-tuned_baseline-check", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("01.tuned_baseline")

# %% [markdown]
# ### Exercise 4: the gain, and how sure you are
#
# *8 minutes, 2 points, medium.* Seed `s` gave both methods the same labelled images. Some draws are lucky for everybody,
# some are hard for everybody. Subtract seed by seed, and the luck that they share is gone:
#
# $$d_s = a^{\text{transfer}}_s - a^{\text{scratch}}_s, \qquad
# \text{gain} = \frac{1}{S}\sum_s d_s, \qquad
# \text{standard error} = \frac{1}{\sqrt S}\,\sqrt{\frac{\sum_s (d_s - \text{gain})^2}{S-1}}$$
#
# Write `paired_gain`, which returns both numbers. With a single seed the error is unknown: return nan for it.

# %% nbgrader={"grade": false, "grade_id": "01-paired_gain", "locked": false, "schema_version": 3, "solution": true, "task": false}
def paired_gain(transfer, scratch):
    """Mean of the differences over seeds, and its standard error.

    transfer, scratch: arrays (seeds,), test accuracies for the same seeds
    returns: (gain, standard error)
    """
    ### BEGIN SOLUTION
    difference = transfer - scratch
    return difference.mean(), difference.std(ddof=1) / np.sqrt(len(difference))
    ### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "01-paired_gain-check", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("01.paired_gain")

# %% [markdown]
# Here is the race over all seeds, with every contestant at the setting chosen for it: first each strategy by itself, then the differences
# to fine-tuning. An interval of differences that holds 0 says that these runs cannot tell which of the two is better.

# %% tags=["demo"]
from tlkit.evaluation import mean_interval, paired_difference

print("5 labels per class,", len(measured["seeds"]), "seeds, 95 % intervals")
for strategy, (name, *_) in why_transfer.STYLE.items():
    runs = why_transfer.accuracies(strategy)[five]
    print(f"{name:32} {mean_interval(runs)}")
for strategy in ("scratch", "pixels", "linear_probe"):
    gain = paired_difference(why_transfer.accuracies("finetuned")[five], why_transfer.accuracies(strategy)[five])
    print(f"fine-tuned minus {why_transfer.STYLE[strategy][0]:32} {gain}")
print("fine-tuned minus linear probe, at each label count:")
for count, tuned, probe in zip(measured["labels_per_class"], why_transfer.accuracies("finetuned"),
                               why_transfer.accuracies("linear_probe")):
    print(f"{count:4} per class: {paired_difference(tuned, probe)}")

# %% [markdown]
# Read the last lines once more: is there a label count at which letting the body learn was better than leaving it frozen?
# One at which it was worse? Fine-tuning is not a better probe by law. It pays where the body lacks something that the new
# labels can teach it, and you have just measured whether that is so here.

# %% [markdown]
# ## Read the figure sideways
#
# An accuracy gain is hard to price. Labels are not: turn the question round and ask, *how many labels does each method
# need for the same accuracy?* Learning curves are measured at a few label counts only, so you need the points between. Two
# labels instead of one is a big step, 51 instead of 50 is none; between neighbouring points curves are much closer to
# straight when the labels are counted in **logarithms**.

# %% [markdown]
# ### Exercise 5: how many labels for this accuracy?
#
# *12 minutes, 3 points, medium.* Write `labels_needed`. Find where the measured curve first reaches the target, and
# interpolate between the two neighbours: accuracy is taken to be linear in the logarithm of the labels.
#
# - A target that is exactly a measured accuracy gives that point's label count.
# - Outside of the measured range you know nothing: return nan where the target is never reached, and where the first
#   point is already above it.
# - Measured curves wobble. The first crossing counts, also where a later point is exactly the target.

# %% nbgrader={"grade": false, "grade_id": "01-labels_needed", "locked": false, "schema_version": 3, "solution": true, "task": false}
def labels_needed(labels, accuracy, target):
    """Labels at which the curve first reaches the target, or nan.

    labels: array (K,), increasing label counts
    accuracy: array (K,), the accuracy measured at each
    target: the wanted accuracy
    """
    ### BEGIN SOLUTION
    if accuracy[0] == target:
        return labels[0]
    if accuracy[0] > target:
        return np.nan
    for i in range(len(labels) - 1):
        if accuracy[i] < target <= accuracy[i + 1]:
            share = (target - accuracy[i]) / (accuracy[i + 1] - accuracy[i])
            return np.exp((1 - share) * np.log(labels[i]) + share * np.log(labels[i + 1]))
    return np.nan
    ### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "01-labels_needed-check", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
check("01.labels_needed")

# %% [markdown]
# ### Exercise 6: what the pretrained network is worth
#
# *4 minutes, 1 point, easy.* Write `label_efficiency`: how many times fewer labels transfer needs than scratch for the same
# accuracy. Use your `labels_needed`. It is above 1 when transfer saves labels, and nan where either curve does not cross
# the target within its measured range.

# %% nbgrader={"grade": false, "grade_id": "01-label_efficiency", "locked": false, "schema_version": 3, "solution": true, "task": false}
def label_efficiency(labels, scratch, transfer, target):
    """How many times fewer labels transfer needs than scratch.

    labels: array (K,); scratch, transfer: arrays (K,), accuracies; target: the wanted accuracy
    """
    ### BEGIN SOLUTION
    return labels_needed(labels, scratch, target) / labels_needed(labels, transfer, target)
    ### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "01-label_efficiency-check", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
check("01.label_efficiency")

# %% [markdown]
# And here is the answer to this unit's question, from the library's own version of your functions: what the probe and what
# fine-tuning is worth beside scratch. There is no single number, so name the accuracy that you mean. Where it says nan, the
# measurements do not reach; that is an answer too.

# %% tags=["demo"]
from tlkit import label_efficiency as measured_efficiency

counts = np.array(measured["labels_per_class"])
mean = {strategy: why_transfer.accuracies(strategy).mean(axis=1) for strategy in why_transfer.STYLE}
print("           labels per class needed             label efficiency")
print("target   scratch     probe   fine-tuned        probe   fine-tuned")
for target in (0.80, 0.87, 0.90, 0.93, 0.95, 0.97, 0.98):
    needs = [measured_efficiency.labels_needed(counts, mean[s], target) for s in ("scratch", "linear_probe", "finetuned")]
    worth = [measured_efficiency.label_efficiency(counts, mean["scratch"], mean[s], target)
             for s in ("linear_probe", "finetuned")]
    print(f"{target:6.2f} {needs[0]:9.1f} {needs[1]:9.1f} {needs[2]:12.1f} {worth[0]:12.1f} {worth[1]:12.1f}")

# %% [markdown]
# ## Reflect
#
# Five questions. Put one letter for each into the list below, run that cell and then the check: it explains every choice,
# also the right ones.

# %%
quiz("01.quiz")

# %% nbgrader={"grade": false, "grade_id": "01-quiz", "locked": false, "schema_version": 3, "solution": true, "task": false}
answers = [  # one letter in quotes for each question, in order: "a", "c", ...
    ### BEGIN SOLUTION
    "b",
    "a",
    "b",
    "b",
    "c",
    ### END SOLUTION
]

# %% nbgrader={"grade": true, "grade_id": "01-quiz-check", "locked": true, "points": 5, "schema_version": 3, "solution": false, "task": false}
check("01.quiz")

# %% [markdown]
# ### In your own words
#
# *5 minutes, 2 points; a person reads this one.* A colleague writes: “We fine-tuned with 5 labels a class and reached a
# higher accuracy than from scratch, so the pretrained network saves us 90 % of the labels.” Name two things that you
# would ask before you believe the sentence, and say what each could change.

# %% [markdown] nbgrader={"grade": true, "grade_id": "01-explain", "locked": false, "points": 2, "schema_version": 3, "solution": true, "task": false}
# Any two of these, each with its consequence, one point each:
#
# - Was scratch tuned by itself, on validation data? If not, the difference is partly one of tuning.
# - How many draws and seeds, and is the difference paired? With one draw of five labels a class, luck can be larger than
#   the effect.
# - A higher accuracy at one label count is not a number of labels: which accuracy is the target, and was scratch measured
#   with enough labels to reach it? If not, the saving is unknown, or at most a bound.
# - Were hyper-parameters or the best epoch chosen on the test set?
# - Are pretraining and task related in the same way in the colleague's case? Another pair of domains gives another factor.
# - Did the pretraining data contain the test images?
#
# Half a point for a question without its consequence.

# %% [markdown]
# ## The same on other data
#
# What was measured beforehand stays a measurement of these digits. Your functions do not: they take any labels and any
# features. `load_task` and `load_backbone` know others by name, and your own folders and tables by their path; a wrong
# name lists those that there are.

# %% tags=["demo"]
try:
    load_task("no-such-task")
except ValueError as error:
    print(error)

# %% [markdown]
# ## What to remember
#
# - The worth of a pretrained network can be given **in labels**: fix an accuracy, and divide the labels that scratch needs
#   by the labels that transfer needs. Outside of the measured range the answer is “unknown”.
# - A gain is a **difference of two methods**. Tune both, each on validation data, and give both the same draws.
# - With few labels, the **draw** matters. One seed is an anecdote; report the mean over many, with its error.
# - A **linear probe** shows what is already in the features; fine-tuning shows what more the body can learn. Whether that
#   is anything is for an interval to say: compare with the probe before you pay for more.
# - Transfer is not free of risk. Letters are close to digits; unit 14 measures what happens when the two worlds are not.

# %% [markdown]
# ## Further reading
#
# - Yosinski, Clune, Bengio and Lipson (2014), *How transferable are features in deep neural networks?* Read it for the
#   idea of measuring transfer layer by layer.
# - Alain and Bengio (2016), *Understanding intermediate layers using linear classifier probes*. Where linear probes come
#   from.
# - Kornblith, Shlens and Le (2019), *Do better ImageNet models transfer better?* Many tasks, tuned baselines, and how
#   little is left of some gains.
# - Kumar, Raghunathan, Jones, Ma and Liang (2022), *Fine-tuning can distort pretrained features and underperform
#   out-of-distribution*. Why the plan above first trains the head alone.
