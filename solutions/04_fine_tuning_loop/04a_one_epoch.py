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
# # 04 The fine-tuning loop: one epoch
#
# **What does one epoch do?**
#
# You have a pretrained body, a new head and a few labels. What is left to do fits into ten lines: take a batch, ask the model,
# compare, go back, take a step, and again. Everybody can write these lines, and nearly everybody has written them wrong. The
# trouble is that a wrong loop does not stop with an error. It trains, its loss falls, and it hands you a number.
#
# In this notebook you take the loop apart, line by line, and write it so that you would trust its numbers. The second notebook,
# `04b_a_whole_run`, turns epochs into a run: with a schedule, clipping, and an end. Plan for an hour each. You need gradients as
# in unit 03, and no more.

# %% [markdown]
# ## What the source says
#
# The text that this course grew from lists, in its section 3.2, what comes after the head is chosen. In short:
#
# - **step 3, settings**: an optimiser (it names AdamW and SGD), a learning rate, a batch size, a number of epochs, weight decay and
#   dropout, and what stays frozen (unit 05);
# - **step 4, training**: batch by batch, forward to the loss, backward to the gradients, an update; now and then a look at the
#   validation data, which may end the training early;
# - **step 5, testing and use**: accuracy on the test set before and after; then new inputs, and training again when data change.
#
# That is right, and it is a table of contents. Its section 5.2 has a listing with a function `train_epoch`, and that one you can
# check. (The rest of that listing waits for unit 07. It does not run, and why it does not is worth a unit.)

# %% [markdown]
# ## Predict
#
# The task: handwritten digits, ten labelled images of each. The network: glyphnet, pretrained on letters, all of it trained, for 15
# epochs. Now imagine the loop without one of its lines. What share of the validation images will the model read correctly **in
# truth**, that is, when somebody evaluates it properly afterwards? Write down a guess for each.

# %%
guess = {
    "nothing": 0.5,    # the whole loop
    "zero_grad": 0.5,  # the gradients are never cleared
    "train": 0.5,      # the model is never put into training mode: it stays in evaluation mode
    "eval": 0.5,       # the model is evaluated in training mode
    "shuffle": 0.5,    # the images come in the order of their classes
    "step": 0.5,       # the optimiser never steps
}

# %% [markdown]
# ## See
#
# Ten seeds each, run beforehand. Thin lines are single runs, thick ones their mean. On the left is what the loop itself would tell
# you while it trains.

# %% tags=["setup"]
import numpy as np

from tlkit import check, quiz
from tlkit.explore import fine_tuning_loop as pictures

# %% tags=["demo"]
pictures.missing_line("zero_grad")

# %% tags=["demo"]
measured = pictures.results()["missing"]["runs"]
for line, expected in guess.items():
    found = np.mean([run["true"][-1] for run in measured[line]])
    name = "the whole loop" if line == "nothing" else f"without {pictures.LINES[line][0]}"
    print(f"{name:34} you said {expected:.2f}, it is {found:.2f}")

# %% [markdown]
# Now look at each of them. For every missing line ask two things: what does it do to the model? And would you have noticed, from
# the numbers that the loop reports?

# %% tags=["demo"]
pictures.explore_missing()

# %% [markdown]
# No loop raised an error. Two of the five give themselves away to whoever looks at what they report: without the optimiser's step loss and
# accuracy stay where guessing has them, and without clearing the accuracy comes down again after a good beginning. The other
# three end with reports that look like those of the whole loop. Three things to take away:
#
# - The loop that never clears its gradients **begins well** and then rots. Whoever looks at the first epochs only calls it done.
# - Without shuffling, the first epoch goes wrong and later ones make up for it. With one epoch over much data there would be no later ones.
# - Training mode and evaluation mode hardly matter **here**: the digits are easy, the batches are not too small, and letters' BatchNorm statistics
#   serve digits well. That is how such mistakes survive. Further below, in “Looking without touching”, you see one model's
#   count of right answers change with the size of the batches, in training mode; and unit 05 keeps a model in evaluation mode
#   on purpose. What you want is to have decided it.

# %% [markdown]
# ## The loop, line by line
#
# This is the source's `train_epoch`, told in our words, with our names:
#
#     1   put the model into training mode
#     2   total = 0
#     3   for each batch, shuffled:
#     4       clear the gradients
#     5       outputs = model(inputs)
#     6       loss = mean loss of this batch
#     7       total += loss
#     8       send the loss back
#     9       take a step
#     10  return total / number of batches
#
# | line | what it does | what happens without it |
# |---|---|---|
# | 1 | dropout drops, BatchNorm uses the batch's statistics and updates its own | the layers behave as in use, not as in training |
# | 3 | every epoch has its own order | batches of one class pull this way and that |
# | 4 | `.grad` becomes empty | each step also uses all gradients before it |
# | 5, 6 | a number that says how wrong the model is on this batch, and a graph of how it came about | |
# | 8 | walks the graph backwards and **adds** to every parameter's `.grad` | nothing to step with |
# | 9 | changes the parameters, from what is in `.grad` | nothing is learned |
#
# The order matters as much as the lines: clear, forward, back, step.
#
# And what is missing, or wrong? Four things, of which the first is in line 10. It is **a mean of batch means**: a short last batch
# counts as much as a full one. (The number of batches is what `len` of a loader gives.) The other three: no **schedule** of the
# learning rate, no **clipping** of gradients, and no **early stopping**, although step 4 of the source's own list asks for it. You mend
# line 10 here, and the other three in the second notebook.

# %% [markdown]
# ### Exercise 1: one epoch
#
# *10 minutes, 4 points, easy.* Write `train_epoch`.
#
# - `batches` can be looped over and gives pairs `(inputs, labels)`; the batches need not be of one size.
# - `loss(outputs, labels)` gives the **mean** loss of a batch, as torch's losses do.
# - For each batch `optimizer` takes one step, with the gradient of that batch alone. No gradient is left in the parameters
#   when the epoch begins.
# - The model may come in evaluation mode. It is to be trained in training mode.
# - Return a number (a float): the mean, over **all examples**, of the loss that each of them had in its batch, in training mode, just before that
#   batch's step. Every example counts the same.

# %% tags=["setup"]
import torch

# %% nbgrader={"grade": false, "grade_id": "04-epoch", "locked": false, "schema_version": 3, "solution": true, "task": false}
def train_epoch(model, batches, loss, optimizer):
    """One pass over the batches; returns the mean loss over all examples.

    model: a module; batches: pairs (inputs, labels); loss: (outputs, labels) -> mean over the batch
    optimizer: of torch.optim, over the model's parameters
    """
    ### BEGIN SOLUTION
    model.train()
    total, count = 0.0, 0
    for inputs, labels in batches:
        optimizer.zero_grad()
        batch_loss = loss(model(inputs), labels)
        batch_loss.backward()
        optimizer.step()
        total += batch_loss.item() * len(labels)
        count += len(labels)
    return total / count
    ### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "04-epoch-check", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
check("04.epoch")

# %% [markdown]
# How much is line 10 worth? Here are digits in batches of 32, and an epoch that learns nothing, since its rate is 0. The two means
# are of the same losses.

# %% tags=["setup"]
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader, TensorDataset

from tlkit import adapt, load_backbone, load_task

task_name, body_name, body_options = "digits", "glyphnet", {}
task = load_task(task_name, labels_per_class=10, seed=0)


def batches_of(split, batch_size=32, shuffle=False, seed=0):
    """A loader of a split's (inputs, labels)."""
    order = torch.Generator().manual_seed(seed)
    return DataLoader(TensorDataset(split.inputs, split.labels), batch_size, shuffle=shuffle, generator=order)


def fresh_model(seed=0):
    """The pretrained body, with a new head for the task."""
    return adapt(load_backbone(body_name, **body_options), task, seed=seed)

# %% tags=["demo"]
model, losses, sizes = fresh_model(), [], []
with torch.no_grad():
    for inputs, labels in batches_of(task.train, shuffle=True, seed=1):
        losses.append(cross_entropy(model(inputs), labels).item())
        sizes.append(len(labels))
print("examples in each batch:", sizes)
print("mean loss of each batch:", np.round(losses, 3))
print(f"mean of batch means {np.mean(losses):.4f}, mean over examples {np.average(losses, weights=sizes):.4f}")
print(f"an example of the last batch counts {sizes[0] / sizes[-1]:g} times as much as one of the first, in the mean of batch means")

# %% [markdown]
# Not much, this time. It grows with the difference between the batches, it is worst when the last batch is a single odd example,
# and it moves from epoch to epoch, since the odd one is another each time. A number that you compare between runs should not depend
# on how the data were cut.
#
# There is more to know about this number. It is not the loss of any one model: it was summed up **while** the model changed. At the end of the epoch the
# model is better than its training loss says; that is one reason why validation curves sometimes lie *below* training curves.

# %% [markdown]
# ## Looking without touching
#
# An evaluation should not leave a trace. It has to get two things right that sound alike:
#
# - `model.eval()` changes what **layers do**: dropout lets everything pass, and BatchNorm uses the statistics that it gathered
#   instead of those of the batch at hand;
# - `torch.no_grad()` changes what **torch writes down**: no graph, so less time and memory. The numbers stay the same.
#
# What happens if you forget the first one? The next cell asks the same model about the same images four times, in training mode.

# %% tags=["demo"]
model = fresh_model().train()
first_norm = next(module for module in model.modules() if isinstance(module, torch.nn.BatchNorm2d))
before = first_norm.running_mean.clone()
with torch.no_grad():
    for batch_size in (2, 8, 64, 64):
        right = sum((model(inputs).argmax(1) == labels).sum().item() for inputs, labels in batches_of(task.val, batch_size))
        print(f"in batches of {batch_size:2}: {right} of {len(task.val)} read correctly")
print(f"BatchNorm's running mean moved by up to {(first_norm.running_mean - before).abs().max():.3f}, and nothing was trained")

# %% [markdown]
# (The head is new, so few are read correctly; look at how the count depends on the batches.) In training mode the answer for one image depends on which other
# images lie beside it, and looking at the validation data changes the model. Afterwards its statistics are those of the validation
# images: they leaked into it without one label or gradient.

# %% [markdown]
# ### Exercise 2: evaluate
#
# *10 minutes, 4 points, easy.* Write `evaluate`. It returns a pair of numbers: the mean loss, and the accuracy.
#
# - `batches` and `loss` are as before; the model's outputs have the shape (examples, classes). The accuracy is the share, from 0 to 1, of
#   examples whose largest output is that of their label.
# - Every example counts the same, in both numbers, however the batches are cut.
# - In evaluation mode, and without recording gradients.
# - Afterwards the model is in the mode that it came in, training or evaluation.

# %% nbgrader={"grade": false, "grade_id": "04-evaluate", "locked": false, "schema_version": 3, "solution": true, "task": false}
def evaluate(model, batches, loss):
    """Mean loss and accuracy over all examples; the model is left as it was.

    model: a module; batches: pairs (inputs, labels); loss: (outputs, labels) -> mean over the batch
    returns: (mean loss, accuracy)
    """
    ### BEGIN SOLUTION
    was_training = model.training
    model.eval()
    total, right, count = 0.0, 0, 0
    with torch.no_grad():
        for inputs, labels in batches:
            outputs = model(inputs)
            total += loss(outputs, labels).item() * len(labels)
            right += (outputs.argmax(dim=1) == labels).sum().item()
            count += len(labels)
    model.train(was_training)
    return total / count, right / count
    ### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "04-evaluate-check", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
check("04.evaluate")

# %% [markdown]
# ## What a step does
#
# Line 9 hides the most. Plain gradient descent subtracts the gradient times the learning rate. **Adam** asks for more: every weight shall
# move by about the learning rate, whether its gradients are large or small. For each weight it keeps two running means, of the
# gradient $g$ and of its square,
#
# $$m \leftarrow \beta_1 m + (1-\beta_1)\,g, \qquad v \leftarrow \beta_2 v + (1-\beta_2)\,g^2,$$
#
# and moves by $m/\sqrt v$. Both means begin at zero, so at first they are too small. After $t$ steps they hold a share of
# $1-\beta_1^t$ and $1-\beta_2^t$ of a full mean; dividing by these shares is the **bias correction**:
#
# $$\hat m = \frac{m}{1-\beta_1^t}, \qquad \hat v = \frac{v}{1-\beta_2^t}.$$
#
# What would the first step be like without it? Guess first: shorter or longer?

# %% tags=["demo"]
gradient = 0.7
first, second = (1 - 0.9) * gradient, (1 - 0.999) * gradient**2
print(f"corrected:   {first / (1 - 0.9) / np.sqrt(second / (1 - 0.999)):.2f} times the learning rate")
print(f"uncorrected: {first / np.sqrt(second):.2f} times the learning rate")

# %% [markdown]
# Longer: $v$ is short of its mean by far more than $m$ is, and its root stands below the line. On fresh weights that is a bad beginning. On
# pretrained weights it is worse, since there is something to lose.
#
# And the **W**? Weight decay pulls every weight a little towards zero. The old way was to add $\lambda w$ to the gradient, as the
# gradient of a penalty $\frac\lambda2 w^2$. But then it goes through $m$ and $\sqrt v$ like everything else. Watch two weights with random
# gradients of mean zero, so that only the decay has a direction:

# %% tags=["demo"]
from tlkit.explore.figures import Picture

ends = {(size, coupled): np.mean([pictures.decayed(size, coupled, seed=seed)[-1] for seed in range(20)])
        for size in (10.0, 0.1) for coupled in (True, False)}
words = (f"After 200 steps, decay in the gradient: {ends[10.0, True]:.2f} is left of the weight with large gradients, {ends[0.1, True]:.2f} of the one "
         f"with small ones. Decay beside the gradient: {ends[10.0, False]:.2f} and {ends[0.1, False]:.2f}.")
display(Picture(pictures.draw_decay(), words))
print(words)

# %% [markdown]
# On the left, a weight whose gradients are large hardly decays: its decay was divided by the root of large squares. **AdamW** takes the decay out of
# the gradient and shrinks the weight directly, every weight by the same share:
#
# $$w \leftarrow w \;-\; \eta\,\lambda\,w \;-\; \eta\,\frac{\hat m}{\sqrt{\hat v}+\epsilon}.$$
#
# Both terms use the weight as it was before the step. $\eta$ is the learning rate, and $\epsilon$ keeps the quotient finite where gradients vanish. (The source takes `AdamW`
# from a library that no longer has it. Torch's has it, with another default for $\lambda$: read defaults before you compare runs.)

# %% [markdown]
# ### Exercise 3: one step of AdamW
#
# *12 minutes, 5 points, medium.* Write `adamw_step`, by the formulas above, for one tensor.
#
# - `weight` $w$, `gradient` $g$, `first` $m$ and `second` $v$ are float tensors of one shape, any shape. `step` is $t$: 1 at the first step.
#   `learning_rate` is $\eta$, `decay` is $\lambda$.
# - $\beta_1 = 0.9$, $\beta_2 = 0.999$, $\epsilon = 10^{-8}$, outside of the root. Gradients may be as small as $10^{-8}$.
# - Return three new tensors: the weight, and $m$ and $v$ after the update, as they are **before** the bias correction, since the next step goes on from
#   them. Leave the tensors that you were given as they are.

# %% nbgrader={"grade": false, "grade_id": "04-adamw", "locked": false, "schema_version": 3, "solution": true, "task": false}
def adamw_step(weight, gradient, first, second, step, learning_rate, decay):
    """One step of AdamW for one tensor, with betas 0.9 and 0.999 and eps 1e-8.

    weight, gradient, first, second: tensors of one shape; step: 1, 2, 3, ...; learning_rate, decay: numbers
    returns: the new weight, first and second
    """
    ### BEGIN SOLUTION
    first = 0.9 * first + 0.1 * gradient
    second = 0.999 * second + 0.001 * gradient**2
    mean = first / (1 - 0.9**step)
    square = second / (1 - 0.999**step)
    weight = weight - learning_rate * decay * weight - learning_rate * mean / (square.sqrt() + 1e-8)
    return weight, first, second
    ### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "04-adamw-check", "locked": true, "points": 5, "schema_version": 3, "solution": false, "task": false}
check("04.adamw")

# %% [markdown]
# ## Your loop, at work
#
# The next cell makes an optimiser of your step, and trains twice with your loop: once with it and once with torch's `AdamW`. (Until the
# three exercises are right, it says so.)

# %% tags=["demo"]
from tlkit.explore.yours import finished, needs


class YourAdamW(torch.optim.Optimizer):
    """`adamw_step` for every parameter."""

    def __init__(self, parameters, lr, weight_decay):
        super().__init__(parameters, {"lr": lr, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            for parameter in group["params"]:
                state = self.state[parameter]
                state["step"] = state.get("step", 0) + 1
                zeros = torch.zeros_like(parameter)
                new, state["first"], state["second"] = finished(adamw_step(
                    parameter, parameter.grad, state.get("first", zeros), state.get("second", zeros), state["step"],
                    group["lr"], group["weight_decay"]))
                parameter.copy_(new)


with needs("exercises 1 to 3"):
    trained = {}
    for name, algorithm in (("torch's AdamW", torch.optim.AdamW), ("your adamw_step", YourAdamW)):
        model = fresh_model()
        optimizer = algorithm(model.parameters(), lr=1e-3, weight_decay=0.01)
        for epoch in range(6):
            train_loss = finished(train_epoch(model, batches_of(task.train, shuffle=True, seed=epoch), cross_entropy, optimizer))
            val_loss, accuracy = finished(evaluate(model, batches_of(task.val, 256), cross_entropy))
            if epoch % 2:
                print(f"{name}, epoch {epoch + 1}: training loss {train_loss:.3f}, validation loss {val_loss:.3f}, accuracy {accuracy:.3f}")
        trained[name] = torch.cat([parameter.detach().flatten() for parameter in model.parameters()])
    one, other = trained.values()
    print(f"largest difference between the two models' weights: {(one - other).abs().max():.1e}")

# %% [markdown]
# The difference is rounding, in 32 bits, and what became of it in a few dozen steps: `m` over the root of `v` turns a gradient that is rounding
# noise into a step of full length.

# %% [markdown]
# ## Reflect
#
# Six questions. Put one letter for each into the list below, run that cell and then the check: it explains every choice,
# also the right ones.

# %%
quiz("04.quiz_epoch")

# %% nbgrader={"grade": false, "grade_id": "04-quiz_epoch", "locked": false, "schema_version": 3, "solution": true, "task": false}
epoch_answers = [  # one letter in quotes for each question, in order: "a", "c", ...
    ### BEGIN SOLUTION
    "c",
    "a",
    "b",
    "c",
    "b",
    "a",
    ### END SOLUTION
]

# %% nbgrader={"grade": true, "grade_id": "04-quiz_epoch-check", "locked": true, "points": 6, "schema_version": 3, "solution": false, "task": false}
check("04.quiz_epoch")

# %% [markdown]
# ## The same on other data
#
# Nothing above knows that these are digits. In the cell that has `task_name` put `"pneumoniamnist", "mobilenet_v2", {"image_size": 64}`, and run the
# notebook from there on: chest scans of children, normal or with pneumonia, and a network pretrained on photographs (both are downloaded when they are
# first used, unless they are there). Every cell takes longer then, most of it for looking at all validation scans. The second notebook shows what whole
# runs on scans look like.

# %% [markdown]
# ## Optional: a batch that does not fit
#
# One more exercise, for whoever wants it; its points count nowhere. When memory is too small for a batch, it is sent through the model in
# parts, and the gradients add up in `.grad` by themselves: that is what line 4 is careful to prevent *between* batches. This is
# **gradient accumulation**. The usual recipe divides the loss of each part by the number of parts. For parts of different size, or with labels
# that do not count, that is line 10 all over again, and this time it is in the *gradient*.

# %% [markdown]
# ### Exercise 4 (optional): one step for a batch in parts
#
# *12 minutes, medium.* Write `accumulated_step`: **one** step of `optimizer`, with the gradient that the whole batch would have had.
#
# - `parts` gives pairs `(inputs, labels)`, of different sizes; it may be looped over more than once. A label of -100 is not to be learned from.
# - With $M$ the number of labels in all parts that are not -100, the loss is $\frac1M$ times the sum of the cross-entropies of these labels. Return it as a number (a float).
#   (`cross_entropy` leaves -100 out by itself, and has `reduction="sum"`. A part may have no label that counts.)
# - `backward` for each part by itself is the point of it: then only one part's graph is in memory. The check looks at the step and at what
#   you return; it does not measure memory.
# - If $M$ is 0, take no step and return 0.0.
# - The model is in training mode already. No gradient is left in it, so `zero_grad` is not needed.

# %% nbgrader={"grade": false, "grade_id": "04-accumulation", "locked": false, "schema_version": 3, "solution": true, "task": false}
def accumulated_step(model, parts, optimizer):
    """One step for a batch that comes in parts; returns the mean cross-entropy of the labels that count.

    model: a module; parts: pairs (inputs, labels), labels of -100 do not count; optimizer: of torch.optim
    """
    ### BEGIN SOLUTION
    count = sum((labels != -100).sum().item() for _, labels in parts)
    if count == 0:
        return 0.0
    optimizer.zero_grad()
    total = 0.0
    for inputs, labels in parts:
        share = cross_entropy(model(inputs), labels, reduction="sum") / count
        share.backward()
        total += share.item()
    optimizer.step()
    return total
    ### END SOLUTION

# %% tags=["demo"]
check("04.accumulation")

# %% [markdown]
# How wrong is the usual recipe? Here is one gradient of a linear layer, from nine labels in parts of 4, 4 and 1, beside that of the whole batch:

# %% tags=["demo"]
torch.manual_seed(0)
layer, inputs, labels = torch.nn.Linear(3, 2), torch.randn(9, 3), torch.tensor([0, 1, 0, 1, 1, 0, 0, 1, 1])
cuts = list(zip(inputs.split(4), labels.split(4)))
recipes = {
    "the whole batch": [cross_entropy(layer(inputs), labels)],
    "sums over the count": [cross_entropy(layer(x), y, reduction="sum") / len(labels) for x, y in cuts],
    "means over the number of parts": [cross_entropy(layer(x), y) / len(cuts) for x, y in cuts],
}
for name, parts in recipes.items():
    layer.zero_grad()
    for part in parts:
        part.backward()
    print(f"{name:32}", np.round(layer.weight.grad[0].numpy(), 4))

# %% [markdown]
# ## What to remember
#
# - **Clear, forward, back, step.** A loop with a line too few raises no error; know what each line is for.
# - Sum over **examples**, divide by their number. A mean of batch means is not a mean, neither as a report nor as a gradient.
# - `eval()` changes the numbers, `no_grad()` the cost. An evaluation leaves the model as it found it.
# - Adam moves every weight by about the learning rate; the **bias correction** brakes its first steps. AdamW's decay is **beside** the
#   gradient, so that all weights shrink alike.
#
# Go on with `04b_a_whole_run`.

# %% [markdown]
# ## Further reading
#
# - Kingma and Ba (2015), *Adam: a method for stochastic optimization*. Section 3 derives the bias correction in half a page.
# - Loshchilov and Hutter (2019), *Decoupled weight decay regularization*. The figure above in their terms; section 2.
# - Ioffe and Szegedy (2015), *Batch normalization*. Algorithm 2, for what training and evaluation mode do.
# - Zhang, Wu, Katiyar, Weinberger and Artzi (2021), *Revisiting few-sample BERT fine-tuning*. What an optimiser without bias correction did to
#   many published results.
