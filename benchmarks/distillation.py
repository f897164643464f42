"""The measurements of unit 10: what a small student learns from a large teacher, and from which examples.

    python -m benchmarks.distillation                      # writes what the package ships
    python -m benchmarks.distillation --quick --json FILE  # two seeds of digits with two labels, to see that it runs

The teacher is pretrained and fine-tuned on few labels (glyphnet, from letters; MiniLM, with its blocks frozen). The student has
a quarter of its parameters or fewer, and no pretrained weights. Five ways to train it, all with as many steps:

- alone: on the labelled examples;
- soft, same examples: on the labelled examples, with a tenth of the loss from the labels and the rest from the teacher;
- hard, all examples: on all training examples, without their labels: the teacher's answers in place of labels;
- soft, all examples: the same, but the teacher's probabilities, at temperature T.

Each way is tried in several settings (learning rate where the student is alone, temperature where it sees probabilities, images as
they are or changed at random), and one of them is chosen for all seeds by its mean validation accuracy. Seed s draws the same
labelled examples for all ways. Seeds are noted one by one in FILE.runs, so that a measurement that was cut short goes on where it
stood.
"""

import json
from pathlib import Path

import numpy as np

from benchmarks import shipping
from benchmarks.freezing import run_all

SETTINGS = (("digits", 2), ("digits", 10), ("digits", 80), ("tickets", 4))  # task and labels per class
SEEDS = (0, 1, 2)
BODIES = {"digits": ("glyphnet", "glyphnet_small"), "tickets": ("minilm", "minilm_small")}
STEPS = {"digits": 200, "tickets": 80}
TEMPERATURES = (1.0, 2.0, 4.0, 8.0)
RATES = {"digits": (3e-3, 1e-2), "tickets": (1e-3, 3e-3)}
BATCH_SIZE, HEAD_RATE, SOFT_SHARE = 32, 1e-2, 0.9
FACTS = ("val", "test", "agreement", "ece")  # what is noted of each run, in this order
SHIPPED = Path(__file__).parents[1] / "tlkit" / "explore" / "results" / "distillation.json"


def teacher_plan(name: str):
    """How the teacher learns its labels."""
    from tlkit import plans

    if name == "digits":
        return plans.lp_ft(epochs=15, jitter=None)
    return plans.linear_probe(epochs=60, learning_rate=3e-2, batch_size=16, patience=None)


def student_plan(name: str, examples: int, rate: float, jitter: bool = False):
    """So many epochs that the steps are the same for any number of examples."""
    from tlkit import plans
    from tlkit.data.augmentation import Jitter

    epochs = max(1, round(STEPS[name] / -(-examples // BATCH_SIZE)))
    return plans.full(epochs=epochs, learning_rate=rate, head_learning_rate=HEAD_RATE, batch_size=BATCH_SIZE, patience=None,
                      jitter=Jitter(10, 0.1, 0.1, 0.5) if jitter else None)


def ways(name: str):
    """Way -> its settings: learning rate, random changes of images, temperature (None: no teacher's probabilities)."""
    low, high = RATES[name]
    changes = (False, True) if name == "digits" else (False,)
    plain = [(rate, jitter, None) for rate in (low, high) for jitter in changes]
    hard = [(high, jitter, None) for jitter in changes]
    same = [(high, jitter, temperature) for temperature in (TEMPERATURES[0], TEMPERATURES[2]) for jitter in changes]
    soft = [(high, False, temperature) for temperature in TEMPERATURES] + [setting for setting in same if setting[1]]
    return {"alone": plain, "soft, same examples": same, "hard, all examples": hard, "soft, all examples": soft}


def run(job: tuple[str, int, int]) -> dict:
    """Of one task, label count and seed: what the teacher and every way and setting of the student reach.

    Returns:
        way -> one list for each setting: validation and test accuracy, agreement with the teacher on the test examples, and
        calibration error (ECE) there.
    """
    import torch

    import tlkit
    from tlkit.distillation import Distil, distill
    from tlkit.pseudo_labels import pseudo_labelled

    name, labels_per_class, seed = job
    torch.set_num_threads(1)
    whole = tlkit.load_task(name)
    task = whole.with_labels_per_class(labels_per_class, seed)
    large, small = BODIES[name]
    teacher = tlkit.finetune(tlkit.adapt(tlkit.load_backbone(large), task, seed=seed), task, teacher_plan(name), seed, progress=False).model
    said = outputs(teacher, task.test)[0]
    answered = pseudo_labelled(task, teacher, whole.train.inputs)
    found = {"teacher": [judged(teacher, task, said)]}
    for way, settings in ways(name).items():
        found[way] = []
        for rate, jitter, temperature in settings:
            learned = answered if "all examples" in way else task
            student = tlkit.adapt(tlkit.load_backbone(small, seed=seed), task, seed=seed)
            plan = student_plan(name, len(learned.train), rate, jitter)
            if temperature is None:
                tlkit.finetune(student, learned, plan, seed, progress=False)
            else:
                share = 1.0 if "all examples" in way else SOFT_SHARE
                distill(student, teacher, learned, plan, seed, Distil(temperature, share), progress=False)
            found[way].append(judged(student, task, said))
    return found


def outputs(model, split):
    """Logits (N, C) and labels (N,) of a split."""
    from tlkit.prediction import collect

    found = collect(model, split)
    return np.asarray(found.outputs), np.asarray(found.targets)


def judged(model, task, teacher_said) -> list[float]:
    """Validation and test accuracy, agreement with the teacher and calibration error on the test split."""
    from scipy.special import softmax

    from tlkit.agreement import agreement
    from tlkit.metrics import expected_calibration_error

    (val, val_labels), (test, test_labels) = outputs(model, task.val), outputs(model, task.test)
    numbers = ((val.argmax(axis=1) == val_labels).mean(), (test.argmax(axis=1) == test_labels).mean(), agreement(test, teacher_said),
               expected_calibration_error(softmax(test, axis=1), test_labels))
    return [round(float(np.squeeze(number)), 4) for number in numbers]


def example(name: str = "digits", labels_per_class: int = 10, seed: int = 0, shown: int = 8) -> dict:
    """Some test images and what the teacher says of them: those of which it is least sure, and as many of which it is sure."""
    import torch

    import tlkit

    torch.set_num_threads(1)
    task = tlkit.load_task(name, labels_per_class=labels_per_class, seed=seed)
    teacher = tlkit.finetune(tlkit.adapt(tlkit.load_backbone(BODIES[name][0]), task, seed=seed), task, teacher_plan(name), seed, progress=False).model
    logits, labels = outputs(teacher, task.test)
    first, second = np.sort(logits, axis=1)[:, :-3:-1].T
    order = np.argsort(first - second)
    chosen = [*order[: shown // 2], *order[len(order) // 2 :][: shown - shown // 2]]
    return {"labels_per_class": labels_per_class, "images": task.test.inputs[chosen, 0].mul(16).round().int().tolist(),
            "labels": labels[chosen].tolist(), "logits": logits[chosen].round(2).tolist(), "classes": list(task.classes)}


def summary(name: str, found: list[dict]) -> dict:
    """Of one task and label count: for each way the numbers of every seed at the setting that is best on validation data."""
    summed = {}
    for way, settings in {"teacher": [(None, None, None)], **ways(name)}.items():
        rows = np.array([each[way] for each in found])                                   # (seeds, settings, 4)
        best = int(rows[..., 0].mean(axis=0).argmax())
        rate, jitter, temperature = settings[best]
        summed[way] = {"rate": rate, "jitter": jitter, "temperature": temperature,
                       **{what: rows[:, best, column].tolist() for column, what in enumerate(FACTS)}}
        if way == "soft, all examples":
            of_it = rows[:, : len(TEMPERATURES)]                                         # images as they are
            summed[way]["by_temperature"] = {what: of_it[..., column].T.tolist() for column, what in enumerate(FACTS)}
    return summed


def measure(settings: tuple[tuple[str, int], ...], seeds: tuple[int, ...], workers: int, notes: Path) -> dict:
    """Every run, summed up for each task and label count."""
    import tlkit

    jobs = [(*setting, seed) for seed in seeds for setting in settings]
    found = run_all(run, jobs, workers, notes)
    sizes = {name: [sum(each.numel() for each in tlkit.load_backbone(body).parameters()) for body in BODIES[name]] for name, _ in settings}
    return {
        "seeds": list(seeds), "temperatures": list(TEMPERATURES), "steps": STEPS, "parameters": sizes,
        "results": [{"task": name, "labels_per_class": count, **summary(name, [found[name, count, seed] for seed in seeds])}
                    for name, count in settings],
        "example": example(),
        "command": "python -m benchmarks.distillation",
    }


def main() -> None:
    shipping.run(__doc__, SHIPPED, SETTINGS, SEEDS, measure, print_table)


def print_table(results: dict) -> None:
    """Test accuracies with intervals, the setting chosen, and the share of the gap that is closed."""
    from tlkit.agreement import gap_closed
    from tlkit.evaluation import mean_interval

    for each in results["results"]:
        print(f"{each['task']}, {each['labels_per_class']} labels per class")
        for way in ("teacher", *ways(each["task"])):
            found = each[way]
            closed = gap_closed(each["alone"]["test"], found["test"], each["teacher"]["test"])
            print(f"  {way:20} accuracy {mean_interval(found['test'])}, gap closed {closed:5.2f}, agreement {np.mean(found['agreement']):.3f}, "
                  f"ECE {np.mean(found['ece']):.3f}; rate {found['rate']}, changed images {found['jitter']}, temperature {found['temperature']}")
        for temperature, row in zip(results["temperatures"], each["soft, all examples"]["by_temperature"]["test"], strict=True):
            print(f"    temperature {temperature:g}: accuracy {mean_interval(row)}")


if __name__ == "__main__":
    main()
