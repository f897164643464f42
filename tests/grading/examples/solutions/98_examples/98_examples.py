# %%
import matplotlib.pyplot as plt
import torch
from torch import nn

# %% nbgrader={"grade": false, "grade_id": "98-entropy", "locked": false, "schema_version": 3, "solution": true, "task": false}
def entropy(logits, labels):
    """Docstring."""
    ### BEGIN SOLUTION
    return (logits.logsumexp(1) - logits[torch.arange(len(labels)), labels]).mean()
    ### END SOLUTION

# %% nbgrader={"grade": false, "grade_id": "98-low_rank", "locked": false, "schema_version": 3, "solution": true, "task": false}
class LowRank(nn.Module):
    """Docstring."""

    def __init__(self, base, rank, alpha):
        super().__init__()
        ### BEGIN SOLUTION
        self.base = base.requires_grad_(False)
        self.down = nn.Parameter(torch.randn(rank, 3))
        self.up = nn.Parameter(torch.zeros(2, rank))
        self.factor = alpha / rank
        ### END SOLUTION

    def forward(self, inputs):
        ### BEGIN SOLUTION
        return self.base(inputs) + self.factor * (inputs @ self.down.T @ self.up.T)
        ### END SOLUTION

# %% nbgrader={"grade": false, "grade_id": "98-epoch", "locked": false, "schema_version": 3, "solution": true, "task": false}
def train_epoch(model, batches, loss, optimizer):
    ### BEGIN SOLUTION
    model.train()
    total = count = 0
    for inputs, labels in batches:
        optimizer.zero_grad()
        value = loss(model(inputs), labels)
        value.backward()
        optimizer.step()
        total += value.item() * len(labels)
        count += len(labels)
    return total / count
    ### END SOLUTION

# %% nbgrader={"grade": false, "grade_id": "98-evaluate", "locked": false, "schema_version": 3, "solution": true, "task": false}
def evaluate(model, batches):
    ### BEGIN SOLUTION
    model.eval()
    with torch.no_grad():
        hits = torch.cat([model(inputs).argmax(1) == labels for inputs, labels in batches])
    return hits.double().mean().item()
    ### END SOLUTION

# %% nbgrader={"grade": false, "grade_id": "98-errors", "locked": false, "schema_version": 3, "solution": true, "task": false}
errors = (
    ### BEGIN SOLUTION
    12 / 80
    ### END SOLUTION
)

# %% nbgrader={"grade": false, "grade_id": "98-slope", "locked": false, "schema_version": 3, "solution": true, "task": false}
slope = (
    ### BEGIN SOLUTION
    "(p - y) * p * (1 - p)"
    ### END SOLUTION
)

# %% nbgrader={"grade": false, "grade_id": "98-slopes", "locked": false, "schema_version": 3, "solution": true, "task": false}
steps = {}
steps["outer"] = (
    ### BEGIN SOLUTION
    "p - y"
    ### END SOLUTION
)
steps["inner"] = (
    ### BEGIN SOLUTION
    "p * (1 - p)"
    ### END SOLUTION
)
steps["whole"] = (
    ### BEGIN SOLUTION
    "(p - y) * p * (1 - p)"
    ### END SOLUTION
)

# %% nbgrader={"grade": false, "grade_id": "98-plan", "locked": false, "schema_version": 3, "solution": true, "task": false}
plan = (
    ### BEGIN SOLUTION
    {"phases": [{"epochs": 3, "frozen": ["body"]}, {"epochs": 5, "frozen": []}], "learning_rate": 1e-3}
    ### END SOLUTION
)

# %% nbgrader={"grade": false, "grade_id": "98-curve", "locked": false, "schema_version": 3, "solution": true, "task": false}
def learning_curve(labels, accuracy):
    ### BEGIN SOLUTION
    plt.plot(labels, accuracy.mean(axis=1))
    plt.xscale("log")
    plt.xlabel("labels")
    plt.ylabel("accuracy")
    ### END SOLUTION
