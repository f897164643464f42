"""What looks on while a model trains: a bar, lines in a log, or your own."""

import sys
import time

from tqdm.auto import tqdm


class Callback:
    """Told what happens; the loop stops early where `on_step` or `on_epoch` gives True.

    `progress` is the dictionary that says where the run stands: phase, epoch, step, steps, loss and, after an epoch,
    all that the history records of it.
    """

    def on_start(self, epochs: int, steps: int) -> None:
        """Before the first step: how many epochs and steps are planned, or left."""

    def on_step(self, progress: dict) -> bool | None:
        """After each step."""

    def on_epoch(self, record: dict) -> bool | None:
        """After each epoch."""

    def on_end(self) -> None:
        """After the last step, whatever ended the run."""


class ProgressBar(Callback):
    """Loss, metric, examples a second and time left: a bar in a terminal or notebook, lines in a log file.

    Args:
        delay: seconds before it shows itself, and between lines in a log; what is over sooner needs no bar.
        file: where to; None is stderr.
    """

    def __init__(self, delay: float = 2.0, file=None):
        self.delay, self.file = delay, file
        self._bar = None

    def on_start(self, epochs: int, steps: int) -> None:
        self._started = self._said = time.monotonic()
        self._steps, self._done, self._shown = steps, 0, {}
        self._bar = tqdm(total=steps, unit="step", delay=self.delay, leave=False, dynamic_ncols=True) if self._is_live() else None

    def _is_live(self) -> bool:
        stream = self.file or sys.stderr
        return self.file is None and (stream.isatty() or "ipykernel" in sys.modules)

    def on_step(self, progress: dict) -> None:
        self._done += 1
        if self._bar is None:
            return
        self._bar.update()
        if self._bar.n % 8 == 1:
            self._bar.set_description(f"epoch {progress['epoch'] + 1}", refresh=False)
            self._bar.set_postfix({**self._shown, "loss": f"{progress['loss']:.4f}"}, refresh=False)

    def on_epoch(self, record: dict) -> None:
        metric = {key: f"{value:.4f}" for key, value in record.items() if key.startswith("val_")}
        rate = f"{record['examples_per_second']:,.0f} examples/s"
        if self._bar is not None:
            self._shown = {**metric, "speed": rate}
            return
        now = time.monotonic()
        passed = now - self._started
        if now - self._said < max(self.delay, 0.05 * passed):
            return
        self._said = now
        left = passed / max(self._done, 1) * (self._steps - self._done)
        named = "".join(f", {key} {value}" for key, value in metric.items())
        print(f"phase {record['phase'] + 1}, epoch {record['epoch'] + 1}: loss {record['loss']:.4f}{named}, {rate}, "
              f"{tqdm.format_interval(left)} left", file=self.file or sys.stderr, flush=True)

    def on_end(self) -> None:
        if self._bar is not None:
            self._bar.close()
