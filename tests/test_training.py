import contextlib
import copy
import dataclasses
import io
import math
import os
import pty
import re
import subprocess
import sys
import termios

import numpy as np
import pytest
import torch

import tlkit
from tests.small_models import apart, model_for, transformer
from tlkit import plans
from tlkit.backbones.backbone import Backbone, Preprocessing
from tlkit.callbacks import Callback, ProgressBar
from tlkit.data.augmentation import Jitter
from tlkit.errors import TlkitError
from tlkit.evaluation import accuracy
from tlkit.peft import LoRA, merge, remove, unmerge
from tlkit.prediction import collect
from tlkit.predictor import Predictor
from tlkit.reporting import training_flops
from tlkit.schedules import rate_factor, warmup_cosine
from tlkit.steps import batches


@pytest.fixture(scope="module")
def task():
    return tlkit.load_task("digits", labels_per_class=3, seed=0)


def glyphnet_for(task, seed=0):
    return tlkit.adapt(tlkit.load_backbone("glyphnet"), task, seed=seed)


def weights_of(run):
    return torch.cat([value.flatten().double() for value in run.model.state_dict().values()])


def test_a_model_for_other_classes_than_the_tasks_is_refused_and_says_how_to_go_on(task):
    model = glyphnet_for(task)
    before = copy.deepcopy(model)
    few, turned = task.with_classes(["3", "7"]), task.with_classes(task.classes[::-1])
    for other, said in ((few, "digits has the classes '3', '7', and the model '0', '1', '2', '3', ... (10) (they differ in '0', '1', '2', '4', ... (8))"),
                        (turned, "(the same in another order)")):
        with pytest.raises(TlkitError) as caught:
            tlkit.finetune(model, other, plans.linear_probe(epochs=1), progress=False)
        assert said in str(caught.value) and "`tlkit.adapt(model, task)` makes a model for the task's" in str(caught.value)
    assert apart(model, before) == 0
    run = tlkit.finetune(tlkit.adapt(model, few), few, plans.linear_probe(epochs=1), progress=False)  # as it says
    assert run.model.classes == ("3", "7")
    numbers = dataclasses.replace(task, kind="regression", classes=())
    with pytest.raises(TlkitError, match="is a task of kind 'regression', and the model is for 'classification'"):
        tlkit.finetune(model, numbers, plans.linear_probe(epochs=1), progress=False)


def test_what_is_no_model_task_plan_or_cache_is_named_with_what_would_be_right(task):
    model, probe = glyphnet_for(task), plans.linear_probe(epochs=1)
    cases = [
        (lambda: tlkit.finetune(model.backbone, task, probe), "a model is trained, and glyphnet is a body alone; `tlkit.adapt(body, task)`"),
        (lambda: tlkit.finetune(None, task, probe), "a model is trained, and None was given"),
        (lambda: tlkit.finetune(model, "digits", probe), "'digits' was given; `tlkit.load_task('digits')` gives a task"),
        (lambda: tlkit.finetune(model, task, "lora"), "plan='lora' must be a plan, such as tlkit.plans.lora()"),
        (lambda: tlkit.finetune(model, task, LoRA(rank=2)), "must be a plan, such as tlkit.plans.lora()"),
        (lambda: tlkit.finetune(model, task, 0), "plan=0 must be a plan, such as tlkit.plans.full()"),
        (lambda: tlkit.finetune(model, task, probe, cache="fc"), "cache='fc' must be True, False or a FeatureCache"),
        (lambda: tlkit.adapt(torch.nn.Linear(3, 3), task), "a Linear was given; a module of your own becomes one as the stages of"),
        (lambda: tlkit.adapt("glyphnet", task), "`tlkit.load_backbone('glyphnet')` loads one"),
        (lambda: tlkit.adapt(model, "digits"), "`tlkit.load_task('digits')` gives a task"),
        (lambda: tlkit.load(None), "an artefact is loaded by its path, and a NoneType was given"),
    ]
    for act, said in cases:
        with pytest.raises(TlkitError) as caught:
            act()
        assert said in str(caught.value), str(caught.value)


def test_a_run_is_no_artefact_and_has_no_report_without_what_it_trained(task, tmp_path):
    run = tlkit.finetune(glyphnet_for(task), task, plans.lora(rank=2, epochs=1, jitter=None), progress=False)
    small = run.save(tmp_path / "changes.tl", body=False)
    for act, said in ((lambda: tlkit.load(run), "a Run was given; `run.save(path)` writes one"),
                      (lambda: tlkit.finetune(run, task), "a Run was given; take its `.model`"),
                      (lambda: tlkit.load(small, body=run.model), "body must be a body, and a Model was given; a model's is its `.backbone`"),
                      (lambda: tlkit.load(small, body="glyphnet"), "`tlkit.load_backbone('glyphnet')` loads one")):
        with pytest.raises(TlkitError) as caught:
            act()
        assert said in str(caught.value)
    merge(run.model)
    with pytest.raises(TlkitError, match="lora is merged into the body, so what it was before training cannot be asked"):
        run.report()
    unmerge(run.model)
    assert run.report().before is not None
    remove(run.model)
    with pytest.raises(TlkitError, match="take the report before `tlkit.peft.remove`"):
        run.report()


def test_a_folder_that_cannot_be_written_to_is_noticed_before_training(task, tmp_path, monkeypatch):
    (tmp_path / "a").write_text("a file")
    model = glyphnet_for(task)
    before, lora = copy.deepcopy(model), plans.lora(rank=2, epochs=1, jitter=None)
    with pytest.raises(TlkitError, match="a is a file; checkpoint names a folder"):
        tlkit.finetune(model, task, lora, checkpoint=tmp_path / "a", progress=False)
    with pytest.raises(TlkitError, match="b cannot be written to"):
        tlkit.finetune(model, task, lora, checkpoint=tmp_path / "a" / "b", progress=False)

    def denied(*arguments, **named):
        raise PermissionError(13, "Permission denied")
    with monkeypatch.context() as patched, pytest.raises(TlkitError, match=r"cannot be written to \(Permission denied\); checkpoint names a folder"):
        patched.setattr("tempfile.TemporaryFile", denied)
        tlkit.finetune(model, task, lora, checkpoint=tmp_path / "c", progress=False)
    assert model.backbone.added is None and apart(model, before) == 0


def test_a_body_of_one_stage_is_trained_like_others(task):
    body = Backbone("flat", {"all": torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 8))}, 8, Preprocessing((1, 8, 8), 0.3, 0.37), "none")
    run = tlkit.finetune(tlkit.adapt(body, task), task, plans.full(epochs=3, jitter=None), progress=False)
    assert run.records[-1]["loss"] < run.records[0]["loss"]


def test_images_of_a_size_that_the_body_does_not_read_are_refused_by_size(task):
    model = glyphnet_for(task)
    large = torch.nn.functional.interpolate(task.train.inputs, size=(28, 28))
    wide = dataclasses.replace(task, train=dataclasses.replace(task.train, inputs=large))
    predictor = Predictor(model, {})
    cases = [
        (lambda: tlkit.finetune(model, wide, plans.linear_probe(epochs=1), progress=False), "glyphnet reads images of 8 x 8, and these are 28 x 28; "),
        (lambda: predictor.predict(large[:2]), "glyphnet reads images of 8 x 8, and these are 28 x 28; "),
        (lambda: predictor.predict([np.zeros((8, 9))]), "these are 8 x 9; bring them to that size, or take a body that reads images of any size, such as mobilenet_v2"),
        (lambda: predictor.predict(torch.zeros(2, 3, 8, 8)), "glyphnet reads images of 1 x 8 x 8, and these are 3 x 8 x 8"),
        (lambda: predictor.predict(["a text"]), "an image is a picture, an array (H, W) or (H, W, C), or a tensor (C, H, W), and this is the text 'a text'"),
        (lambda: predictor.predict([None]), "and this is a NoneType"),
    ]
    for act, said in cases:
        with pytest.raises(TlkitError) as caught:
            act()
        assert said in str(caught.value), str(caught.value)
    with pytest.raises(TlkitError, match="these are 28 x 28"):
        tlkit.finetune(model, wide, plans.lora(rank=2, epochs=1), progress=False)
    assert model.backbone.added is None  # it was refused before anything was put there
    assert predictor.predict([np.zeros((8, 8))]) == predictor.predict(torch.zeros(1, 1, 8, 8))


@pytest.mark.parametrize("plan", [plans.lp_ft(epochs=2), plans.scratch(epochs=2)], ids=lambda plan: plan.name)
def test_the_seed_decides_the_weights(task, plan):
    once, again, other = (weights_of(tlkit.finetune(glyphnet_for(task), task, plan, seed=s)) for s in (0, 0, 1))
    assert torch.equal(once, again) and not torch.equal(once, other)


def test_one_step_is_one_step_of_adamw(task):
    model = glyphnet_for(task)
    expected = copy.deepcopy(model.head)
    model.eval()
    features = model.backbone(task.train.inputs).detach()
    optimizer = torch.optim.AdamW(
        [{"params": [expected.weight], "weight_decay": 0.1}, {"params": [expected.bias], "weight_decay": 0.0}], lr=0.01
    )
    torch.nn.functional.cross_entropy(expected(features), task.train.labels).backward()
    optimizer.step()
    plan = plans.linear_probe(epochs=1, learning_rate=0.01, weight_decay=0.1, batch_size=100, warmup=0.0, jitter=None)
    tlkit.finetune(model, task, plan.changed(head_start="random"))
    assert torch.allclose(model.head.weight, expected.weight, atol=1e-6)
    assert torch.allclose(model.head.bias, expected.bias, atol=1e-6)


def test_features_computed_once_train_the_same_head_as_features_computed_always(task):
    plan = plans.linear_probe(epochs=4, jitter=None)
    still = Jitter()
    once = tlkit.finetune(glyphnet_for(task), task, plan)
    always = tlkit.finetune(glyphnet_for(task), task, plan.changed(jitter=still))
    assert abs(once.accuracy("test") - always.accuracy("test")) < 0.02
    assert torch.equal(once.model.backbone.stages["stem"][0].weight, always.model.backbone.stages["stem"][0].weight)


def test_early_stopping_restores_the_best_weights(task):
    wild = plans.Plan("wild", (plans.Phase(12, 3e-2, 3e-2),), patience=4)
    run = tlkit.finetune(glyphnet_for(task), task, wild)
    reached = [record["val_accuracy"] for record in run.records]
    assert len(reached) < 12 and np.argmax(reached) == len(reached) - 1 - 4
    assert run.accuracy("val") == max(reached) > reached[-1]


def test_the_validation_split_is_not_looked_at_without_early_stopping(task):
    run = tlkit.finetune(glyphnet_for(task), task, plans.linear_probe(epochs=2))
    assert "val_accuracy" not in run.records[0]


def test_the_learning_rate_rises_then_falls_to_zero():
    rates = [warmup_cosine(step, 100, 0.1) for step in range(101)]
    assert np.argmax(rates) == 10 and rates[10] == 1 and rates[100] == pytest.approx(0)
    assert all(np.diff(rates[:11]) > 0) and all(np.diff(rates[10:]) < 0)
    assert rates[55] == pytest.approx(0.5)
    assert [rate_factor("linear", step, 10, 0.0) for step in (0, 5, 10)] == [1.0, 0.5, 0.0]
    assert {rate_factor("constant", step, 10, 0.2) for step in range(2, 11)} == {1.0}


def test_jitter_of_nothing_changes_nothing_and_jitter_moves_as_far_as_it_says(task):
    images = task.train.inputs
    generator = torch.Generator().manual_seed(0)
    assert torch.allclose(Jitter()(images, generator), images, atol=1e-5)
    square = torch.zeros(200, 1, 9, 9)
    square[:, :, 3:6, 3:6] = 1
    shifted = Jitter(shift=2)(square, generator)
    rows = (shifted.sum((1, 3)) * torch.arange(9)).sum(1) / shifted.sum((1, 2, 3))
    assert 1.8 < (rows - 4).abs().max() <= 2 + 1e-4


def test_a_run_reports_what_it_did(task):
    run = tlkit.finetune(glyphnet_for(task), task, plans.linear_probe())
    assert "digits" in str(run.report()) and "linear_probe" in str(run.report())
    assert run.accuracy("test") == run.accuracy(task.test) == pytest.approx(accuracy(run.model, task.test), abs=1e-6)


def test_transfer_beats_starting_from_scratch_at_five_labels_a_class():
    gains = []
    for seed in (100, 101):
        few = tlkit.load_task("digits", labels_per_class=5, seed=seed)
        tuned = tlkit.finetune(glyphnet_for(few, seed), few, plans.lp_ft(), seed).accuracy("test")
        scratch = tlkit.finetune(glyphnet_for(few, seed), few, plans.scratch(epochs=30), seed).accuracy("test")
        gains.append(tuned - scratch)
    assert min(gains) > 0.02


@pytest.fixture(scope="module")
def tickets():
    return tlkit.load_task("tickets", labels_per_class=2, seed=0)


@pytest.fixture(scope="module")
def bert(tmp_path_factory):
    return transformer(tmp_path_factory.mktemp("bodies"), "bert")


def test_a_batch_sent_in_parts_gives_the_step_of_the_whole_batch(task, tickets, bert):
    tagged = tlkit.load_task("entities", examples=20)
    for each, body in ((tickets, bert), (tagged, bert)):  # sentences of one batch have unequal numbers of words
        plan = plans.Plan("few", (plans.Phase(2, 1e-3, 1e-3),), batch_size=8, clip_norm=1.0)
        whole = tlkit.finetune(model_for(each, body), each, plan, progress=False)
        parts = tlkit.finetune(model_for(each, body), each, plan.changed(accumulate=3), progress=False)
        assert apart(whole.model, parts.model) < 1e-9
        assert whole.records[-1]["loss"] == pytest.approx(parts.records[-1]["loss"], abs=1e-9)


def test_sgd_and_clipping_are_those_of_torch(task):
    model = model_for(task, "glyphnet")
    expected = copy.deepcopy(model)
    plan = plans.Plan("sgd", (plans.Phase(1, 0.0, 0.1),), optimizer="sgd", schedule="constant", warmup=0.0, clip_norm=0.01,
                      batch_size=10, weight_decay=0.0)
    order = torch.randperm(30, generator=torch.Generator().manual_seed(0))
    expected.eval()
    optimizer = torch.optim.SGD(expected.head.parameters(), lr=0.1, momentum=0.9)
    for batch in order.split(10):
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(expected(task.train.inputs[batch]), task.train.labels[batch]).backward()
        torch.nn.utils.clip_grad_norm_(expected.head.parameters(), 0.01)
        optimizer.step()
    tlkit.finetune(model, task, plan, progress=False)
    assert apart(model, expected) < 1e-9


def test_the_pull_towards_the_start_keeps_weights_near_it(task):
    free, pulled = (tlkit.finetune(model_for(task, "glyphnet"), task, plans.Plan("p", (plans.Phase(3, 1e-2, 1e-2),), l2_sp=strength), progress=False)
                    for strength in (0.0, 10.0))
    start = free.start["backbone.stages.block1.residual.0.weight"]
    moved = [float((run.model.state_dict()["backbone.stages.block1.residual.0.weight"] - start).norm()) for run in (free, pulled)]
    assert moved[1] < 0.5 * moved[0]


def test_examples_are_each_taken_once_an_epoch_and_a_single_one_left_over_joins_the_batch_before(task):
    model = glyphnet_for(task).train()
    parts = batches(torch.randperm(33), 8, model)
    assert [len(part) for part in parts] == [8, 8, 8, 9] and sorted(torch.cat(parts).tolist()) == list(range(33))
    model.backbone.eval()
    assert [len(part) for part in batches(torch.randperm(33), 8, model)] == [8, 8, 8, 8, 1]


def test_a_batch_of_one_cannot_train_batchnorm(task):
    with pytest.raises(TlkitError, match="a batch of one example cannot train stage stem, whose BatchNorm"):
        tlkit.finetune(glyphnet_for(task), task, plans.full(epochs=1, batch_size=1), progress=False)
    frozen = plans.linear_probe(epochs=1, batch_size=1)
    assert len(tlkit.finetune(glyphnet_for(task), task, frozen, progress=False).records) == 1


def test_a_loss_that_is_not_finite_stops_before_the_weights_are_spoiled(task):
    class Spoil(Callback):
        def on_step(self, progress):
            if progress["step"] == 2:
                model.stages["block2"][0].residual[0].weight.data[0] = math.nan

    model = glyphnet_for(task)
    with pytest.raises(TlkitError) as caught:
        tlkit.finetune(model, task, plans.full(epochs=1, batch_size=8, jitter=None), progress=False, callbacks=[Spoil()])
    said = str(caught.value)
    assert "the loss became nan at step 3 of epoch 1, phase 1" in said and "the gradients of stem, block1" in said
    assert torch.isfinite(model.head.weight).all() and torch.isfinite(model.stages["stem"][0].weight).all()


def test_a_gradient_that_is_not_finite_stops_although_the_loss_is(task):
    class Odd(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x.clone()

        @staticmethod
        def backward(ctx, gradient):
            return gradient * math.nan

    model = glyphnet_for(task)
    before = copy.deepcopy(model.head.state_dict())
    model.stages["pool"].forward = lambda x: Odd.apply(x.flatten(1))
    with pytest.raises(TlkitError, match="a gradient is not finite at step 1.*the gradients of stem, block1, block2, block3 are not finite"):
        tlkit.finetune(model, task, plans.full(epochs=1, jitter=None), progress=False)
    assert all(torch.equal(before[name], values) for name, values in model.head.state_dict().items())


def test_too_little_memory_is_said_with_what_to_try(task, monkeypatch):
    model = glyphnet_for(task)
    monkeypatch.setattr(model, "outputs", lambda *_: torch.empty(2**46))
    with pytest.raises(TlkitError, match="memory ran out with batch_size=32; try accumulate=4"):
        tlkit.finetune(model, task, plans.full(epochs=1), progress=False)


def test_labels_that_no_class_has_are_refused_before_anything_is_trained(task):
    for split, word in (("train", "label 12 in train"), ("val", "label 12 in val .*training does not have")):
        labels = getattr(task, split).labels.clone()
        labels[1] = 12
        odd = dataclasses.replace(task, **{split: dataclasses.replace(getattr(task, split), labels=labels)})
        with pytest.raises(TlkitError, match=word.replace(" .*", " is out of range; its 10 classes.*")):
            tlkit.finetune(glyphnet_for(task), odd, progress=False)
    empty = dataclasses.replace(task, train=task.train.select([]))
    with pytest.raises(TlkitError, match="the training split of digits is empty"):
        tlkit.finetune(glyphnet_for(task), empty, progress=False)
    with pytest.raises(TlkitError, match="the val split of digits is empty, so no epoch can be called the best; patience=None"):
        tlkit.finetune(glyphnet_for(task), dataclasses.replace(task, val=task.val.select([])), plans.linear_probe(epochs=1, patience=1), progress=False)


@pytest.mark.parametrize("metric, best", [("loss", np.argmin), ("macro F1", np.argmax), ("AUC", np.argmax), ("ECE", np.argmin)])
def test_early_stopping_watches_any_metric(task, metric, best):
    plan = plans.Plan("watch", (plans.Phase(5, 3e-2, 3e-2),), patience=5, metric=metric)
    run = tlkit.finetune(glyphnet_for(task), task, plan, progress=False)
    reached = run.history[f"val_{metric.replace(' ', '_')}"]
    assert collect(run.model, task.val).metric(metric) == pytest.approx(reached[best(reached)], abs=1e-6)
    with pytest.raises(TlkitError, match="metric='bleu' is not known for classification; metrics: loss, accuracy"):
        tlkit.finetune(glyphnet_for(task), task, plan.changed(metric="bleu"), progress=False)


def test_the_global_random_state_is_left_as_it_was(task):
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    tlkit.finetune(glyphnet_for(task), task, plans.full(epochs=1, dropout=0.5), progress=False)
    assert torch.equal(torch.rand(3), expected)


def test_bf16_trains_and_keeps_float32_weights(task):
    run = tlkit.finetune(glyphnet_for(task), task, plans.lp_ft(epochs=1, probe_epochs=20), precision="bf16", progress=False)
    assert run.model.head.weight.dtype == torch.float32 and run.accuracy() > 0.7
    again = tlkit.finetune(glyphnet_for(task), task, plans.linear_probe(epochs=1), progress=False)  # another precision in one process
    assert again.model.head.weight.dtype == torch.float32


def test_mixup_mixes_images_and_labels(task):
    run = tlkit.finetune(glyphnet_for(task), task, plans.full(epochs=3, jitter=None, mixup=0.4), progress=False)
    plain = tlkit.finetune(glyphnet_for(task), task, plans.full(epochs=3, jitter=None), progress=False)
    assert run.records[-1]["loss"] > plain.records[-1]["loss"] and run.accuracy() > 0.6


def test_callbacks_are_told_of_everything_and_can_stop(task):
    told = []

    class Watch(Callback):
        def on_start(self, epochs, steps):
            told.append(("start", epochs, steps))

        def on_step(self, progress):
            told.append(("step", progress["epoch"], progress["step"]))

        def on_epoch(self, record):
            told.append(("epoch", record["epoch"]))
            return record["epoch"] == 1

        def on_end(self):
            told.append(("end",))

    run = tlkit.finetune(glyphnet_for(task), task, plans.linear_probe(epochs=5, batch_size=16), progress=False, callbacks=[Watch()])
    assert told == [("start", 5, 10), ("step", 0, 1), ("step", 0, 2), ("epoch", 0), ("step", 1, 1), ("step", 1, 2), ("epoch", 1), ("end",)]
    assert len(run.history) == 2


def test_a_log_file_gets_lines_with_loss_metric_speed_and_time_left(task):
    log = io.StringIO()
    bar = ProgressBar(delay=0.0, file=log)
    tlkit.finetune(glyphnet_for(task), task, plans.linear_probe(epochs=3, patience=3), progress=False, callbacks=[bar])
    lines = log.getvalue().splitlines()
    assert re.fullmatch(r"phase 1, epoch 1: loss \d\.\d{4}, val_accuracy \d\.\d{4}, [\d,]+ examples/s, \d+:\d\d left", lines[0])


def test_a_terminal_gets_a_bar():
    code = ("import tlkit; from tlkit import plans; from tlkit.callbacks import ProgressBar\n"
            "task = tlkit.load_task('digits', labels_per_class=3)\n"
            "model = tlkit.adapt(tlkit.load_backbone('glyphnet'), task)\n"
            "tlkit.finetune(model, task, plans.full(epochs=12, batch_size=8), progress=False, callbacks=[ProgressBar(delay=0)])")
    keeper, worker = pty.openpty()
    termios.tcsetwinsize(worker, (24, 120))
    process = subprocess.Popen([sys.executable, "-c", code], stderr=worker, stdout=subprocess.DEVNULL)
    os.close(worker)
    shown = b""
    with contextlib.suppress(OSError):
        while chunk := os.read(keeper, 4096):
            shown += chunk
    assert process.wait() == 0
    assert re.search(rb"epoch \d+: +\d+%.*\d+/48 .*step.*examples/s", shown) and b"loss=" in shown


def test_the_history_is_a_table_and_a_picture(task):
    run = tlkit.finetune(glyphnet_for(task), task, plans.lp_ft(epochs=2, probe_epochs=3, patience=5), progress=False)
    assert list(run.history.columns) == ["phase", "epoch", "loss", "learning_rate", "seconds", "examples_per_second", "val_accuracy"]
    assert run.history["phase"].tolist() == [0, 0, 0, 1, 1]
    figure = run.plot()
    loss, metric = figure.axes
    assert loss.lines[0].get_ydata() == pytest.approx(run.history["loss"])
    assert metric.lines[0].get_ydata() == pytest.approx(run.history["val_accuracy"])


def test_a_report_puts_before_beside_after(task):
    model = glyphnet_for(task)
    before = collect(model, task.test).metric("accuracy")
    run = tlkit.finetune(model, task, plans.linear_probe(epochs=30), progress=False)
    weights = copy.deepcopy(model.state_dict())
    report = run.report(scratch=plans.scratch(epochs=2))
    assert report.before.metrics["accuracy"].mean == before and report.after.metrics["accuracy"].mean == run.accuracy()
    assert before < 0.4 < report.after.metrics["accuracy"].mean and report.scratch is not None
    assert report.trainable_parameters == sum(p.numel() for p in model.head.parameters())
    assert all(torch.equal(weights[name], values) for name, values in model.state_dict().items())  # looking back changes nothing


@pytest.mark.parametrize("plan", [plans.full(2, jitter=None), plans.lora(rank=2, epochs=2, jitter=None)], ids=["full", "lora"])
def test_a_body_of_your_own_is_compared_with_scratch_too_and_stays_as_it_is(task, plan):
    body = tlkit.load_backbone("glyphnet")
    body.recipe = None
    run = tlkit.finetune(tlkit.adapt(body, task), task, plan, progress=False)
    trained = {name: values.clone() for name, values in run.model.state_dict().items()}
    report = run.report(scratch=plans.scratch(epochs=2, jitter=None))
    assert report.scratch.metrics["accuracy"].mean < report.after.metrics["accuracy"].mean
    assert all(torch.equal(values, trained[name]) for name, values in run.model.state_dict().items())



def test_the_cost_of_training_counts_what_was_kept_once(task):
    body = sum(row.flops for row in glyphnet_for(task).backbone.profile())
    plan = plans.linear_probe(epochs=10)
    kept, anew = (tlkit.finetune(glyphnet_for(task), task, plan, cache=cache, progress=False) for cache in (True, False))
    head = 3 * 2 * (512 * 10 + 10) * 30 * 10
    assert training_flops(kept) == body * 30 + head and training_flops(anew) == body * 300 + head
    assert training_flops(tlkit.finetune(glyphnet_for(task), task, plans.full(epochs=1), progress=False)) == 3 * body * 30 + head / 10
