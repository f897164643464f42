"""Unit 05 on real data: how deep to freeze MobileNetV2 for chest X-rays, with few labels, and what BatchNorm does to it.

    python -m benchmarks.freezing_scans [--seeds 4] [--json FILE]

PneumoniaMNIST is read from TLKIT_DATA and the ImageNet weights from TORCH_HOME, or downloaded. Nothing is tuned here: the rates
are those that `benchmarks.real_data` chose on validation data for all labels. Seed s draws the same scans for every setting.
"""

import argparse
import json
import time
from pathlib import Path

import torch

LABELS_PER_CLASS, IMAGE_SIZE, BATCH_SIZE = 20, 64, 10
SETTINGS = ((0, "adapted"), (0, "frozen"), (5, "adapted"), (5, "frozen"), (9, "adapted"))
SHIPPED = Path(__file__).parents[1] / "tlkit" / "explore" / "results" / "freezing_scans.json"


def plan_for(frozen: int, batchnorm: str, stages: int = 9):
    """A probe of the head, then everything behind the first `frozen` stages; with all of them frozen, the head alone."""
    from tlkit import plans

    rest = plans.Phase(6, 3e-4, 3e-4, frozen=frozen) if frozen < stages else plans.Phase(6, 0.0, 3e-4)
    return plans.Plan(f"frozen={frozen}, statistics {batchnorm}", (plans.Phase(20, 0.0, 3e-3), rest), batch_size=BATCH_SIZE,
                      batchnorm=batchnorm)


def run(frozen: int, batchnorm: str, seed: int) -> dict[str, float]:
    """Test accuracy and AUC of one setting and seed."""
    import tlkit
    from tlkit.prediction import collect

    task = tlkit.load_task("pneumoniamnist", labels_per_class=LABELS_PER_CLASS, seed=seed)
    body = tlkit.load_backbone("mobilenet_v2", image_size=IMAGE_SIZE)
    trained = tlkit.finetune(tlkit.adapt(body, task, seed), task, plan_for(frozen, batchnorm), seed, progress=False)
    said = collect(trained.model, task.test)
    return {metric: round(float(said.metric(metric)), 4) for metric in ("accuracy", "AUC")}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=4)
    parser.add_argument("--json", type=Path, default=SHIPPED)
    options = parser.parse_args()
    torch.set_num_threads(1)
    started, runs = time.perf_counter(), []
    for seed in range(options.seeds):
        for frozen, batchnorm in SETTINGS:
            runs.append({"frozen": frozen, "statistics": batchnorm, "seed": seed, **run(frozen, batchnorm, seed)})
            print(runs[-1], flush=True)
        results = {"labels_per_class": LABELS_PER_CLASS, "test_examples": 624, "runs": runs, "command": "python -m benchmarks.freezing_scans",
                   "took_seconds": round(time.perf_counter() - started)}
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps(results) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
