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
# # 03 Gradients
#
# **Where does the gradient come from?**
#
# Fine-tuning is: compute a gradient, take a small step against it, repeat. Libraries compute the gradient for you. Then why
# derive it yourself? Because every choice of the coming units is a choice about gradients: what a frozen layer receives, why
# one loss pulls hard and another does not, what a temperature does, why a prompt under a frozen network can learn at all. And
# because a sign that was lost on paper is a model that learns to be wrong.
#
# In this unit every formula is proved by the machine beside it, and you find out how a text can be wrong although its last line
# is right.
#
# Plan for an hour for the five exercises of the core; the four behind them are for whoever wants more. You need no training
# loop yet. After each exercise there is a cell with `check("...")`: run it as often as you like.

# %% [markdown]
# ## Predict
#
# A model looks at a positive example (label $y = 1$) and is sure that it is negative: its **logit** is $z = -4.5$, so its
# probability $p = \sigma(z) = 1/(1+e^{-z})$ is close to 0. Two losses are at hand: **cross-entropy**, $-\log p$, and half the
# **squared error**, $(p-1)^2/2$. Each pulls at the logit with its gradient, the derivative of the loss by $z$.
#
# Write down your guess before you look: how large is each gradient, without its sign?

# %%
guess = {"cross-entropy": 0.5, "squared error": 0.5}  # your guesses, 0 or more

# %% [markdown]
# ## See
#
# On the left: the two losses against the logit, with the tangent of the cross-entropy at $z = -4.5$. The arrow below points
# where gradient descent would move the logit. On the right: the two gradients, for every logit.

# %% tags=["setup"]
import numpy as np

from tlkit import check, quiz
from tlkit.explore import gradients as pictures

# %% tags=["demo"]
pictures.loss_curve(logit=-4.5, label=1.0)

# %% tags=["demo"]
slopes = {"cross-entropy": pictures.cross_entropy_slope, "squared error": pictures.squared_error_slope}
for loss, slope in slopes.items():
    print(f"{loss:14} you said {guess[loss]:.3f}, it is {abs(slope(-4.5, 1.0)):.3f}")

# %% [markdown]
# The squared error hardly pulls where the model is most wrong. Move the logit and the label, also to labels between 0 and 1.
# Where does each loss pull most? Where does the gradient vanish? (The sliders also move with the arrow keys.)

# %% tags=["demo"]
pictures.explore_loss_curve()

# %% [markdown]
# ## Derive
#
# Why does cross-entropy pull like that? Two rules are enough.
#
# - **Chain rule.** If $\ell$ depends on $p$, and $p$ on $z$, then $\dfrac{\partial\ell}{\partial z} = \dfrac{\partial\ell}{\partial p}\cdot\dfrac{dp}{dz}$:
#   outer derivative times inner derivative.
# - **Logarithm.** $\dfrac{d}{dp}\log p = \dfrac1p$.
#
# The inner derivative is that of the sigmoid. Here is its derivation, as `derive` shows it. Each line says which rule was used
# and why, and each is proved in two ways: that it is **true** of the quantity on its left, and that it **follows** from the
# line before. For scalars the proof is an identity: sympy turns the difference of both sides into 0.

# %% tags=["demo"]
from tlkit.gradients import derivations, derive

derive("sigmoid")

# %% [markdown]
# ### Exercise 1: binary cross-entropy, step by step
#
# *10 minutes, 4 points, easy.* The loss of one example with label $y$ is
#
# $$\ell = -\left[\,y\log p + (1-y)\log(1-p)\,\right],\qquad p = \sigma(z).$$
#
# Fill in four steps, each as a formula in quotes, with `+ - * / **`, parentheses, numbers, and the names `p`, `y`, `N`, `g` only.
# Any form of the right formula is right.
#
# - `steps["dl_dp"]`: $\partial\ell/\partial p$, in `p` and `y`: the outer derivative, as if $p$ were free.
# - `steps["dp_dz"]`: $dp/dz$, in `p`: the inner derivative.
# - `steps["dl_dz"]`: $\partial\ell/\partial z$, in `p` and `y`. Simplify it: it becomes very short (any form is accepted).
# - `steps["dL_dz"]`: now there are `N` examples, and $L = \frac{1}{N}\sum_i \ell_i$ is the mean. Something further up sends back the
#   gradient `g` to $L$ (at the very end of a network `g` is 1). What arrives at **one** logit $z_i$? In `p` and `y` (those of
#   example $i$), `N` and `g`.

# %% nbgrader={"grade": false, "grade_id": "03-bce_steps", "locked": false, "schema_version": 3, "solution": true, "task": false}
steps = {}
steps["dl_dp"] = (
    ### BEGIN SOLUTION
    "-y/p + (1 - y)/(1 - p)"
    ### END SOLUTION
)
steps["dp_dz"] = (
    ### BEGIN SOLUTION
    "p*(1 - p)"
    ### END SOLUTION
)
steps["dl_dz"] = (
    ### BEGIN SOLUTION
    "p - y"
    ### END SOLUTION
)
steps["dL_dz"] = (
    ### BEGIN SOLUTION
    "g*(p - y)/N"
    ### END SOLUTION
)

# %% nbgrader={"grade": true, "grade_id": "03-bce_steps-check", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
check("03.bce_steps")

# %% [markdown]
# Now walk through the whole derivation, a line at a time. (Do the exercise first; here every line is shown. The other
# derivations of this unit are in the list too.)

# %% tags=["demo"]
pictures.explore_derivation("bce_with_logits")

# %% [markdown]
# Look again at the figure above with what you know: the sigmoid's slope $p\,(1-p)$, which is next to nothing far out, cancels
# against the denominators of the logarithm. For the squared error it does not cancel. That is the whole difference.

# %% [markdown]
# ## A text that is wrong on the way
#
# The text that this course grew from derives the same gradient in its section 4.2, for a model $f_\theta$ with parameters
# $\theta$ and examples $(x_i, y_i)$. (Its section 4.1 says what is to be minimised, and is hasty too: it takes the argmin over
# the loss of *one* example, writes $y$ for the label and for the model's output, and names the pretrained $\theta_0$ without
# ever using it as the starting point.) These are the four lines of 4.2:
#
# $$\ell(\hat y, y) = -[\,y\log\hat y + (1-y)\log(1-\hat y)\,] \tag{1}$$
# $$\mathcal L(y, f_\theta(x)) = -\frac1N\sum_{i=1}^N \ell(y_i, f_\theta(x_i)) \tag{2}$$
# $$\frac{\partial\mathcal L}{\partial\theta} = -\frac1N\sum_{i=1}^N \frac{\partial\ell(y_i, f_\theta(x_i))}{\partial\theta} \tag{3}$$
# $$\frac{\partial\mathcal L}{\partial\theta} = -\frac1N\sum_{i=1}^N\left(\frac{y_i}{f_\theta(x_i)} - \frac{1-y_i}{1-f_\theta(x_i)}\right)\frac{\partial f_\theta(x_i)}{\partial\theta} \tag{4}$$
#
# $\mathcal L$ is meant to be the mean of the losses, which fine-tuning makes small. Something is wrong. Read the lines slowly
# before you go on: which of them are true? Which follow from the one before?

# %% [markdown]
# ### Exercise 2: mend the source's 4.2
#
# *10 minutes, 4 points, medium.* **Line 1 stays as it is.** Give what example $i$ adds to each of the other lines, so that all
# lines are true and each follows from the one before. A line that is right already may stay as it is. You also put in the step
# that the source skips.
#
# The names: `l` is the example's loss $\ell_i$ as line 1 defines it, `s` its derivative $\partial\ell_i/\partial\theta$, `y` the
# label, `f` the output $f_\theta(x_i)$, `d` the output's derivative $\partial f_\theta(x_i)/\partial\theta$, `N` the number of
# examples. (One parameter, so that all of them are numbers.)
#
# - `mended["loss"]`: line 2 is $\mathcal L = \sum_i$ *(this)*, in `l` and `N`. The source has `"-l/N"`.
# - `mended["gradient"]`: line 3 is $\partial\mathcal L/\partial\theta = \sum_i$ *(this)*, in `s` and `N`. The source has `"-s/N"`.
# - `mended["slope"]`: the skipped step, $\partial\ell_i/\partial\theta =$ *(this)*, in `y`, `f` and `d`.
# - `mended["expanded"]`: line 4 is $\partial\mathcal L/\partial\theta = \sum_i$ *(this)*, in `y`, `f`, `d` and `N`. The source has
#   `"-(y/f - (1 - y)/(1 - f))*d/N"`.

# %% nbgrader={"grade": false, "grade_id": "03-mend", "locked": false, "schema_version": 3, "solution": true, "task": false}
mended = {}
mended["loss"] = (
    ### BEGIN SOLUTION
    "l/N"
    ### END SOLUTION
)
mended["gradient"] = (
    ### BEGIN SOLUTION
    "s/N"
    ### END SOLUTION
)
mended["slope"] = (
    ### BEGIN SOLUTION
    "-y*d/f + (1 - y)*d/(1 - f)"
    ### END SOLUTION
)
mended["expanded"] = (
    ### BEGIN SOLUTION
    "(-y*d/f + (1 - y)*d/(1 - f))/N"
    ### END SOLUTION
)

# %% nbgrader={"grade": true, "grade_id": "03-mend-check", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
check("03.mend")

# %% [markdown]
# Here is the verdict of the machine. Every line is judged twice, for any model $f_\theta$: three examples with three unrelated
# functions of $\theta$ stand for all. (Done with the exercise? Then look.)

# %% tags=["demo"]
derive("source_4_2")

# %% [markdown]
# A last line that agrees with autograd proves nothing about the lines before it. Does it matter? Somebody who programs the loss
# as line 2 has it, and lets a library differentiate, gets what line 2 says:

# %% tags=["demo"]
rng = np.random.default_rng(0)
x = rng.normal(size=200)
y = (x + 0.5 * rng.normal(size=200) > 0).astype(float)

for name, sign in (("as mended", 1.0), ("line 2 as written", -1.0)):
    weight, losses = 0.5, []
    for _ in range(30):
        losses.append(pictures.cross_entropy(weight * x, y).mean())
        weight -= sign * np.mean((pictures.sigmoid(weight * x) - y) * x)
    print(f"{name:18} mean loss at first {losses[0]:.3f}, after 30 steps {losses[-1]:.3f}")

# %% [markdown]
# ## Many classes
#
# With $C$ classes the model gives a row of logits $z_1,\dots,z_C$, and a **softmax** makes probabilities of them,
# $p_k = e^{z_k} / \sum_j e^{z_j}$. The loss of one example is the negative logarithm of the probability of its true class $y$. Write
# it without the fraction:
#
# $$\ell = -\log p_y = \log\sum_j e^{z_j} \;-\; z_y.$$
#
# The label stands in the second term alone. Move the logits and watch the bars: each class's gradient is how much it is predicted
# too high. In which direction does the arrow on the surface point, and when does it vanish?

# %% tags=["demo"]
pictures.explore_loss_surface()

# %% [markdown]
# ### Exercise 3: cross-entropy of a softmax
#
# *12 minutes, 4 points, medium.* Write `cross_entropy_gradient`. The loss is the **mean** over the `B` rows of `logits` of
# $\log\sum_j e^{z_j} - z_y$; return its gradient by the logits, times `upstream` (the gradient that comes from above; one number).
#
# - `logits` is a tensor of shape (B, C), `labels` a tensor of B class numbers from 0 to C - 1. The result has the shape (B, C).
# - Logits may be thousands, positive or negative: nothing may overflow.
# - Leave `logits` as they are. Write the formula: no autograd, no ready-made loss. `torch.softmax` is fine. Return a tensor of the
#   logits' dtype (float32 or float64); inside, numpy is fine.

# %% tags=["setup"]
import torch

# %% nbgrader={"grade": false, "grade_id": "03-softmax", "locked": false, "schema_version": 3, "solution": true, "task": false}
def cross_entropy_gradient(logits, labels, upstream):
    """Gradient of upstream * (mean cross-entropy) by the logits.

    logits: tensor (B, C); labels: tensor (B,) of whole numbers; upstream: a number
    returns: tensor (B, C)
    """
    ### BEGIN SOLUTION
    gradient = torch.softmax(logits, dim=1)
    gradient[torch.arange(len(labels)), labels] -= 1
    return upstream * gradient / len(labels)
    ### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "03-softmax-check", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
check("03.softmax")

# %% [markdown]
# And the derivation. Where a step is about tensors and not scalars, the proof is another one: at random points, in float64, both
# sides are computed, and compared with autograd and with differences.

# %% tags=["demo"]
derive("softmax_cross_entropy")

# %% [markdown]
# ## Trust nothing: try it
#
# How would you find out that a gradient is wrong without deriving it again? By trying. Move one number a little up and a little
# down, and see how much the result changes:
#
# $$\frac{\partial f}{\partial x_i} \approx \frac{f(x + h\,e_i) - f(x - h\,e_i)}{2h}.$$
#
# Here $e_i$ is 1 at place $i$ and 0 elsewhere, and $h$ is a small step. This is a **central difference**. Why not the simpler
# $\left(f(x+h\,e_i)-f(x)\right)/h$, and how small is small? The figure tries both on the derivative of $e^x$ at 1, for many
# steps:

# %% tags=["demo"]
from tlkit.explore.figures import Picture

steps_tried = 10.0 ** np.arange(-15, 0.5, 0.5)
one_sided = np.abs((np.exp(1 + steps_tried) - np.exp(1)) / steps_tried - np.exp(1))
central = np.abs((np.exp(1 + steps_tried) - np.exp(1 - steps_tried)) / (2 * steps_tried) - np.exp(1))
best = {"one-sided": steps_tried[one_sided.argmin()], "central": steps_tried[central.argmin()]}
words = (f"smallest error: one-sided {one_sided.min():.0e} at step {best['one-sided']:.0e}, "
         f"central {central.min():.0e} at step {best['central']:.0e}")
display(Picture(pictures.draw_step_sizes(steps_tried, {"one-sided": one_sided, "central": central}), words))
print(words)

# %% [markdown]
# To the right of its lowest point each curve rises because over a long step the function bends; to the left because two
# nearly equal numbers are subtracted, and rounding is all that is left. The central difference is better, because on the long
# side its error falls with the square of the step.

# %% [markdown]
# ### Exercise 4: a gradient by trying
#
# *10 minutes, 4 points, medium.* Write `numerical_gradient`: the gradient of `f(x, y)` by `x`, from central differences with the
# given `step`, by the formula above.
#
# - `f` takes two tensors and returns one number, as a tensor without an axis, as losses do: `f(x, y)`. `y` is held fixed.
# - `x` is a tensor of floats of **any** shape: a row, a table, three axes, or a single number without an axis. Return a tensor of
#   the same shape and dtype; inside, numpy is fine.
# - Use exactly the step that is given, the same for every entry.
# - `x` belongs to the caller: afterwards it must hold exactly what it held before, to the last bit. Moving a copy is safest.

# %% nbgrader={"grade": false, "grade_id": "03-numerical", "locked": false, "schema_version": 3, "solution": true, "task": false}
def numerical_gradient(f, x, y, step):
    """Gradient of f(x, y) by x, from central differences.

    f: function of two tensors that returns one number, as a tensor without an axis
    x: tensor of any shape; y: tensor, held fixed; step: a number
    returns: tensor of x's shape
    """
    ### BEGIN SOLUTION
    slopes = []
    for place in range(x.numel()):
        ends = []
        for move in (step, -step):
            moved = x.clone().reshape(-1)
            moved[place] += move
            ends.append(f(moved.reshape(x.shape), y))
        slopes.append((ends[0] - ends[1]) / (2 * step))
    return torch.stack(slopes).reshape(x.shape)
    ### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "03-numerical-check", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
check("03.numerical")

# %% [markdown]
# Let your two functions check each other. (Until both are there, the cell says so.)

# %% tags=["demo"]
from tlkit.heads import cross_entropy


from tlkit.explore.yours import finished, needs

torch.manual_seed(0)
logits, labels = 3 * torch.randn(4, 5, dtype=torch.float64), torch.tensor([2, 0, 4, 2])
with needs("exercises 3 and 4"):
    by_formula = torch.as_tensor(finished(cross_entropy_gradient(logits, labels, 1.0)), dtype=logits.dtype)
    by_trying = torch.as_tensor(finished(numerical_gradient(cross_entropy, logits, labels, 1e-5)), dtype=logits.dtype)
    print(f"largest difference of formula and trial: {(by_formula - by_trying).abs().max():.1e}")

# %% [markdown]
# The library's `gradient_check` does the same for any function and any inputs, and says what is wrong. Here it looks at three
# gradients: a right one, one that forgot what comes from above, and one at a **kink**, where there is no single slope.

# %% tags=["demo"]
from tlkit.gradients import GradientMismatch, gradient_check

numbers = torch.tensor([0.5, 0.0, -2.0], dtype=torch.float64)
print(gradient_check(torch.tanh, {"x": numbers}))

def forgetful(x, upstream):
    return 1 - torch.tanh(x) ** 2


for function, gradient in ((torch.tanh, forgetful), (torch.relu, None)):
    try:
        gradient_check(function, {"x": numbers}, gradient)
    except GradientMismatch as mismatch:
        print(mismatch)

# %% [markdown]
# ## What a frozen body receives
#
# A pretrained network is a **body** that turns inputs into features, and a new **head** on top that turns features into logits.
# To freeze the body is to say: its weights stay. What does that mean for gradients?
#
# The way back starts at the loss and goes down: loss, logits, head, features, body, inputs. In torch every tensor says whether it
# wants a gradient (`requires_grad`), and on the way back only those branches are walked that end in one that does. So there are
# two cases.
#
# - **Everything that trains is above the body.** The way back ends at the head. The derivative by the body's weights is *not zero*;
#   it is *not computed*: `.grad` stays `None`.
# - **Something that trains is below the body**, or inside it: a **prompt** that is added to the inputs, a small module in an early
#   layer. Its gradient has to pass *through* the body. The body's own weights still want nothing.
#
# Which of the following would you write around the body in the second case: nothing, `torch.no_grad()`, or
# `body.requires_grad_(False)`?

# %% [markdown]
# ### Exercise 5: around a frozen body
#
# *10 minutes, 3 points, medium.* A trainable `prompt` of shape (F,) is added to every row of `inputs` (B, F); the sum goes through a
# `body` that is to be frozen, then through a `head` that trains. Write `prompt_gradient`:
#
# - the loss is the mean cross-entropy of `head(body(inputs + prompt))` and `labels` (`torch.nn.functional.cross_entropy` is fine);
# - send it back once, with autograd. Return the gradient of the loss by the prompt, of shape (F,);
# - afterwards the **head's** parameters hold their gradients in `.grad`;
# - the **body's** parameters do not require a gradient any more, and their `.grad` is `None`;
# - no weight changes its value, and the modules stay in the mode (`train()` or `eval()`) that they are in.
#
# `prompt` requires a gradient already and has none yet; `body` and `head` are modules, and at first all of their parameters require one.

# %% nbgrader={"grade": false, "grade_id": "03-frozen", "locked": false, "schema_version": 3, "solution": true, "task": false}
def prompt_gradient(prompt, body, head, inputs, labels):
    """Gradient of the mean cross-entropy by a prompt below a frozen body.

    prompt: tensor (F,); body, head: modules; inputs: tensor (B, F); labels: tensor (B,) of whole numbers
    returns: tensor (F,)
    """
    ### BEGIN SOLUTION
    for parameter in body.parameters():
        parameter.requires_grad = False
    loss = torch.nn.functional.cross_entropy(head(body(inputs + prompt)), labels)
    loss.backward()
    return prompt.grad
    ### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "03-frozen-check", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
check("03.frozen")

# %% [markdown]
# The whole path, with what is computed, what is `None`, and what would go wrong. The lines about `None` cannot be computed; they
# were seen: the machine ran torch and looked.

# %% tags=["demo"]
derive("frozen_body")

# %% [markdown]
# ## Your own gradient, at work
#
# You have all that it takes to train the head of a real network by hand. The body is **glyphnet**, pretrained on letters and
# frozen; the task is handwritten digits. The features are computed once, without a graph, since nothing below the head trains.
# The head's gradient is yours: `cross_entropy_gradient` gives $G$, what arrives at the logits, and a linear layer hands it to its
# weights as $G^\top h$ and to its bias as the sum of $G$ over the batch. Then one small step against it, again and again.

# %% tags=["demo"]
from tlkit import load_backbone, load_task

task = load_task("digits", labels_per_class=20, seed=0)
body = load_backbone("glyphnet").eval()
with torch.no_grad():
    features, new_features = body(task.train.inputs), body(task.test.inputs)
weight, bias = torch.zeros(10, features.shape[1]), torch.zeros(10)
with needs("exercise 3"):
    for step in range(201):
        logits = features @ weight.T + bias
        if step % 50 == 0:
            loss = cross_entropy(logits, task.train.labels)
            right = ((new_features @ weight.T + bias).argmax(1) == task.test.labels).float().mean()
            print(f"step {step:3}: loss {loss:.3f}, share of new digits read correctly {right:.3f}")
        G = torch.as_tensor(finished(cross_entropy_gradient(logits, task.train.labels, 1.0)), dtype=logits.dtype)
        weight -= 0.1 * G.T @ features
        bias -= 0.1 * G.sum(0)

# %% [markdown]
# ## Reflect
#
# Five questions. Put one letter for each into the list below, run that cell and then the check: it explains every choice,
# also the right ones.

# %%
quiz("03.quiz")

# %% nbgrader={"grade": false, "grade_id": "03-quiz", "locked": false, "schema_version": 3, "solution": true, "task": false}
answers = [  # one letter in quotes for each question, in order: "a", "c", ...
    ### BEGIN SOLUTION
    "b",
    "b",
    "a",
    "c",
    "a",
    ### END SOLUTION
]

# %% nbgrader={"grade": true, "grade_id": "03-quiz-check", "locked": true, "points": 5, "schema_version": 3, "solution": false, "task": false}
check("03.quiz")

# %% [markdown]
# ### In your own words
#
# *5 minutes, 2 points; a person reads this one.* A colleague defends section 4.2: “I compared the last line with autograd, they
# agree to twelve digits. So the derivation is right.” Say what the comparison shows, what it does not show, and give one way in
# which the mistake could do harm all the same.

# %% [markdown] nbgrader={"grade": true, "grade_id": "03-explain", "locked": false, "points": 2, "schema_version": 3, "solution": true, "task": false}
# One point for both halves of this: the comparison shows that the last formula is the gradient of the mean loss (at the points
# that were tried). It does not show that the lines before are true, or that the last follows from them: lines 2 and 3 have the
# wrong sign, and line 4 drops the minus that they carry.
#
# One point for a way in which it does harm, such as:
#
# - who programs line 2 as the loss, and lets a library differentiate it, climbs;
# - who takes line 3 as the start of another derivation (another loss, a penalty that is added) carries the sign on;
# - a loss that is added to another one with the wrong sign is not seen, since the sum still falls at first;
# - who learns from it that signs take care of themselves.
#
# Half a point for “it only shows the last line” without saying what is wrong with the others.

# %% [markdown]
# ## Optional: further back
#
# Four more exercises, for whoever wants to have gone all the way back through a network once. Their points count nowhere; their
# checks say as much as the others. What comes from above is called `upstream` in all of them: the derivative of the loss by the
# output, of the output's shape. Leave `upstream` and all other inputs as they are. No autograd, please. Return tensors of the inputs'
# dtype; inside, numpy is fine. Below exercises 7 to 9 stands the derivation; that of exercise 6 came after exercise 1.

# %% [markdown]
# ### Exercise 6 (optional): binary cross-entropy on logits, as code
#
# *6 minutes, easy.* Write `bce_gradient`: the gradient by the logits of the mean, over **all** entries, of the binary cross-entropy of
# $\sigma(z)$ and the target; times `upstream`, one number, since a mean is one. `logits` and `targets` are tensors of the same shape, a row or a table;
# targets lie between 0 and 1. Logits may be as large as 10,000 and as small as -10,000.

# %% nbgrader={"grade": false, "grade_id": "03-bce_code", "locked": false, "schema_version": 3, "solution": true, "task": false}
def bce_gradient(logits, targets, upstream):
    """Gradient of upstream * (mean binary cross-entropy) by the logits.

    logits, targets: tensors of the same shape; upstream: a number
    returns: tensor of that shape
    """
    ### BEGIN SOLUTION
    return upstream * (torch.sigmoid(logits) - targets) / logits.numel()
    ### END SOLUTION

# %% tags=["demo"]
check("03.bce_code")

# %% [markdown]
# ### Exercise 7 (optional): back through a linear layer
#
# *12 minutes, medium.* A linear layer is $Y = X W^\top + b$, with `inputs` $X$ (B, I), `weight` $W$ (O, I) and a bias (O,). Given
# `upstream` $= \partial L/\partial Y$ (B, O), return three tensors in this order: the gradient of the inputs (B, I), of the weight
# (O, I) and of the bias (O,). (The bias itself is not needed for that.)

# %% nbgrader={"grade": false, "grade_id": "03-linear", "locked": false, "schema_version": 3, "solution": true, "task": false}
def linear_gradients(inputs, weight, upstream):
    """Gradients of a linear layer.

    inputs: tensor (B, I); weight: tensor (O, I); upstream: tensor (B, O)
    returns: gradients of inputs (B, I), weight (O, I), bias (O,)
    """
    ### BEGIN SOLUTION
    return upstream @ weight, upstream.T @ inputs, upstream.sum(dim=0)
    ### END SOLUTION

# %% tags=["demo"]
check("03.linear")

# %% tags=["demo"]
derive("linear")

# %% [markdown]
# ### Exercise 8 (optional): back through LayerNorm
#
# *20 minutes, hard.* LayerNorm treats every row of `inputs` (B, D) by itself: $y = \text{scale}\cdot n + \text{shift}$, where
# $n = (x-\mu)/r$, $\mu$ is the mean of the row's D numbers, $r = \sqrt{v + \epsilon}$, and $v$ is their variance, divided by D;
# $\epsilon = 10^{-5}$. `scale` has the shape (D,), the same for all rows. Given `upstream` (B, D), return in this order the gradient
# of the inputs (B, D), of the scale (D,) and of the shift (D,).

# %% nbgrader={"grade": false, "grade_id": "03-layernorm", "locked": false, "schema_version": 3, "solution": true, "task": false}
def layernorm_gradients(inputs, scale, upstream):
    """Gradients of LayerNorm over the last axis, with eps = 1e-5.

    inputs: tensor (B, D); scale: tensor (D,); upstream: tensor (B, D)
    returns: gradients of inputs (B, D), scale (D,), shift (D,)
    """
    ### BEGIN SOLUTION
    r = (inputs.var(dim=1, unbiased=False, keepdim=True) + 1e-5).sqrt()
    n = (inputs - inputs.mean(dim=1, keepdim=True)) / r
    h = upstream * scale
    into_inputs = (h - h.mean(dim=1, keepdim=True) - n * (h * n).mean(dim=1, keepdim=True)) / r
    return into_inputs, (upstream * n).sum(dim=0), upstream.sum(dim=0)
    ### END SOLUTION

# %% tags=["demo"]
check("03.layernorm")

# %% tags=["demo"]
derive("layernorm")

# %% [markdown]
# ### Exercise 9 (optional): back through attention
#
# *20 minutes, hard.* Attention without batch and heads: `queries` $Q$ (T, D), `keys` $K$ (S, D), `values` $V$ (S, E), weights
# $A = \mathrm{softmax}(Q K^\top/\sqrt D)$ along each row, output $O = A V$ (T, E). Given `upstream` $= \partial L/\partial O$ (T, E),
# return in this order the gradients of queries (T, D), keys (S, D) and values (S, E). Scores may be hundreds: nothing may overflow.

# %% nbgrader={"grade": false, "grade_id": "03-attention", "locked": false, "schema_version": 3, "solution": true, "task": false}
def attention_gradients(queries, keys, values, upstream):
    """Gradients of softmax(queries keys^T / sqrt(D)) values.

    queries: tensor (T, D); keys: tensor (S, D); values: tensor (S, E); upstream: tensor (T, E)
    returns: gradients of queries (T, D), keys (S, D), values (S, E)
    """
    ### BEGIN SOLUTION
    root = queries.shape[1] ** 0.5
    A = torch.softmax(queries @ keys.T / root, dim=1)
    P = upstream @ values.T
    into_scores = A * (P - (P * A).sum(dim=1, keepdim=True)) / root
    return into_scores @ keys, into_scores.T @ queries, A.T @ upstream
    ### END SOLUTION

# %% tags=["demo"]
check("03.attention")

# %% tags=["demo"]
derive("attention")

# %% [markdown]
# Two more are there to read: `derive("lora")`, a low-rank update beside frozen weights, which unit 09 builds; and
# `derive("distillation")`, which says what the square of the temperature is for in unit 10.

# %% tags=["demo"]
print(", ".join(derivations()))

# %% [markdown]
# ## What to remember
#
# - Cross-entropy with a sigmoid or softmax pulls at the logits with **predicted minus wanted**. The flat ends of the sigmoid do not
#   weaken it, since its slope cancels; in a squared error it does not.
# - A mean over $N$ gives every example its share $1/N$, and whatever comes **from above** is multiplied in.
# - A derivation is right if every line is **true** and **follows**. A last line can be right by two mistakes that cancel.
# - A gradient that is not derived can be **tried**: central differences, in float64, away from kinks.
# - **Frozen** means not computed: `None`, not zero. Freezing weights does not block the way through them; `no_grad` does.

# %% [markdown]
# ## Further reading
#
# - Rumelhart, Hinton and Williams (1986), *Learning representations by back-propagating errors*. Four pages; read it for how little
#   backpropagation is more than the chain rule.
# - Baydin, Pearlmutter, Radul and Siskind (2018), *Automatic differentiation in machine learning: a survey*. What autograd does, and how it
#   differs from symbolic and numerical differentiation.
# - Griewank and Walther (2008), *Evaluating derivatives*. The book; chapter 3 for why reverse mode is cheap.
# - Squire and Trapp (1998), *Using complex variables to estimate derivatives of real functions*. Two pages on a derivative by trying that does
#   not lose digits.
# - Hinton, Vinyals and Dean (2015), *Distilling the knowledge in a neural network*. Section 2.1 has the limit of large temperatures.
