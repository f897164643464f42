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
# # 00 Start here
#
# **How does this course work, and what is it about?**
#
# A network that was trained for one thing can be made to do another, with few new examples. That is transfer learning,
# and after this course you will be able to do it, measure it, and say when not to. In these twenty minutes you see that
# everything runs, write your first answer, and draw the map of the field, which begins with a map that is wrong.

# %% [markdown]
# ## Predict
#
# This course grew from a text with the title *Everything is a mapping*. The text draws the field as a diagram, which you
# see when you run the next two cells. (Click on a cell and press **Shift+Enter**: it runs, and the next one is selected.)
#
# An arrow from A to B should say that B is made from A, or with its help. You may not know every word yet. Look all the
# same: **which arrows do you not believe?** Write down how many, before you go on.

# %%
arrows_that_i_doubt = 0  # your guess: there are ten arrows

# %% tags=["setup"]
from tlkit import check, quiz
from tlkit.explore import start_here

# %% tags=["demo"]
start_here.source_map()

# %% [markdown]
# Keep your number. We come back to the map when you have your tools.

# %% [markdown]
# ## Is everything in order?
#
# The next cell looks at your installation, one line for each thing that the course needs. What is not in order says what to
# do about it. (It takes some seconds, the first time up to half a minute. In a terminal, `tlkit doctor` says the same.)

# %% tags=["demo"]
from tlkit import doctor

everything_in_order = doctor.main() == 0

# %% [markdown]
# ## How cells work
#
# The notebook is a page, and behind it runs a **kernel**: a Python that remembers. What a cell defines, later cells can use,
# in the order in which *you ran* them, not in the order on the page. When something makes no sense any more, choose
# **Kernel > Restart Kernel and Run All Cells**: that is what everybody who grades your work does first.

# %%
print("you doubt", arrows_that_i_doubt, "of ten arrows")

# %% [markdown]
# Change your guess above, run that cell, and run this one again. Running a cell twice is never wrong.
#
# ## How exercises work
#
# An exercise says what to write, how long it should take, and how many points it is worth. Below it is a cell with
# `...` where your answer belongs, and below that one a cell with `check("...")`. A check has three outcomes:
#
# | outcome | it means |
# |---|---|
# | **not attempted** | the `...` is still there |
# | **not yet** | something is wrong: you see the smallest input that shows it, what was expected, what you gave, and where it can be told, *what you thought* |
# | **right** | all points |
#
# Check as often as you like. It costs nothing to be wrong; from the second try on you may open a hint. Points are given for
# groups of cases, so that an answer which is right except for one thing keeps most of them.

# %% [markdown]
# ### Exercise 1: a warm-up, in three acts
#
# *4 minutes, 2 points, easy.* Write `accuracy`: the share of examples whose predicted class is the true one,
#
# $$\text{accuracy} = \frac{1}{N} \sum_{i=1}^N [\,\text{predicted}_i = \text{label}_i\,]$$
#
# where the bracket is 1 if what it holds is true, and 0 if not. The result lies between 0 and 1. Both arguments are numpy
# arrays of class numbers, of shape (N,). Where there are no examples, or not as many predictions as labels, there is nothing
# to judge: raise a `ValueError`.
#
# 1. Leave the cell as it is and run the check below: **not attempted**.
# 2. Put `return (predicted == labels).sum()` in place of the `...`, run the cell, run the check: **not yet**. Read what it says.
# 3. Now make it **right**.

# %% nbgrader={"grade": false, "grade_id": "00-warm_up", "locked": false, "schema_version": 3, "solution": true, "task": false}
def accuracy(predicted, labels):
    """The share of examples that are named rightly, from 0 to 1.

    predicted, labels: arrays of class numbers, one for each example
    """
    ### BEGIN SOLUTION
    if len(predicted) != len(labels) or len(labels) == 0:
        raise ValueError(f"got {len(predicted)} predictions for {len(labels)} labels; as many are needed, and at least one")
    return (predicted == labels).mean()
    ### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "00-warm_up-check", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("00.warm_up")

# %% [markdown]
# The number that you just computed is the one that most papers report. It is also one of the easiest to be fooled by: a
# program that calls every scan “healthy” is right in 95 of 100 cases if 95 of the 100 patients are. Unit 06 comes back to that.
#
# Why refuse an empty list, when numpy would answer with `nan` and a warning? Because the mistake that emptied the list lies
# somewhere else, and an error here is the shortest way to it. You will find this habit in the whole course: **bad input gets
# one clear sentence.**

# %% [markdown]
# ## Everything is a mapping
#
# Here is the idea in the title. A network is a function from inputs to outputs, and it is made of two:
#
# $$f = \text{head} \circ \text{body}, \qquad x \;\xrightarrow{\ \text{body}\ }\; h \;\xrightarrow{\ \text{head}\ }\; z$$
#
# The **body** turns an input (an image, a sentence) into a list of numbers, its *representation*. The **head** reads from
# these numbers what the task asks for. To transfer is to keep the body, which was expensive, and to give it another head,
# which is cheap. Look at one:

# %% tags=["demo"]
import tlkit

task = tlkit.load_task("digits")
body = tlkit.load_backbone("glyphnet")
model = tlkit.adapt(body, task)
images = task.test.inputs[:3]
features, scores = body(images), model(images)
print("inputs", tuple(images.shape), "three images of one channel, 8 by 8 pixels")
print("body:", tuple(features.shape), f"{features.shape[1]} features of each")
print("head:", tuple(scores.shape), f"{scores.shape[1]} scores of each, one a digit")

# %% [markdown]
# The body is called *glyphnet*. It learned to name printed letters and has never seen a digit; its head here is new and knows
# nothing. What the pair is worth after a little training is the question of unit 01.

# %% [markdown]
# ## The map, put right
#
# Now back to the diagram. This is how the course would draw it. Click on a concept (or go there with
# the Tab key and press Enter): you get its meaning, its formula, its Chinese name, what leads to it, what it leads to, and where it is taught.

# %% tags=["demo"]
start_here.explore_concept_map()

# %% [markdown]
# Compare the two maps. Of the ten arrows of the source, six can be doubted:
#
# - **one runs backwards**: *pretrained model → self-supervision*. The training comes first. And it has a brother that the
#   diagram leaves out: pretraining on labels, which is where ResNet's well-known weights come from;
# - **one leads where nothing is made**: *representation → new-task data*. The data were there before. What meets the
#   representation is the head;
# - **one skips everything that matters**: *new-task data → downstream task*. Between the two stand loss and fine-tuning;
# - **two have it the other way round, in a milder way**: *fine-tuning → adaptation head*, though you choose the head before
#   you train it, and *fine-tuning → PEFT*, which is a kind of fine-tuning and not what comes out of it;
# - **one leaves out a step**: *self-supervision → representation*. What self-supervision leaves behind is a model, and the model
#   computes the representation.
#
# How many did you doubt? A map is an opinion, and with one or two of these you may disagree; with the first three you should
# not. Here is the whole as a glossary.

# %% tags=["demo"]
start_here.glossary()

# %% [markdown]
# ## Reflect
#
# Each unit ends with a quiz. Put one letter for each question into the list, run that cell, then run the check. It explains
# every choice, the right ones too. This one quotes sentences of the text that the course grew from, and asks which are **too strong**: a habit that you will need
# more often than any formula.

# %%
quiz("00.quiz")

# %% nbgrader={"grade": false, "grade_id": "00-quiz", "locked": false, "schema_version": 3, "solution": true, "task": false}
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

# %% nbgrader={"grade": true, "grade_id": "00-quiz-check", "locked": true, "points": 6, "schema_version": 3, "solution": false, "task": false}
check("00.quiz")

# %% [markdown]
# ### In your own words
#
# *3 minutes, 2 points; a person reads this one.* Most of the course is checked by a program. One question a unit is not,
# because no program can tell whether you understood. Here is the first: a friend asks you what is *transferred* in
# transfer learning, and what is not. Answer in two or three sentences. (Double-click on the text below to write, and
# press Shift+Enter when you are done.)

# %% [markdown] nbgrader={"grade": true, "grade_id": "00-explain", "locked": false, "points": 2, "schema_version": 3, "solution": true, "task": false}
# One point for each of the two halves:
#
# - What is transferred: the weights of a pretrained network, that is, a mapping from inputs to a representation that is
#   useful for more than the task that it was trained on. (“Knowledge” alone, without saying where it sits: half a point.)
# - What is not: the old task's outputs or head; the data; labels for the new task. A new head has to be made and trained on
#   examples of the new task.

# %% [markdown]
# ## How far you are
#
# Your work is kept in the folder `work`, in copies that nothing else ever writes to; an update of the course leaves them
# alone. Checks note your points in a small file beside them, and this table reads it. Come back to it whenever you want to
# know what is next. (In a terminal: `tlkit progress`.)

# %% tags=["demo"]
from tlkit.grading.progress_page import progress

progress()

# %% [markdown]
# Exercises marked *optional* carry no points: do them because you want to know.
#
# ## How to hand in
#
# - **Before anything else** press **Validate** above the notebook: your answers run in a fresh kernel, as they will when they
#   are graded. What works only because of the order in which you ran things shows here.
# - **In a class**, hand in as your instructors tell you (with nbgrader: *Nbgrader > Assignment List > Submit*). Your points are
#   computed again, on other numbers, in a sealed room; what the checks told you here stays true there.
# - **On your own**, `tlkit grade work/00_start_here/00_start_here.ipynb` grades the notebook as a class would be graded, and
#   writes the feedback as a page.
#
# ## If something goes wrong
#
# - A cell that runs for too long: **Kernel > Interrupt Kernel**. Nothing is lost.
# - A unit that you want to begin afresh: `tlkit reset 00` in a terminal. Your copy is kept under another name.
# - A message about memory: close the other notebooks (**Kernel > Shut Down All Kernels**); each has a kernel of its own.

# %% [markdown]
# ## The same on real data
#
# Every unit runs to its end without a network, on what is in the package: digits, letters, phantoms, small corpora. Where
# you have the real thing, another name in one cell is enough. This is what the course knows by name:

# %% tags=["demo"]
try:
    tlkit.load_task("no-such-task")
except ValueError as error:
    print(error)

# %% [markdown]
# ## What to remember
#
# - A network is **body and head**. Transfer keeps the first and replaces the second.
# - An arrow in a diagram is a **claim**: B is made from A. Ask each of them.
# - **Not attempted, not yet, right**: a check is there to tell you what you thought. Use it early.
# - Restart and run all before you believe your own notebook.
#
# ## Further reading
#
# - Pan and Yang (2010), *A survey on transfer learning*. Read its first sections for the words: domain, task, and what it
#   means to transfer.
# - Devlin, Chang, Lee and Toutanova (2019), *BERT*. Where a pretrained model comes from self-supervision.
# - He, Zhang, Ren and Sun (2016), *Deep residual learning for image recognition*. Where one comes from labels.
# - Bommasani and others (2021), *On the opportunities and risks of foundation models*. Its introduction is a map of the field by
#   many hands; see which arrows you would doubt.
