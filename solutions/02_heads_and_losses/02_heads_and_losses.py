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
# # 02 Heads and losses
#
# **What must change at the end of the network?**
#
# A pretrained body turns an image or a text into features. It does not know what you want from them. That is said at the very
# end, in two places: the **head**, a small layer that turns features into outputs, and the **loss**, which tells the outputs how
# wrong they are. Both together are often no more than two lines of code. They are also where a network can go wrong without any
# error message: it trains, its loss falls, and it answers another question than yours.
#
# In this unit you choose heads, build the losses, and learn to read from a number on the screen what is wrong with an end.
#
# Plan for 80 minutes for the seven exercises of the core; three more stand behind them for whoever wants them. After each exercise
# there is a cell with `check("...")`: run it as often as you like.

# %% [markdown]
# ## Predict
#
# Four people take the same pretrained body, freeze it, and train a new head on the same 200 handwritten digits, 20 of each. Only
# the end differs.
#
# - **classes**: ten outputs, a softmax over them, cross-entropy. The answer is the largest output.
# - **softmax twice**: the same, but somebody applied the softmax already when the loss, which has one inside, applies it again.
# - **yes or no**: ten outputs, each with a sigmoid of its own: “is it a 0?”, “is it a 1?”, and so on.
# - **number**: one output. A digit is a number, so its distance to the right number is the error. The answer is the output, rounded.
#
# Write down what you expect: the share of new digits that each reads correctly.

# %%
guess = {"classes": 0.5, "softmax twice": 0.5, "yes or no": 0.5, "number": 0.5}  # your guesses, from 0 to 1

# %% [markdown]
# ## See
#
# These runs were made beforehand, ten seeds for each mark's place: another seed draws other digits and another head. Filled marks:
# the optimiser AdamW, each end at the learning rate that was best for it on validation data. Open marks: plain gradient descent with
# momentum (SGD), at one small learning rate for all.

# %% tags=["setup"]
import numpy as np

from tlkit import check, quiz
from tlkit.explore import heads_and_losses as pictures

# %% tags=["demo"]
pictures.ends()

# %% tags=["demo"]
for end, expected in guess.items():
    adamw, sgd, faster = (pictures.accuracies(end, optimizer).mean() for optimizer in ("adamw", "sgd", "sgd, faster"))
    print(f"{end:14} you said {expected:.2f}; AdamW {adamw:.3f}, SGD {sgd:.3f}, SGD at ten times the rate {faster:.3f}")

# %% [markdown]
# Two surprises may be in there. The end that everybody is warned of, the double softmax, reads digits as well as the right one if
# AdamW trains it, or SGD at a large rate; at a small rate it lags far behind. And its loss, on the right, stays up as if it had learned
# next to nothing. The other surprise is the end that looks most natural, a digit as a number: it loses far more, at every rate that was
# tried. By the end of the unit you can explain both.

# %% [markdown]
# ## What a task asks for
#
# The text that this course grew from describes this step in three lines: for classification a softmax layer with cross-entropy, for
# regression a linear layer with the squared error, for generation “a generator's output layer and a custom loss”. That is a start.
# It leaves out tasks with several right answers at once and tasks with an answer at every place; generation turns out to need no
# special loss at all; and “a softmax layer with cross-entropy”, written down literally in torch, is the double softmax.
#
# Instead of a table to learn by heart, two questions decide:
#
# 1. **How many answers has one example?** One; one to each of several questions; one at every place of a sequence.
# 2. **What can one answer be?** One of several that exclude each other; yes or no; an amount.
#
# | one answer is | outputs for it | loss | the answer is |
# |---|---|---|---|
# | one of $C$ that exclude each other | $C$ | cross-entropy | the largest output |
# | yes or no, to each of $C$ questions | $C$ | binary cross-entropy | yes where the output is above 0 |
# | an amount | 1 | squared error | the output itself |
#
# Outputs are **logits**: any numbers, no probabilities yet. (Above 0, because the sigmoid of 0 is one half.) Where the answer is asked at
# every place of a sequence, one and the same head is used at all of them, and its outputs are counted for one place.

# %% [markdown]
# ### Exercise 1: the end of six networks
#
# *5 minutes, 3 points, easy.* Fill in, for each task, a dict with three entries: `"outputs"`, how many numbers the head gives for
# one example (or for one place of a sequence); `"loss"`, one of `"cross-entropy"`, `"binary cross-entropy"`, `"squared error"`; and
# `"answer"`, one of `"largest"`, `"above 0"`, `"above 0.5"`, `"itself"`.
#
# - `digit`: which of the ten digits does the image show?
# - `cultivar`: from which of three cultivars was the wine made? The file numbers them 1, 2, 3; you may subtract 1 on reading.
# - `findings`: which of 14 findings does the chest X-ray show? There may be several, or none.
# - `progression`: how far has the patient's disease progressed after a year, from ten measurements? The values in the file are whole
#   numbers from 25 to 346 (those of its training part up to 317).
# - `tags`: in a text of up to 64 tokens, which tag belongs to each token? Names of 4 types are marked: each type has one tag for a name's
#   beginning (`B-`) and one for its inside (`I-`), and `O` is the tag of whatever is no name.
# - `next token`: in a text of up to 64 tokens, which token of a vocabulary of 5,000 follows each of them?

# %% nbgrader={"grade": false, "grade_id": "02-choose", "locked": false, "schema_version": 3, "solution": true, "task": false}
ends = {}  # each entry: {"outputs": ..., "loss": "...", "answer": "..."}
ends["digit"] = (
    ### BEGIN SOLUTION
    {"outputs": 10, "loss": "cross-entropy", "answer": "largest"}
    ### END SOLUTION
)
ends["cultivar"] = (
    ### BEGIN SOLUTION
    {"outputs": 3, "loss": "cross-entropy", "answer": "largest"}
    ### END SOLUTION
)
ends["findings"] = (
    ### BEGIN SOLUTION
    {"outputs": 14, "loss": "binary cross-entropy", "answer": "above 0"}
    ### END SOLUTION
)
ends["progression"] = (
    ### BEGIN SOLUTION
    {"outputs": 1, "loss": "squared error", "answer": "itself"}
    ### END SOLUTION
)
ends["tags"] = (
    ### BEGIN SOLUTION
    {"outputs": 9, "loss": "cross-entropy", "answer": "largest"}
    ### END SOLUTION
)
ends["next token"] = (
    ### BEGIN SOLUTION
    {"outputs": 5000, "loss": "cross-entropy", "answer": "largest"}
    ### END SOLUTION
)

# %% nbgrader={"grade": true, "grade_id": "02-choose-check", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
check("02.choose")

# %% [markdown]
# What if the number of outputs is wrong? Too few, and the first label that has no output stops the run; that is the kind outcome.
# Too many, and nobody complains: some outputs are never the answer, and training has to push them down first.

# %% tags=["setup"]
import torch
from torch import nn

from tlkit import load_backbone, load_task

# %% tags=["demo"]
task = load_task("digits", labels_per_class=20, seed=0)
body = load_backbone("glyphnet").eval()
with torch.no_grad():
    features = body(task.train.inputs)
print("features", tuple(features.shape), "labels from", int(task.train.labels.min()), "to", int(task.train.labels.max()))
for outputs in (9, 10, 1000):
    torch.manual_seed(0)
    head = nn.Linear(features.shape[1], outputs)
    try:
        loss = nn.functional.cross_entropy(head(features), task.train.labels)
        print(f"{outputs:4} outputs: loss before training {loss:.2f}, the logarithm of {outputs} is {np.log(outputs):.2f}")
    except IndexError as error:
        print(f"{outputs:4} outputs: {error}")

# %% [markdown]
# The last column is worth keeping. A head that knows nothing gives every class about the same probability, $1/C$, so cross-entropy
# **begins near $\log C$**. A first loss that is far from it means that the end is not what you think.

# %% [markdown]
# ## Cross-entropy that does not break
#
# For one example with logits $z_1,\dots,z_C$ and the right class $y$, the softmax makes probabilities, and the loss is the negative
# logarithm of the right one:
#
# $$p_c = \frac{e^{z_c}}{\sum_j e^{z_j}}, \qquad \ell = -\log p_y = \log\sum_j e^{z_j} - z_y.$$
#
# On paper both forms are the same. In the computer they are not:

# %% tags=["demo"]
for z in ([2.0, 1.0, 0.0], [2.0, 1.0, -800.0], [2000.0, 1.0, 0.0]):
    z = torch.tensor(z)
    p = torch.exp(z) / torch.exp(z).sum()
    print(f"logits {z.tolist()}: as written {[round(value, 3) for value in (-torch.log(p)).tolist()]}, "
          f"torch {[round(value, 3) for value in (0 - torch.log_softmax(z, 0)).tolist()]}")

# %% [markdown]
# Each number is the loss if that class is the right one. $e^{2000}$ is more than a float can hold; $e^{-800}$ is less, so the probability is 0 and its logarithm
# infinite, although the loss is a perfectly ordinary number. The cure for both is one line of algebra: taking the same number $m$ from
# all logits of a row changes no probability, and
#
# $$\log\sum_j e^{z_j} = m + \log\sum_j e^{z_j - m}.$$
#
# With $m$ the largest logit of the row, the largest exponential is $e^0$: nothing overflows, and the sum is never 0.

# %% [markdown]
# ### Exercise 2: cross-entropy that does not break
#
# *10 minutes, 4 points, medium.* Write `cross_entropy_loss`: the **mean** over the `B` rows of $\log\sum_j e^{z_j} - z_y$.
#
# - `logits` is a tensor of floats (B, C), `labels` a tensor of B class numbers from 0 to C - 1. There is at least one row. The
#   result is one number, a tensor without axes.
# - Logits may be thousands, positive or negative, and the loss then has to be what the formula says, however large.
# - A gradient must be able to flow back to the logits, so compute with torch, not numpy, and return a tensor.
# - `torch.logsumexp` and `torch.log_softmax` are fine; the ready-made losses are not, neither here nor in the exercises that follow.
# - The floats may be of 32 or of 64 bits: a tensor that you make yourself should take its type from what you were given (`dtype=logits.dtype`).

# %% nbgrader={"grade": false, "grade_id": "02-cross_entropy", "locked": false, "schema_version": 3, "solution": true, "task": false}
def cross_entropy_loss(logits, labels):
    """Mean cross-entropy of a softmax.

    logits: tensor (B, C); labels: tensor (B,) of whole numbers
    returns: tensor without axes
    """
    ### BEGIN SOLUTION
    largest = logits.max(dim=1, keepdim=True).values
    log_sum = largest.squeeze(1) + torch.log(torch.exp(logits - largest).sum(dim=1))
    return (log_sum - logits[torch.arange(len(labels)), labels]).mean()
    ### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "02-cross_entropy-check", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
check("02.cross_entropy")

# %% [markdown]
# ## Why is my loss not zero although every answer is right?
#
# Because cross-entropy does not ask whether the answer is right. It asks how sure the network is of it. Here is one example with ten
# classes. Its class has the first logit, the strongest rival the second, the other eight have logit 0. In the shaded part the answer
# is right. Try to find out:
#
# 1. Move the logit of the right class down until the answer is only just right. How large is the loss there? What are two ways to get it
#    lower?
# 2. What does a **temperature** do, by which all logits are divided? Does it ever change the answer?
# 3. **Label smoothing** wants a little less than 1 for the right class. The dotted line is the **floor**, the smallest loss that any ten
#    logits can have. Where is it now? And when does a step make the network *less* sure of a right answer?
# 4. Apply the softmax twice. Where is the floor, and how large is the gradient where the answer is wrong?

# %% tags=["demo"]
pictures.explore_loss()

# %% [markdown]
# With the softmax applied once and a temperature of 1, the right-hand side shows one sentence that is worth more than the formulas: the
# gradient by the logits is **predicted minus wanted**. (Unit 03 derives it.) What is wanted need not be 0 and 1.

# %% [markdown]
# ### Exercise 3: labels that are not quite sure
#
# *6 minutes, 3 points, medium.* With label smoothing $a$, the wanted probabilities of an example with label $y$ are
#
# $$q_c = (1-a)\,[c = y] + \frac{a}{C}, \qquad \ell = -\sum_c q_c \log p_c,$$
#
# where $[c=y]$ is 1 for the right class and 0 for the others. So every class gets $a/C$, **the right one as well**. Write
# `smoothed_cross_entropy`, the mean of $\ell$ over the rows.
#
# - `logits` (B, C) and `labels` (B,) as before; `label_smoothing` is a number from 0 to 1, both included.
# - Logits may be hundreds; a gradient must be able to flow back; return a tensor without axes.

# %% nbgrader={"grade": false, "grade_id": "02-smoothing", "locked": false, "schema_version": 3, "solution": true, "task": false}
def smoothed_cross_entropy(logits, labels, label_smoothing):
    """Mean cross-entropy with label smoothing.

    logits: tensor (B, C); labels: tensor (B,) of whole numbers; label_smoothing: a number from 0 to 1
    returns: tensor without axes
    """
    ### BEGIN SOLUTION
    log_p = torch.log_softmax(logits, dim=1)
    label = log_p[torch.arange(len(labels)), labels]
    return -((1 - label_smoothing) * label + label_smoothing * log_p.mean(dim=1)).mean()
    ### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "02-smoothing-check", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
check("02.smoothing")

# %% [markdown]
# ## Softmax twice
#
# Now the first surprise. The second softmax is given probabilities, numbers between 0 and 1. The best it can be given is a 1 for the
# right class and 0 for the others, and of that it makes $e/(e + C - 1)$. So the loss has a floor, which grows with the number of
# classes, and its gradient is small, since moving a probability from 0 to 1 moves the second softmax so little:

# %% tags=["demo"]
print("classes   floor of the loss   a head that knows nothing   largest “probability” that comes out")
for classes in (2, 10, 77, 1000):
    print(f"{classes:7} {pictures.floor(twice=True, classes=classes):19.3f} {np.log(classes):27.3f} {np.e / (np.e + classes - 1):38.3f}")

wrong = np.array([0.0, 3.0] + [0.0] * 8)  # ten classes; class 0 is right, and the network is fairly sure of class 1
for name, twice in (("once", False), ("twice", True)):
    loss, gradient, _ = pictures.loss_and_gradient(wrong, 0, twice=twice)
    print(f"softmax {name:5}: loss {loss:.3f}, gradient by the right class's logit {gradient[0]:+.5f}")

# %% [markdown]
# A floor with a known height is a gift: **if your loss stops at one of these numbers, you know what to look for.**
#
# Why did AdamW not mind? It divides each step by the size that the gradient usually has, so a gradient that is many times too small
# gives nearly the same steps. SGD takes the gradient as it is. Watch both learn for ten epochs, at the rates of the figure above:

# %% tags=["demo"]
from tlkit import plans
from tlkit.explore import endings

for optimizer, rate in (("adamw", 1e-2), ("sgd", 1e-3)):
    for end in ("classes", "softmax twice"):
        plan = plans.linear_probe(epochs=10, learning_rate=rate, optimizer=optimizer)
        run = endings.train(end, load_backbone("glyphnet"), task, plan, seed=0)
        losses = ", ".join(f"{record['loss']:.2f}" for record in run.records[::3])
        print(f"{optimizer:6} {end:14} loss in every third epoch {losses}; test accuracy {endings.accuracy(end, run.model, task.test):.3f}")

# %% [markdown]
# So the damage is not where one looks for it. The answers may be right. But the loss cannot be compared with anybody else's, another
# optimiser crawls, and whoever takes what the second softmax says for a probability is never told more than the last column of the table above.
# The cure: **a model that is trained returns logits**, and a softmax is applied once, by whoever wants to read a probability.

# %% [markdown]
# ## A class number is a name
#
# The second surprise. A squared error takes the numbers at their word: to say 3 where 8 is right is five times as far off as to say
# 7. But a 3 looks like an 8, and not at all like a 7. What does the head do with an image between a 3 and an 8?

# %% tags=["demo"]
run = endings.train("number", load_backbone("glyphnet"), task, plans.linear_probe(epochs=30, learning_rate=1e-2), seed=0)
with run.model.evaluating():
    outputs = run.model(task.test.inputs)
print("digit   mean output   spread   read correctly")
for digit in range(10):
    mine = outputs[task.test.labels == digit]
    print(f"{digit:5} {mine.mean():13.2f} {mine.std():8.2f} {(mine.round() == digit).float().mean():16.3f}")

# %% [markdown]
# It hedges: an output is pulled towards all digits that an image could be, and lands between them. The spread of each row shows it. And ten classes have to be laid out on
# one line, in the order of their names. A head with ten outputs may put each class in a direction of its own.

# %% [markdown]
# ## Several answers at once
#
# A chest X-ray may show several findings, or none. A softmax cannot say so, because its probabilities add up to 1:

# %% tags=["demo"]
findings = ("effusion", "nodule", "pneumonia", "hernia")
for name, z in (("two clear findings", [6.0, -5.0, 6.0, -6.0]), ("a healthy chest", [-5.0, -5.0, -6.0, -5.0])):
    z = torch.tensor(z)
    for link, p in (("softmax", torch.softmax(z, 0)), ("sigmoid", torch.sigmoid(z))):
        print(f"{name:19} {link}: " + ", ".join(f"{finding} {value:.2f}" for finding, value in zip(findings, p.tolist())))

# %% [markdown]
# With a **sigmoid** for each output every finding is a question of its own, $p = \sigma(z) = 1/(1+e^{-z})$, and the loss of one output
# with target $y$ (1 or 0) is the **binary cross-entropy**
#
# $$\ell = -\big[\,v\,y\log\sigma(z) + (1-y)\log(1-\sigma(z))\,\big].$$
#
# The number $v$ lets the positives count for more. That is needed where a finding is rare: if one image in a hundred shows a hernia,
# a model that never says so is right in 99 of them. The mean is taken over all $B \cdot C$ entries, so one example pulls at its logits
# $C$ times less than in a softmax. That is why the yes-or-no end lagged behind as well, under SGD in the first figure.

# %% [markdown]
# ### Exercise 4: several answers at once
#
# *8 minutes, 4 points, medium.* Write `multi_label_loss`: the **mean of $\ell$ over all entries** of the table, that is, over all
# examples and classes.
#
# - `logits` and `targets` are tensors of floats (B, C); targets are 0 or 1. `positive_weights` is a tensor (C,): the $v$ of each
#   class, above 0. The mean divides by the number of entries, whatever the weights are.
# - Logits may be as large as 10,000 and as small as -10,000, and the loss has to be what the formula says, however large.
# - A gradient must be able to flow back; return a tensor without axes.
# - `torch.nn.functional.logsigmoid` and `softplus` are fine; the ready-made losses are not. A help: $1-\sigma(z) = \sigma(-z)$.

# %% nbgrader={"grade": false, "grade_id": "02-multi_label", "locked": false, "schema_version": 3, "solution": true, "task": false}
def multi_label_loss(logits, targets, positive_weights):
    """Mean binary cross-entropy over all entries.

    logits, targets: tensors (B, C); positive_weights: tensor (C,)
    returns: tensor without axes
    """
    ### BEGIN SOLUTION
    log_p = nn.functional.logsigmoid(logits)
    log_not_p = nn.functional.logsigmoid(-logits)
    return -(positive_weights * targets * log_p + (1 - targets) * log_not_p).mean()
    ### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "02-multi_label-check", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
check("02.multi_label")

# %% [markdown]
# ## An amount
#
# Here the answer *is* a number: how far a patient's diabetes has progressed within a year, in the study's own unit. A linear layer and a squared
# error, says the source. Two things go wrong often enough to be worth seeing once.

# %% tags=["demo"]
patients = load_task("diabetes")
print(patients.train.describe())
mean, unit = float(patients.train.labels.mean()), float(patients.train.labels.std(correction=0))
center, spread = patients.train.inputs.mean(dim=0), patients.train.inputs.std(dim=0)
x, x_new = ((split.inputs - center) / spread for split in (patients.train, patients.test))
print(f"mean of the targets {mean:.1f}, their spread {unit:.1f}")

# %% [markdown]
# **The scale.** The targets are around 150. A fresh linear layer says something near 0, and with the usual learning rates its weights
# move by about a hundredth a step. So the head is given the mean and the spread of the training targets, its **unit**:
#
# $$\hat y = \text{mean} + \text{unit}\cdot(w\cdot x + b).$$
#
# At $w = 0$ it says the mean, and weights of the size of 1 are all it needs. **The shape.** `nn.Linear(F, 1)` gives a column (B, 1),
# and the targets are a row (B,).

# %% [markdown]
# ### Exercise 5: a head that gives a number
#
# *7 minutes, 3 points, medium.* Write the module `NumberHead(feature_size, mean, unit)`; `mean` and `unit` are plain floats.
#
# - It holds one `nn.Linear` from `feature_size` features to one output, as `self.linear`, with its bias.
# - `forward(features)` turns features (B, F) into **(B,)** numbers by the formula above, also when B is 1. The numbers may be anything,
#   negative too.
# - `mean` and `unit` never train, and they are saved with the weights: make them **buffers** with the names `mean` and `unit`, with
#   `self.register_buffer(name, torch.tensor(value))`. They appear in `state_dict()` and not among `parameters()`.

# %% nbgrader={"grade": false, "grade_id": "02-number_head", "locked": false, "schema_version": 3, "solution": true, "task": false}
class NumberHead(nn.Module):
    """Features (B, F) -> numbers (B,): mean + unit * (w . x + b)."""

    def __init__(self, feature_size, mean, unit):
        super().__init__()
        ### BEGIN SOLUTION
        self.linear = nn.Linear(feature_size, 1)
        self.register_buffer("mean", torch.tensor(mean))
        self.register_buffer("unit", torch.tensor(unit))
        ### END SOLUTION

    def forward(self, features):
        ### BEGIN SOLUTION
        return self.mean + self.unit * self.linear(features).squeeze(1)
        ### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "02-number_head-check", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
check("02.number_head")

# %% [markdown]
# And here is what it is good for. Three heads train on the patients for 300 steps at the same rate: the library's version of yours; a
# bare linear layer, which has to find the scale by itself; and the library's again, but with its row turned into a column. $R^2$ is the
# share of the spread that is explained: 1 is perfect, 0 is what you get for always saying the mean, and below 0 it would have been better to
# say the mean.

# %% tags=["demo"]
from tlkit.kinds import NumberHead as LibraryHead
from tlkit.metrics import r_squared

for name, make, shape in (("mean and unit, a row", lambda: LibraryHead(10, mean, unit), lambda outputs: outputs),
                          ("bare linear layer, a row", lambda: nn.Linear(10, 1), lambda outputs: outputs[:, 0]),
                          ("mean and unit, a column", lambda: LibraryHead(10, mean, unit), lambda outputs: outputs[:, None])):
    torch.manual_seed(0)
    head = make()
    optimizer = torch.optim.AdamW(head.parameters(), lr=0.01)
    for step in range(300):
        errors = (shape(head(x)) - patients.train.labels) / unit
        loss = (errors**2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    said = shape(head(x_new)).detach().flatten()
    print(f"{name:25} errors {str(tuple(errors.shape)):11} loss {loss:6.3f}, R² on new patients "
          f"{r_squared(said.numpy(), patients.test.labels.numpy()):+.3f}, outputs from {said.min():.0f} to {said.max():.0f}")

# %% [markdown]
# The column trained without a word of complaint. Each output was compared with every patient's target, and the best answer to all
# of them at once is their mean. (`nn.functional.mse_loss` warns of it; a formula of one's own does not.)

# %% [markdown]
# ## An answer at every place
#
# When every token of a text gets a tag, the head is used at every place: outputs (B, T, C), labels (B, T). But not every place is asked. Texts
# in a batch are padded to one length, and where a word was cut into several tokens, only its first one carries the word's tag. A
# place that is not asked has the label **-100**. It is an agreement, no more; torch's own losses keep it too.

# %% [markdown]
# ### Exercise 6: a loss at every place that counts
#
# *7 minutes, 3 points, medium.* Write `token_loss`: cross-entropy at every place whose label is not -100, and the **mean over those
# places, all sequences together**.
#
# - `logits` is a tensor of floats (B, T, C); `labels` (B, T) holds class numbers from 0 to C - 1, and -100 where nothing is asked.
#   Such places can be anywhere: in front, behind, in between; whole sequences too.
# - If no place counts at all, there is nothing to average: return **nan**, which is what 0/0 gives. (The library's loop skips such a
#   batch. A 0 would claim that all was right.)
# - Logits may be thousands; a gradient must be able to flow back; return a tensor without axes. Again without the ready-made losses.

# %% nbgrader={"grade": false, "grade_id": "02-token_loss", "locked": false, "schema_version": 3, "solution": true, "task": false}
def token_loss(logits, labels):
    """Mean cross-entropy over the places whose label is not -100.

    logits: tensor (B, T, C); labels: tensor (B, T) of whole numbers
    returns: tensor without axes
    """
    ### BEGIN SOLUTION
    counts = labels != -100
    log_p = torch.log_softmax(logits[counts], dim=1)
    return -log_p[torch.arange(len(log_p)), labels[counts]].mean()
    ### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "02-token_loss-check", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
check("02.token_loss")

# %% [markdown]
# ## The token after it
#
# Generation needs no custom loss. At every place the model is asked one question, “which token comes next?”, with as many classes as
# the vocabulary has tokens. The labels are the text itself, moved by one place. Only what you want the model to learn is
# asked: as a rule the answer, not the question, and never the padding.

# %% tags=["demo"]
text = ["where", "is", "my", "parcel", "?", "it", "arrives", "today", "<end>", "<pad>"]
asked = [False] * 5 + [True] * 4 + [False]
print("place  token      is asked   has to predict")
for place, (token, is_it) in enumerate(zip(text, asked)):
    has_to = text[place + 1] if place + 1 < len(text) and asked[place + 1] else "-"
    print(f"{place:5}  {token:10} {str(is_it):10} {has_to}")

# %% [markdown]
# Look at two lines of this table: the last token of the question predicts the first token of the answer, and `<end>`, which is
# asked, predicts nothing.

# %% [markdown]
# ### Exercise 7: the token after it
#
# *7 minutes, 3 points, medium.* Write `next_token_loss`: the mean cross-entropy of the tokens that are asked, each predicted **at the
# place before it**. Use your `token_loss`.
#
# - `logits` (B, T, V), `tokens` (B, T) whole numbers from 0 to V - 1, `is_asked` (B, T) of True and False: which *tokens* are to be
#   predicted. T is at least 2.
# - The first token of a sequence has no place before it, so it never counts, asked or not. The last place predicts nothing.
# - Every token that counts weighs the same, whichever sequence it is in. If none counts: nan.
# - Any token number may be asked, 0 too; only `is_asked` decides. Leave the inputs as they are. A gradient must be able to flow back.

# %% nbgrader={"grade": false, "grade_id": "02-next_token", "locked": false, "schema_version": 3, "solution": true, "task": false}
def next_token_loss(logits, tokens, is_asked):
    """Mean cross-entropy of the tokens that are asked, each predicted at the place before it.

    logits: tensor (B, T, V); tokens: tensor (B, T) of whole numbers; is_asked: tensor (B, T) of True and False
    returns: tensor without axes
    """
    ### BEGIN SOLUTION
    labels = tokens.masked_fill(~is_asked, -100)
    return token_loss(logits[:, :-1], labels[:, 1:])
    ### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "02-next_token-check", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
check("02.next_token")

# %% [markdown]
# What happens without the shift? Here is a “model” that has understood nothing: at every place it is sure of the token that it is
# just reading. Compared without the shift it is perfect.

# %% tags=["demo"]
from tlkit.heads import next_token_loss as library_loss
from tlkit.heads import token_loss as library_places

tokens = torch.randint(0, 50, (4, 12), generator=torch.Generator().manual_seed(0))
copies = 10.0 * nn.functional.one_hot(tokens, 50).double()
print(f"not shifted: {library_places(copies, tokens):.4f}")
print(f"shifted:     {library_loss(copies, tokens, torch.ones_like(tokens).bool()):.4f}")
print(f"a model that knows nothing: {np.log(50):.4f}")

# %% [markdown]
# ## The same on real data
#
# Healthy or pneumonia? These are chest X-rays of children (PneumoniaMNIST), and the body is a MobileNetV2 that was pretrained on
# ImageNet's photographs and stays frozen. A question with two answers can be ended in two ways: **two classes** with a softmax, or **one
# yes-or-no** with a sigmoid. And because most of the scans show pneumonia, a third end counts the classes so that both have the same
# say: **two classes, weighted**. What do you expect to move: the accuracy, the share of the ill that are found (**sensitivity**), the
# share of the healthy that are sent home (**specificity**), the order of the scans from least to most suspicious (**AUC**), or how far
# the probabilities can be believed (**calibration error**, 0 is best)?

# %% tags=["demo"]
scans = pictures.results()["scans"]
print(f"{len(pictures.results()['seeds'])} draws of {scans['scans']} training scans, shares of pneumonia: " + ", ".join(
    f"{split} {share:.0%}" for split, share in scans["shares_of_pneumonia"].items()))
for metric, name in pictures.METRICS.items():
    print(f"{name:22}" + ", ".join(f"{end} {np.mean(measured[metric]):.3f}" for end, measured in scans["ends"].items()))
pictures.differences()

# %% [markdown]
# Each mark is a mean of differences, draw by draw, and its bar the 95 % interval. Read it slowly:
#
# - Does the **number of outputs** matter? A softmax of two logits depends on their difference alone, so it *is* a sigmoid of that
#   difference: the same scans are found, in the same order, up to a trifle. What differs is the pace. AdamW moves both rows of the two
#   classes by a step each, in opposite directions, so their difference moves by two. It is further on after the same number of steps, surer of
#   itself, and a little less to be believed.
# - Do **class weights** make the model better? Look which marks move, and which stays where it is. More of the healthy are sent home, and more of
#   the ill as well; the order of the scans is the same. No knowledge was added, the point of decision was moved.
# - Then why did the accuracy rise? The test scans hold a smaller share of pneumonia than the training scans, and the model says
#   “pneumonia” too often for them. To be pushed away from it helps there, with the calibration error too. On the validation scans, whose share is
#   that of training, the weights did not make the probabilities better. (They are said to make them worse. With three ill to one
#   healthy, these draws do not show it; unit 06 looks again.)
#
# The intervals speak of other draws of training scans. The test scans are the same in all of them, so they say nothing about other patients.

# %% [markdown]
# The same, live, where scans and weights are on this machine already (in the folders that `TLKIT_DATA` and `TORCH_HOME` name): one draw.

# %% tags=["demo"]
from pathlib import Path

from tlkit.data.downloads import is_here

weights = Path(torch.hub.get_dir(), "checkpoints", "mobilenet_v2-b0353104.pth")
if is_here("pneumoniamnist.npz") and weights.exists():
    few = load_task("pneumoniamnist").with_examples(200, seed=0)
    for end in ("classes", "yes or no"):
        mobilenet = load_backbone("mobilenet_v2", image_size=64)
        run = endings.train(end, mobilenet, few, plans.linear_probe(epochs=20, learning_rate=3e-3), seed=0)
        print(f"{end:10} last loss {run.records[-1]['loss']:.3f}, test accuracy {endings.accuracy(end, run.model, few.test):.3f}")
else:
    print("The scans or the weights are not here; the measurement above stands for them.")

# %% [markdown]
# ## Reflect
#
# Six questions. Put one letter for each into the list below, run that cell and then the check: it explains every choice, also
# the right ones.

# %%
quiz("02.quiz")

# %% nbgrader={"grade": false, "grade_id": "02-quiz", "locked": false, "schema_version": 3, "solution": true, "task": false}
answers = [  # one letter in quotes for each question, in order: "a", "c", ...
    ### BEGIN SOLUTION
    "a",
    "c",
    "a",
    "b",
    "c",
    "b",
    ### END SOLUTION
]

# %% nbgrader={"grade": true, "grade_id": "02-quiz-check", "locked": true, "points": 6, "schema_version": 3, "solution": false, "task": false}
check("02.quiz")

# %% [markdown]
# ### In your own words
#
# *5 minutes, 2 points; a person reads this one.* A colleague grades the condition of apples from photographs: bad, fair, good,
# excellent, numbered 0 to 3. She says: “These are classes, so I take four outputs and cross-entropy.” Another says: “They have an order,
# so I take one output and the squared error.” Say what each of the two ends gets wrong about this task, and how you would find out
# which one serves better.

# %% [markdown] nbgrader={"grade": true, "grade_id": "02-explain", "locked": false, "points": 2, "schema_version": 3, "solution": true, "task": false}
# One point for what each end gets wrong, half a point for each:
#
# - four classes with cross-entropy know no order: “excellent” for a bad apple costs as much as “fair” for it;
# - one number with a squared error takes the steps from grade to grade to be equally large, and an apple that is either bad or good
#   is called fair.
#
# One point for a way to find out that could come out either way:
#
# - both are trained on the same apples, each at a learning rate of its own, chosen on validation data, with several seeds, the
#   difference paired;
# - judged by a measure that was fixed beforehand and says what a mistake costs: the share of right grades *and* the mean distance, or
#   the costs in money; a measure that is one end's own loss favours that end.
#
# Half a point for “compare the accuracy” without saying what a far-off grade costs, or without tuning both.

# %% [markdown]
# ## Optional: weights, and a loss for outliers
#
# Three more exercises. Their points count nowhere; their checks say as much as the others.

# %% [markdown]
# ### Exercise 8 (optional): classes that count alike
#
# *5 minutes, easy.* Write `balanced_weights`: for each of the $C$ classes $N / (C\,N_c)$, where $N$ is the number of labels and $N_c$ how
# many of them are class $c$. A class that never occurs is treated as if it occurred once ($N_c = 1$; $N$ stays).
#
# - `labels` is a tensor of N class numbers from 0 to C - 1, at least one; `class_count` is C. The result is a tensor of floats (C,).

# %% nbgrader={"grade": false, "grade_id": "02-balanced", "locked": false, "schema_version": 3, "solution": true, "task": false}
def balanced_weights(labels, class_count):
    """A weight for each class, so that all classes count alike.

    labels: tensor (N,) of whole numbers; class_count: C
    returns: tensor (C,)
    """
    ### BEGIN SOLUTION
    counts = torch.bincount(labels, minlength=class_count).clamp(min=1)
    return len(labels) / (class_count * counts.double())
    ### END SOLUTION

# %% tags=["demo"]
check("02.balanced")

# %% [markdown]
# ### Exercise 9 (optional): weights and smoothing together
#
# *12 minutes, hard.* With a weight $w_c$ for each class and smoothing $a$, example $i$ with label $y_i$ and log-probabilities $\log p_{ic}$ costs
#
# $$\ell_i = -(1-a)\,w_{y_i}\log p_{iy_i} - \frac{a}{C}\sum_c w_c\log p_{ic}, \qquad L = \frac{\sum_i \ell_i}{\sum_i w_{y_i}}.$$
#
# The mean divides by the weights of the examples' labels, not by their number. Write `weighted_cross_entropy`, which returns $L$.
#
# - `logits` (B, C), `labels` (B,), `label_smoothing` from 0 to 1, `class_weights` (C,), 0 or more; at least one example's weight is above 0.
# - Logits may be thousands; a gradient must be able to flow back to the logits.

# %% nbgrader={"grade": false, "grade_id": "02-weighted", "locked": false, "schema_version": 3, "solution": true, "task": false}
def weighted_cross_entropy(logits, labels, label_smoothing, class_weights):
    """Cross-entropy with class weights and label smoothing, divided by the weights of the labels.

    logits: tensor (B, C); labels: tensor (B,) of whole numbers; label_smoothing: a number; class_weights: tensor (C,)
    returns: tensor without axes
    """
    ### BEGIN SOLUTION
    log_p, own = torch.log_softmax(logits, dim=1), class_weights[labels]
    label = own * log_p[torch.arange(len(labels)), labels]
    spread = (class_weights * log_p).mean(dim=1)
    return -((1 - label_smoothing) * label + label_smoothing * spread).sum() / own.sum()
    ### END SOLUTION

# %% tags=["demo"]
check("02.weighted")

# %% [markdown]
# ### Exercise 10 (optional): a parabola, then a line
#
# *6 minutes, easy.* A squared error chases outliers: an error that is ten times as large pulls ten times as hard. Huber's loss pulls no
# harder than `delta`. With $r = \hat y - y$ it is
#
# $$\frac{r^2}{2} \;\text{ where } |r| \le \delta, \qquad \delta\left(|r| - \frac{\delta}{2}\right) \;\text{ beyond.}$$
#
# Write `huber_loss`, the mean over all numbers. `outputs` and `targets` are tensors (B,), `delta` is a number above 0. A gradient must
# be able to flow back.

# %% nbgrader={"grade": false, "grade_id": "02-huber", "locked": false, "schema_version": 3, "solution": true, "task": false}
def huber_loss(outputs, targets, delta):
    """Mean Huber loss.

    outputs, targets: tensors (B,); delta: a number above 0
    returns: tensor without axes
    """
    ### BEGIN SOLUTION
    size = (outputs - targets).abs()
    return torch.where(size <= delta, size**2 / 2, delta * (size - delta / 2)).mean()
    ### END SOLUTION

# %% tags=["demo"]
check("02.huber")

# %% [markdown]
# ## What to remember
#
# - Two questions choose the end: **how many answers has one example**, and **what can one answer be**. Classes that exclude each other:
#   softmax. Questions of their own: sigmoids. An amount: one output in the unit of the targets.
# - A model returns **logits**. The loss has the softmax inside; applied twice, it gives a loss that stops at a floor of its own.
# - Cross-entropy begins near **log C**, and it does not end at 0 because all answers are right: it asks how sure they are. With smoothing
#   it is not even meant to.
# - Take the logarithm **before** the computer rounds: log-sum-exp, log-softmax, log-sigmoid.
# - **-100** marks places that are not asked. The mean is over places that count, all sequences together.
# - A generator's loss is cross-entropy **one place further on**.
# - **Class weights** move the point of decision and the probabilities; they add no knowledge.

# %% [markdown]
# ## Further reading
#
# - Szegedy, Vanhoucke, Ioffe, Shlens and Wojna (2016), *Rethinking the Inception architecture for computer vision*. Section 7 is where label
#   smoothing comes from, in one page.
# - Müller, Kornblith and Hinton (2019), *When does label smoothing help?* What it does to features, and why it makes a poor teacher.
# - Guo, Pleiss, Sun and Weinberger (2017), *On calibration of modern neural networks*. The temperature that mends overconfidence.
# - Huber (1964), *Robust estimation of a location parameter*. The parabola that becomes a line.
# - Press and Wolf (2017), *Using the output embedding to improve language models*. Why a generator's head may be the table of its tokens.
# - Howard and Ruder (2018), *Universal language model fine-tuning for text classification*. The head as a part of the method, not an afterthought.
