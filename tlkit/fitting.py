"""Whether model, task and plan are what `finetune` and `distill` take, and are for each other."""

from collections.abc import Sequence

from tlkit.backbones.backbone import Backbone
from tlkit.data.task import Task
from tlkit.errors import TlkitError
from tlkit.model import Model
from tlkit.peft.methods import Method
from tlkit.plans import PLANS, Plan


def refuse_misfits(model, task, plan: Plan | None = None) -> None:
    """Raise a TlkitError where one of them is something else, or the model was made for another task than this."""
    refuse_no_model(model)
    refuse_no_task(task)
    if plan is not None and not isinstance(plan, Plan):
        name = plan if isinstance(plan, str) and plan in PLANS else plan.name if isinstance(plan, Method) else "full"
        raise TlkitError(f"plan={plan!r} must be a plan, such as tlkit.plans.{name}()")
    if model.kind.name != task.kind:
        raise TlkitError(f"{task.name} is a task of kind {task.kind!r}, and the model is for {model.kind.name!r}; `tlkit.adapt(model, task)` makes one for the task")
    if model.classes != tuple(task.classes):
        raise TlkitError(f"{task.name} has the classes {_named(task.classes)}, and the model {_named(model.classes)}{_how(task.classes, model.classes)}; "
                         "`tlkit.adapt(model, task)` makes a model for the task's, and classes of the same name keep what they learned")


def refuse_no_model(model) -> None:
    """Raise a TlkitError where something else than a model was given."""
    if isinstance(model, Model):
        return
    if isinstance(model, Backbone):
        raise TlkitError(f"a model is trained, and {model.name} is a body alone; `tlkit.adapt(body, task)` makes a model of it")
    if isinstance(getattr(model, "model", None), Model):
        raise TlkitError(f"a model is trained, and a {type(model).__name__} was given; take its `.model`")
    raise TlkitError(f"a model is trained, and {_short(model)} was given; `tlkit.adapt(body, task)` makes a model")


def refuse_no_task(task) -> None:
    """Raise a TlkitError where something else than a task was given."""
    if not isinstance(task, Task):
        name = task if isinstance(task, str) else "digits"
        raise TlkitError(f"a task says what is learned, and {_short(task)} was given; `tlkit.load_task({name!r})` gives a task")


def _how(ours: Sequence[str], theirs: Sequence[str]) -> str:
    odd = [name for name in (*ours, *theirs) if (name in ours) != (name in theirs)]
    return f" (they differ in {_named(odd)})" if odd else " (the same in another order)"


def _named(classes: Sequence[str]) -> str:
    return (", ".join(map(repr, classes[:4])) + (f", ... ({len(classes)})" if len(classes) > 4 else "")) or "none"


def _short(value) -> str:
    said = repr(value)
    return said if len(said) <= 60 and "\n" not in said else f"a {type(value).__name__}"
