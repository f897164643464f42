"""`tlkit finetune`, `distill`, `compare` and `predict`: thin shells around the library."""

import json
import os
from pathlib import Path
from typing import Annotated, Optional

import typer

from tlkit.errors import TlkitError

Data = Annotated[str, typer.Argument(metavar="DATA", help="The name of a task, or the path of your own data.")]
BackboneName = Annotated[Optional[str], typer.Option("--backbone", help="A body by name; if none is given, one that suits the data.")]
ImageSize = Annotated[Optional[int], typer.Option("--image-size", help="Pixels a side, for torchvision's convolutional networks.")]
Epochs = Annotated[Optional[int], typer.Option("--epochs", min=1, help="Of the plan's last phase.")]
Rate = Annotated[Optional[float], typer.Option("--lr", help="Learning rate of the body.")]
HeadRate = Annotated[Optional[float], typer.Option("--head-lr", help="Learning rate of the head.")]
Frozen = Annotated[Optional[str], typer.Option("--frozen", help="Stages that stay: names with commas, or a number (3: the first three, -1: all but the last).")]
BatchSize = Annotated[int, typer.Option("--batch-size", min=1, help="Examples a step, over all processes.")]
Patience = Annotated[int, typer.Option("--patience", min=0, help="Epochs without a better validation metric before a phase stops; 0 never looks.")]
Metric = Annotated[Optional[str], typer.Option("--metric", help="What is watched and compared: accuracy, AUC, loss, ...")]
Precision = Annotated[str, typer.Option("--precision", help="no, bf16, fp16; or float64, to compare runs digit by digit.")]
Device = Annotated[Optional[str], typer.Option("--device", help="cpu or cuda; a GPU is taken if there is one.")]
Text = Annotated[Optional[str], typer.Option("--text", help="The column of the texts.")]
Label = Annotated[Optional[str], typer.Option("--label", help="The column of the labels.")]
PlanName = Annotated[str, typer.Option("--plan", help="scratch, linear_probe, full, discriminative, gradual_unfreezing, lp_ft; of few parameters: lora, adapters, bitfit, prompt_tuning, prefix_tuning, ia3; or a JSON file.")]
Rank = Annotated[Optional[int], typer.Option("--rank", help="Of lora's updates.")]
Alpha = Annotated[Optional[float], typer.Option("--alpha", help="lora's updates are scaled by alpha / rank.")]
Bottleneck = Annotated[Optional[int], typer.Option("--bottleneck", help="Width of adapters.")]
Count = Annotated[Optional[int], typer.Option("--count", help="How many prompts, or keys and values of a prefix.")]
Targets = Annotated[Optional[str], typer.Option("--targets", help="Parts of the body that few parameters go to, with commas: query,value.")]
KindOfTask = Annotated[Optional[str], typer.Option("--kind", help="Of the task, if it is not to be guessed.")]

_IN_A_PLAN = ("epochs", "lr", "head_lr", "frozen", "batch_size", "accumulate", "patience", "metric", "batchnorm",
              "rank", "alpha", "bottleneck", "count", "targets")


def finetune(
    context: typer.Context,
    data: Data,
    out: Annotated[Path, typer.Option("--out", help="The folder for model, report and history; a run that was cut short goes on there.")],
    backbone: BackboneName = None,
    plan: PlanName = "lp_ft",
    rank: Rank = None,
    alpha: Alpha = None,
    bottleneck: Bottleneck = None,
    count: Count = None,
    targets: Targets = None,
    labels_per_class: Annotated[Optional[int], typer.Option("--labels-per-class", help="Train on so few labels.")] = None,
    epochs: Epochs = None,
    lr: Rate = None,
    head_lr: HeadRate = None,
    frozen: Frozen = None,
    batch_size: BatchSize = 32,
    accumulate: Annotated[int, typer.Option("--accumulate", min=1, help="Parts that a batch is sent through in.")] = 1,
    patience: Patience = 5,
    metric: Metric = None,
    batchnorm: Annotated[Optional[str], typer.Option("--batchnorm", help="adapted or frozen: whether running statistics move where the body trains; a pretrained convolutional body's stay.")] = None,
    label_smoothing: Annotated[float, typer.Option("--label-smoothing")] = 0.0,
    class_weights: Annotated[Optional[str], typer.Option("--class-weights", help="balanced")] = None,
    image_size: ImageSize = None,
    precision: Precision = "no",
    device: Device = None,
    seed: Annotated[int, typer.Option("--seed")] = 0,
    cache: Annotated[bool, typer.Option("--cache/--no-cache", help="Keep activations of frozen stages.")] = True,
    text: Text = None,
    label: Label = None,
    kind: KindOfTask = None,
) -> None:
    """Fine-tune a pretrained body on a task or on your own data: images, texts, tables of them, CoNLL files, sounds.

    Several processes or GPUs: accelerate launch -m tlkit finetune ...
    """
    from tlkit.adaptation import adapt
    from tlkit.devices import accelerator_for
    from tlkit.files import refuse_unwritable
    from tlkit.training import finetune as train

    task = _task(data, labels_per_class, seed, text, label, kind)
    start = _start(task, backbone, image_size, precision)
    body = getattr(start, "backbone", start)
    chosen = _plan(context, plan, body, epochs=epochs, learning_rate=lr, head_learning_rate=head_lr, frozen=_stages(frozen),
                   batch_size=batch_size, accumulate=accumulate, patience=patience or None, metric=metric, batchnorm=batchnorm,
                   method=_given(rank=rank, alpha=alpha, bottleneck=bottleneck, count=count, targets=_names(targets)))
    model = adapt(start, task, seed, label_smoothing, class_weights)
    mixed = "no" if precision == "float64" else precision
    is_main = accelerator_for(mixed, device).is_main_process
    if is_main:
        refuse_unwritable(out, "--out")
        typer.echo(f"{task.name}: {task.kind}, {len(task.train)} training examples, {len(task.val)} for validation, {len(task.test)} for the test")
        for note in task.notes:
            typer.echo(f"note: {note}")
        typer.echo(f"body {body.name}, head {model.head}, loss {model.loss}\n{chosen}")
    run = train(model, task, chosen, seed, cache=cache, checkpoint=out / "checkpoint", precision=mixed, device=device)
    if is_main:
        _write(run, chosen, out)


def distill(
    context: typer.Context,
    teacher: Annotated[Path, typer.Argument(metavar="RUN", help="The teacher: an artefact, or the folder that finetune wrote.")],
    student: Annotated[str, typer.Option("--student", help="A body by name for the student: glyphnet_small and minilm_small are made for it.")],
    out: Annotated[Path, typer.Option("--out", help="The folder for the student's model, report and history; a run that was cut short goes on there.")],
    data: Annotated[Optional[str], typer.Option("--data", help="A task or the path of data; if none is given, the task that the teacher learned.")] = None,
    plan: PlanName = "full",
    rank: Rank = None,
    alpha: Alpha = None,
    bottleneck: Bottleneck = None,
    count: Count = None,
    targets: Targets = None,
    temperature: Annotated[float, typer.Option("--temperature", help="The higher, the more the teacher's small probabilities count.")] = 4.0,
    soft_share: Annotated[float, typer.Option("--soft-share", help="From 0, the labels alone, to 1, the teacher alone.")] = 0.9,
    hint: Annotated[Optional[list[str]], typer.Option("--hint", help="STUDENT_STAGE=TEACHER_STAGE, whose features the student is to give; again for more.")] = None,
    attention: Annotated[Optional[list[str]], typer.Option("--attention", help="STUDENT_STAGE=TEACHER_STAGE, between which attention maps are to agree.")] = None,
    unlabelled: Annotated[Optional[list[str]], typer.Option("--unlabelled", help="Examples without labels to train on in place of the task's: a folder of pictures or sounds; a file of texts, one a line; - for lines from stdin; again for more. The teacher's answers are their labels.")] = None,
    labels_per_class: Annotated[Optional[int], typer.Option("--labels-per-class", help="Train on so few labels.")] = None,
    epochs: Epochs = None,
    lr: Rate = None,
    head_lr: HeadRate = None,
    frozen: Frozen = None,
    batch_size: BatchSize = 32,
    patience: Patience = 5,
    metric: Metric = None,
    image_size: ImageSize = None,
    precision: Precision = "no",
    device: Device = None,
    seed: Annotated[int, typer.Option("--seed")] = 0,
    text: Text = None,
    label: Label = None,
    kind: KindOfTask = None,
) -> None:
    """Let a student learn from a fine-tuned teacher: what it says, what its stages give, where it looks."""
    from tlkit.adaptation import adapt
    from tlkit.artefact import load
    from tlkit.devices import accelerator_for
    from tlkit.distillation import Distil
    from tlkit.distillation import distill as learn
    from tlkit.files import refuse_unwritable
    from tlkit.pseudo_labels import pseudo_labelled

    settings = Distil(temperature, soft_share, _pairs("--hint", hint), attention=_pairs("--attention", attention))
    predictor = load(teacher)
    task = _task(data or _data_of(predictor, teacher), labels_per_class, seed, text, label, kind)
    if unlabelled:
        task = pseudo_labelled(task, predictor, _unlabelled(predictor, unlabelled))
    start = _start(task, student, image_size, precision, seed)
    body = getattr(start, "backbone", start)
    chosen = _plan(context, plan, body, epochs=epochs, learning_rate=lr, head_learning_rate=head_lr, frozen=_stages(frozen),
                   batch_size=batch_size, patience=patience or None, metric=metric,
                   method=_given(rank=rank, alpha=alpha, bottleneck=bottleneck, count=count, targets=_names(targets)))
    mixed = "no" if precision == "float64" else precision
    is_main = accelerator_for(mixed, device).is_main_process
    if is_main:
        refuse_unwritable(out, "--out")
        typer.echo(f"teacher: {predictor.describe()}\n{task.name}: {task.kind}, {len(task.train)} training examples\n"
                   f"student {body.name}, {settings}\n{chosen}")
    run = learn(adapt(start, task, seed), predictor, task, chosen, seed, settings, checkpoint=out / "checkpoint", precision=mixed, device=device)
    if is_main:
        _write(run, chosen, out)


def _write(run, chosen, out: Path) -> None:
    """What a run leaves in its folder: artefact, plan, history, and the report where there is a test split."""
    if run.interrupted:
        raise typer.Exit(130)
    written = run.save(out / "model.tl")
    if run.model.backbone.added is not None:
        written = f"{written} and {run.save(out / 'changes.tl', body=False)}"
    (out / "plan.json").write_text(chosen.to_json() + "\n", encoding="utf-8")
    run.history.to_csv(out / "history.csv", index=False)
    if len(run.task.test):
        report = run.report()
        (out / "report.json").write_text(report.to_json() + "\n", encoding="utf-8")
        (out / "report.html").write_text(f"<!doctype html><meta charset='utf-8'><title>{run.task.name}</title>{report._repr_html_()}", encoding="utf-8")
        typer.echo(str(report))
    typer.echo(f"wrote {written}; tlkit predict {out} INPUT... uses it")


def compare(
    context: typer.Context,
    data: Data,
    plans: Annotated[str, typer.Option("--plans", help="Names with commas.")] = "scratch,linear_probe,full",
    labels: Annotated[str, typer.Option("--labels", help="Labels per class, with commas; all takes all of them.")] = "all",
    seeds: Annotated[int, typer.Option("--seeds", min=1)] = 5,
    backbone: BackboneName = None,
    out: Annotated[Optional[Path], typer.Option("--out", help="The folder for table, picture and figures as JSON.")] = None,
    epochs: Epochs = None,
    batch_size: BatchSize = 32,
    patience: Patience = 5,
    metric: Metric = None,
    image_size: ImageSize = None,
    precision: Precision = "no",
    device: Device = None,
    text: Text = None,
    label: Label = None,
    kind: KindOfTask = None,
) -> None:
    """Train several plans at several label counts over several seeds: a table and a picture."""
    from tlkit.adaptation import adapt
    from tlkit.files import refuse_unwritable
    from tlkit.sweep import compare as measure

    counts = [_count(each) for each in labels.split(",")]
    task = _task(data, counts[0], 0, text, label, kind)
    start = _start(task, backbone, image_size, precision)
    body = getattr(start, "backbone", start)
    chosen = [_plan(context, name.strip(), body, "metric", epochs=epochs, batch_size=batch_size, patience=patience or None, metric=metric)
              for name in plans.split(",")]
    if out is not None:
        refuse_unwritable(out, "--out")
    found = measure(
        lambda count, seed: _task(data, count, seed, text, label, kind),
        lambda task, seed: adapt(_start(task, backbone, image_size, precision), task, seed),
        chosen, counts, seeds, metric, lambda line: typer.echo(line, err=True),
        precision="no" if precision == "float64" else precision, device=device, progress=False,
    )
    typer.echo(str(found))
    if out is not None:
        (out / "comparison.json").write_text(found.to_json() + "\n", encoding="utf-8")
        (out / "comparison.txt").write_text(f"{found}\n", encoding="utf-8")
        found.draw().savefig(out / "comparison.png", dpi=120)
        typer.echo(f"wrote {out / 'comparison.png'}")


def predict(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="An artefact, or the folder that finetune wrote.")],
    inputs: Annotated[list[str], typer.Argument(metavar="INPUT...", help="Texts; files of images or sounds; folders of them; - reads lines of text.")],
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line, with probabilities where there are some.")] = False,
) -> None:
    """Say what a fine-tuned model makes of texts, images or sounds: a line each."""
    from tlkit.artefact import load
    from tlkit.predictor import read_inputs

    predictor = load(model)
    names, examples = read_inputs(predictor, inputs)
    answers = predictor.predict(examples)
    rows = None
    if as_json and predictor.model.kind.name in ("classification", "multi-label"):
        rows = predictor.probabilities(examples)
    for number, (name, answer) in enumerate(zip(names, answers, strict=True)):
        if as_json:
            probable = {} if rows is None else {"probabilities": dict(zip(predictor.classes, map(float, rows[number]), strict=True))}
            typer.echo(json.dumps({"input": name, "answer": answer, **probable}, ensure_ascii=False))
        else:
            typer.echo(f"{name}\t{' '.join(answer) if isinstance(answer, list) else answer}")


def _task(data: str, labels_per_class: int | None, seed: int, text, label, kind):
    from tlkit.data import load_task

    given = {name: value for name, value in (("text", text), ("label", label), ("kind", kind)) if value is not None}
    return load_task(data, labels_per_class=labels_per_class, seed=seed, **given)


def _start(task, name: str | None, image_size: int | None, precision: str, seed: int = 0):
    """What is adapted: a body by name (`seed` draws its weights where none are published), the model of an artefact, or the body that suits the task."""
    from tlkit.artefact import load
    from tlkit.backbones import load_backbone
    from tlkit.defaults import default_backbone

    if name is not None and Path(name).exists() and (Path(name).suffix == ".tl" or Path(name, "model.tl").is_file()):
        start = load(name).model
    else:
        options = {"image_size": image_size} if image_size is not None else {}
        start = load_backbone(name or default_backbone(task), seed=seed, **options)
    return start.double() if precision == "float64" else start


def _plan(context: typer.Context, name: str, body, also_of: str = "", **given):
    """A plan by name, or as a file says, which no option changes; `also_of` names one that says something else as well."""
    from tlkit.defaults import default_plan
    from tlkit.plans import Plan

    if not name.endswith(".json"):
        return default_plan(name, body, **given)
    path = Path(name)
    if not path.is_file():
        raise TlkitError(f"there is no plan {name}; `Plan.to_json` writes one")
    if beside := [option.opts[0] for option in context.command.params
                  if option.name in _IN_A_PLAN and option.name != also_of and context.get_parameter_source(option.name).name == "COMMANDLINE"]:
        raise TlkitError(f"{name} says all of the plan itself, and {', '.join(beside)} was given beside it; change it there")
    try:
        return Plan.from_json(path.read_text(encoding="utf-8"))
    except (TlkitError, UnicodeDecodeError) as error:
        raise TlkitError(f"{name} is no plan: {error}") from error


def _given(**settings) -> dict:
    """Those that were given."""
    return {name: value for name, value in settings.items() if value is not None}


def _names(text: str | None) -> tuple[str, ...] | None:
    return None if text is None else tuple(name.strip() for name in text.split(","))


def _pairs(option: str, given: list[str] | None) -> tuple[tuple[str, str], ...]:
    if odd := [pair for pair in given or () if pair.count("=") != 1]:
        raise TlkitError(f"{option} takes a student's and a teacher's stage with = between them, such as block2=block3; {odd[0]!r} is none")
    return tuple(tuple(name.strip() for name in pair.split("=")) for pair in given or ())


def _unlabelled(predictor, given: list[str]):
    """Examples that nobody labelled: of texts the lines of a file, of pictures and sounds whatever `tlkit predict` reads."""
    from tlkit.predictor import read_inputs

    if predictor.model.backbone.modality != "text":
        return read_inputs(predictor, given)[1]
    for name in given:
        if name != "-" and not Path(name).is_file():
            raise TlkitError(f"--unlabelled takes a file of texts, one a line, or - for lines from stdin, and {name!r} is no file")
    lines = [line for name in given for line in (["-"] if name == "-" else Path(name).read_text(encoding="utf-8").splitlines())]
    return read_inputs(predictor, lines)[1]


def _data_of(predictor, teacher: Path) -> str:
    """The data that a teacher learned, where it can be found again."""
    from tlkit.data import task_names

    facts = predictor.facts["task"]
    if os.path.isabs(facts["source"]) and os.path.exists(facts["source"]):
        return facts["source"]
    if facts["name"] in task_names():
        return facts["name"]
    raise TlkitError(f"{teacher} was trained on {facts['name']}, which is not found again by that name; say where it is: --data PATH")


def _stages(text: str | None):
    if text is None:
        return None
    try:
        return int(text)
    except ValueError:
        return tuple(name.strip() for name in text.split(","))


def _count(text: str) -> int | None:
    text = text.strip()
    if text == "all":
        return None
    if not text.isdigit() or int(text) < 1:
        raise TlkitError(f"--labels takes whole numbers from 1 on, or all, with commas between; {text!r} is neither")
    return int(text)
