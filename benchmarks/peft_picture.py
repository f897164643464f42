"""What `benchmarks.peft` measured, as a table and as the picture of docs/peft.md: `python -m benchmarks.peft_picture`."""

import argparse
import json
from pathlib import Path
from statistics import mean

from benchmarks.peft import RESULTS
from tlkit.drawing import BLUE, GREEN, GREY, ORANGE, PINK, RED, SKY, new_figure, quiet_axes

PICTURE = Path(__file__).parents[1] / "docs" / "pictures" / "peft.png"
LOOKS = {"probe": (GREY, "o"), "full": (RED, "s"), "lora": (BLUE, "D"), "adapters": (ORANGE, "^"), "bitfit": (GREEN, "v"),
         "prompt_tuning": (PINK, "P"), "prefix_tuning": (SKY, "X"), "ia3": ("black", "*")}
TITLES = {"minilm": "MiniLM on banking77", "mobilenet_v2": "MobileNetV2 on PneumoniaMNIST"}


def rows(runs: list[dict]) -> list[dict]:
    """A row for each body, method and side: the accuracy of every seed, the share, and the means of the costs."""
    groups: dict[tuple, list[dict]] = {}
    for run in runs:
        if "left_out" not in run:
            groups.setdefault((run["body"], run["method"], run["side"]), []).append(run)
    return [{"body": body, "method": method, "side": side, "accuracy": [run["accuracy"] for run in found], "share": found[0]["share"],
             **{cost: mean(run[cost] for run in found) for cost in ("cpu_seconds", "peak_mb", "start_mb")}}
            for (body, method, side), found in groups.items()]


def table(found: list[dict]) -> str:
    """In Markdown, a line a row; of memory what training took beyond what was there."""
    lines = ["| body | method | side | accuracy | share trained | processor s | MB added |", "|---|---|---|---|---|---|---|"]
    lines += [f"| {row['body']} | {row['method']} | {row['side']} | {', '.join(f'{value:.3f}' for value in row['accuracy'])} "
              f"| {row['share']:.2%} | {row['cpu_seconds']:.0f} | {row['peak_mb'] - row['start_mb']:.0f} |" for row in found]
    return "\n".join(lines)


def draw(found: list[dict]):
    """Test accuracy over the share of the parameters that was trained, a panel a body; ranks of LoRA are joined by a line."""
    bodies = [body for body in TITLES if any(row["body"] == body for row in found)]
    figure, drawn = new_figure(4.6 * len(bodies) + 1.4, 4.0), {}
    for axes, body in zip(figure.subplots(1, len(bodies), squeeze=False)[0], bodies, strict=True):
        quiet_axes(axes)
        for name, (color, marker) in LOOKS.items():
            points = [row for row in found if row["body"] == body and row["side"] == "tlkit" and row["method"].partition("-")[0] == name]
            points.sort(key=lambda row: row["share"])
            if points:
                shares, means = [row["share"] for row in points], [mean(row["accuracy"]) for row in points]
                drawn[name], = axes.plot(shares, means, color=color, marker=marker, linewidth=1.2)
                axes.vlines(shares, [min(row["accuracy"]) for row in points], [max(row["accuracy"]) for row in points], color, linewidth=1)
                for row, share, height in zip(points, shares, means, strict=True):
                    if rank := row["method"].partition("-")[2]:
                        axes.annotate(rank, (share, height), textcoords="offset points", xytext=(0, 7), ha="center", fontsize=8, color=color)
        axes.set(xscale="log", xlabel="share of the parameters that is trained", ylabel="test accuracy", title=TITLES[body])
    names = [name for name in LOOKS if name in drawn]
    figure.legend([drawn[name] for name in names], names, loc="outside right center", frameon=False)
    return figure


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, default=RESULTS, help="what was measured")
    parser.add_argument("--out", type=Path, default=PICTURE)
    arguments = parser.parse_args()
    found = rows(json.loads(arguments.json.read_text(encoding="utf-8"))["runs"])
    draw(found).savefig(arguments.out, dpi=110)
    print(table(found))


if __name__ == "__main__":
    main()
