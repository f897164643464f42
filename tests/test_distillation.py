"""Distillation: a loss given to the one loop, compared with the same written out in plain torch."""

import copy
import dataclasses

import numpy as np
import pytest
import torch
from torch.nn import functional as F

import tlkit
from tests.small_models import apart, model_for, transformer
from tests.test_freezing import StopAfter
from tests.test_kinds import lengths, multi_label
from tlkit import plans
from tlkit.data.augmentation import Jitter
from tlkit.distillation import Distil, DistillationLoss, attention_loss, distill, hint_loss, soft_loss
from tlkit.distillation_losses import distillation_gradient, kd_loss, soft_targets
from tlkit.errors import TlkitError
from tlkit.feature_cache import FeatureCache
from tlkit.heads import distillation_loss
from tlkit.teacher import Taught, ask_once, feature

SHORT = plans.full(epochs=2, learning_rate=1e-3, batch_size=8, jitter=None)


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


@pytest.fixture(scope="module")
def bodies(tmp_path_factory):
    return tmp_path_factory.mktemp("bodies")


@pytest.fixture(scope="module")
def digits():
    task = tlkit.load_task("digits", labels_per_class=2, seed=0)
    return dataclasses.replace(task, val=task.val.select(np.arange(40)), test=task.test.select(np.arange(40)))


@pytest.fixture(scope="module")
def tickets():
    task = tlkit.load_task("tickets", labels_per_class=1, seed=0)
    return dataclasses.replace(task, val=task.val.select(np.arange(20)), test=task.test.select(np.arange(20)))


@pytest.fixture
def teacher(digits):
    """glyphnet with a head that says something, in float64."""
    model = model_for(digits, "glyphnet", seed=5)
    tlkit.adaptation.start_from_prototypes(model, digits.train)
    return model.eval()


def student_for(task, seed=1):
    return model_for(task, "glyphnet", seed=seed, pretrained=False)


def by_hand(student, teacher, task, plan, seed, loss):
    """Full-batch training in plain torch: AdamW at a constant rate, in training mode, the teacher asked anew at every step."""
    body = [p for n, p in student.backbone.named_parameters()]
    rates = plan.phases[0]
    optimizer = torch.optim.AdamW([{"params": body, "lr": rates.learning_rate}, {"params": student.head.parameters(), "lr": rates.head_learning_rate}], weight_decay=0.0)
    teacher.eval()
    student.train()
    for _ in range(rates.epochs):
        optimizer.zero_grad()
        with torch.no_grad():
            said = teacher(task.train.inputs)
        loss(student(task.train.inputs), said, task.train.labels).backward()
        optimizer.step()
    return student.eval()


@pytest.mark.parametrize("temperature, share", [(1.0, 1.0), (3.0, 0.7), (4.0, 0.0)])
def test_the_loop_ends_in_the_weights_of_a_loop_written_by_hand(temperature, share, digits, teacher):
    plan = plans.full(epochs=3, learning_rate=1e-3, batch_size=len(digits.train), schedule="constant", warmup=0.0, weight_decay=0.0, jitter=None)
    ours, theirs = student_for(digits), student_for(digits)
    distill(ours, teacher, digits, plan, settings=Distil(temperature, share), progress=False)

    def loss(outputs, said, labels):
        soft = F.kl_div(F.log_softmax(outputs / temperature, 1), F.log_softmax(said / temperature, 1), log_target=True, reduction="batchmean")
        return (1 - share) * F.cross_entropy(outputs, labels) + share * temperature**2 * soft
    by_hand(theirs, teacher, digits, plan, 0, loss)
    assert apart(ours, theirs) < 1e-7


def test_the_teacher_stays_as_it_is_in_eval_mode_and_without_gradients(digits, teacher):
    before, modes = copy.deepcopy(teacher), []
    for module in teacher.modules():
        module.register_forward_hook(lambda module, inputs, output: modes.append((module.training, torch.is_grad_enabled())))
    teacher.train()
    run = distill(student_for(digits), teacher, digits, SHORT.changed(jitter=Jitter(10, 0.1, 0.1, 0.5)), progress=False)
    assert modes and set(modes) == {(False, False)}
    assert apart(teacher, before) == 0 and all(parameter.grad is None for parameter in teacher.parameters())
    assert not any("teacher" in name for name in run.model.state_dict())


def test_asked_once_and_asked_at_every_step_end_in_the_same_weights(digits, teacher, tmp_path):
    counts = []
    teacher.head.register_forward_hook(lambda module, inputs, output: counts.append(len(output)))
    runs, asked, plan = [], [], SHORT.changed(phases=(dataclasses.replace(SHORT.phases[0], epochs=6),))
    for cache in (True, FeatureCache(memory_limit=0, folder=tmp_path), False):
        counts.clear()
        runs.append(distill(student_for(digits), teacher, digits, plan, cache=cache, progress=False))
        asked.append(sum(counts))
    assert apart(runs[0].model, runs[1].model) < 1e-9 and apart(runs[0].model, runs[2].model) < 1e-9
    assert "the teacher: activations behind teacher are kept in memory" in runs[0].kept[0]["note"]
    assert "on disk" in runs[1].kept[0]["note"] and "as asked" in runs[2].kept[0]["note"]
    assert asked[2] == 6 * len(digits.train)  # every example in every epoch
    assert max(asked[:2]) < 3 * len(digits.train)  # once, and a few to see whether that is valid


def test_the_teacher_sees_the_changed_images_that_the_student_sees(digits, teacher, monkeypatch):
    seen = {"student": [], "teacher": []}
    student = student_for(digits)
    student.stages["stem"].register_forward_pre_hook(lambda module, inputs: seen["student"].append(inputs[0].clone()) if module.training else None)
    teacher.stages["stem"].register_forward_pre_hook(lambda module, inputs: seen["teacher"].append(inputs[0].clone()))
    run = distill(student, teacher, digits, SHORT.changed(jitter=Jitter(10, 0.1, 0.1, 0.5)), progress=False)
    assert "images are changed at random" in run.kept[0]["note"]
    assert len(seen["student"]) == len(seen["teacher"]) and all(torch.equal(a, b) for a, b in zip(*seen.values(), strict=True))
    seen["student"].clear(), seen["teacher"].clear()
    run = distill(student_for(digits), teacher, digits, SHORT.changed(jitter=Jitter(10, 0.1, 0.1, 0.5), views=2), progress=False)
    assert "the teacher: activations behind teacher are kept" in run.kept[0]["note"]  # so many versions are drawn once


def test_the_parts_of_a_batch_add_up_to_the_batch(digits, teacher):
    student = model_for(digits, "glyphnet", seed=1, class_weights="balanced", label_smoothing=0.1)
    loss = DistillationLoss(student, teacher, Distil(2.0, 0.6, hints=(("block2", "block3"),), attention=(("block2", "block3"),)))
    draw = lambda *sizes: torch.randn(*sizes, generator=torch.Generator().manual_seed(sum(sizes)), dtype=torch.float64)  # noqa: E731
    labels, outputs, maps = torch.arange(6), draw(6, 10), draw(6, 64, 4, 4)
    said = {"outputs": draw(6, 10) - 1, "behind block3": draw(6, 128, 2, 2)}
    total = lambda rows: loss.total(outputs[rows], Taught(labels[rows], {name: values[rows] for name, values in said.items()}), {"block2": maps[rows]})  # noqa: E731
    everything = torch.arange(6)
    assert torch.allclose(total(everything), total(everything[:2]) + total(everything[2:]))
    assert float(loss.weight(labels)) == pytest.approx(float(loss.weight(Taught(labels[:2], {})) + loss.weight(labels[2:])))


def test_class_weights_count_in_both_parts(digits, teacher):
    student = model_for(digits, "glyphnet", class_weights="balanced")
    loss = DistillationLoss(student, teacher, Distil(2.0, 0.5))
    labels = torch.tensor([0, 1, 2])
    student.loss.class_weights[:3] = torch.tensor([1.0, 2.0, 5.0])
    outputs, said = torch.randn(3, 10).double(), torch.randn(3, 10).double()
    w = torch.tensor([1.0, 2.0, 5.0]).double()
    each = 0.5 * F.cross_entropy(outputs, labels, reduction="none") + 0.5 * distillation_loss(outputs, said, 2.0, reduction="none")
    assert torch.allclose(loss(outputs, Taught(labels, {"outputs": said})), (w * each).sum() / w.sum())


def test_several_labels_and_numbers_have_soft_losses_of_their_own():
    s, t = torch.randn(4, 3).double(), torch.randn(4, 3).double()
    p, q = torch.distributions.Bernoulli(logits=t / 2), torch.distributions.Bernoulli(logits=s / 2)
    assert torch.allclose(soft_loss("multi-label", s, t, 2.0), 4 * torch.distributions.kl_divergence(p, q).sum(1))
    assert torch.allclose(soft_loss("regression", s[:, 0], t[:, 0], 9.0, unit=2.0), ((s[:, 0] - t[:, 0]) / 2) ** 2)


def test_hints_and_attention_are_what_their_papers_say():
    s, t = torch.randn(2, 3, 4, 4).double(), torch.randn(2, 3, 4, 4).double()
    assert torch.allclose(hint_loss(s, t), F.mse_loss(s, t, reduction="none").mean(dim=(1, 2, 3)))
    small = torch.randn(2, 3, 2, 2).double()
    assert torch.allclose(hint_loss(s, small), F.mse_loss(F.avg_pool2d(s, 2), small, reduction="none").mean(dim=(1, 2, 3)))
    assert torch.allclose(hint_loss(s, t[:, :, 0, 0]), F.mse_loss(s.mean(dim=(2, 3)), t[:, :, 0, 0], reduction="none").mean(dim=1))
    for row in range(2):
        a, b = (each[row].pow(2).sum(0).flatten() for each in (s, t))
        assert float(attention_loss(s, t)[row]) == pytest.approx(float((a / a.norm() - b / b.norm()).pow(2).sum()))
    assert torch.allclose(attention_loss(s, 3 * s), torch.zeros(2).double()) and attention_loss(s, torch.randn(2, 7, 2, 2).double()).shape == (2,)


@pytest.mark.parametrize("cache", [True, False])
def test_hints_teach_a_projection_and_maps_that_agree(cache, digits, teacher):
    settings = Distil(soft_share=0.0, hints=(("block1", "block2"), ("pool", "pool")), attention=(("block2", "block2"),), hint_strength=3.0, attention_strength=5.0)
    student = student_for(digits)
    probe = copy.deepcopy(student)
    loss = DistillationLoss(probe, teacher, settings, seed=0)
    state, labels = probe.backbone.prepare(digits.train.inputs), digits.train.labels
    ours, theirs = (dict.fromkeys(names) for names in (("block1", "pool", "block2"), ("block2", "pool")))
    probe.train()
    outputs = probe.outputs(state, states=ours)
    with teacher.evaluating():
        teacher.outputs(state, states=theirs)
    said = {f"behind {name}": feature(each) for name, each in theirs.items()}
    total = loss.total(outputs, Taught(labels, said), ours)
    expected = F.cross_entropy(outputs, labels, reduction="sum")
    maps = F.conv2d(ours["block1"], loss.projections[0].weight[..., None, None], loss.projections[0].bias)
    expected = expected + 3 * (F.adaptive_avg_pool2d(maps, 4) - theirs["block2"]).square().mean(dim=(1, 2, 3)).sum()
    expected = expected + 3 * (ours["pool"] @ loss.projections[1].weight.T + loss.projections[1].bias - theirs["pool"]).square().mean(dim=1).sum()
    expected = expected + 5 * attention_loss(ours["block2"], theirs["block2"]).sum()
    assert torch.allclose(total, expected)
    run = distill(student, teacher, digits, SHORT.changed(patience=3), settings=settings, cache=cache, progress=False)
    assert run.records[-1]["loss"] < run.records[0]["loss"]
    assert not [name for name in run.model.state_dict() if name.startswith("loss.")] and run.report().before is not None


def test_the_projection_learns_too(digits, teacher):
    student = student_for(digits)
    seen = []
    loss_before = DistillationLoss(copy.deepcopy(student), teacher, Distil(hints=(("block1", "block2"),)), seed=0).projections[0].weight.clone()

    class Watch(StopAfter):
        def on_epoch(self, record):
            seen.append(student.loss.projections[0].weight.detach().clone())
    distill(student, teacher, digits, SHORT, settings=Distil(hints=(("block1", "block2"),)), callbacks=[Watch()], progress=False)
    assert float((seen[-1] - loss_before).abs().max()) > 1e-3


def test_cut_short_and_gone_on_with_and_another_temperature_refused(digits, teacher, tmp_path):
    settings = Distil(hints=(("block2", "block3"),))
    start = lambda **options: distill(student_for(digits), teacher, digits, SHORT, 0, options.pop("settings", settings), progress=False, **options)  # noqa: E731
    whole, cut = start(), start(checkpoint=tmp_path, callbacks=[StopAfter()])
    assert len(cut.records) == 1
    resumed = start(checkpoint=tmp_path)
    assert apart(resumed.model, whole.model) == 0
    with pytest.raises(TlkitError, match=r"another loss \(temperature is 4.0 there and 2.0 here\)"):
        start(checkpoint=tmp_path, settings=dataclasses.replace(settings, temperature=2.0))
    with torch.no_grad():
        teacher.head.bias += 1
    with pytest.raises(TlkitError, match=r"is of a run with another teacher \(its weights are others\)"):
        start(checkpoint=tmp_path)


def test_a_teacher_out_of_an_artefact_teaches_a_student_that_is_saved_alone(digits, tmp_path):
    run = tlkit.finetune(model_for(digits, "glyphnet", double=False), digits, plans.lora(rank=2, epochs=2), progress=False)
    path = run.save(tmp_path / "teacher.tl")
    student = tlkit.adapt(tlkit.load_backbone("glyphnet"), digits)
    taught = distill(student, path, digits, plans.lora(rank=2, epochs=2), progress=False)  # few parameters are distilled into as well
    loaded = tlkit.load(taught.save(tmp_path / "student.tl"))
    assert apart(loaded.model, taught.model) == 0 and loaded.facts["loss"]["name"] == "CrossEntropy"
    reordered = digits.with_classes(["3", "1", "2"])
    few = tlkit.finetune(model_for(reordered, "glyphnet", double=False), reordered, plans.linear_probe(epochs=20), progress=False)
    other = digits.with_classes(["1", "2", "3"])
    again = distill(tlkit.adapt(tlkit.load_backbone("glyphnet"), other), few.model, other, plans.linear_probe(epochs=60), settings=Distil(1.0, 1.0), progress=False)
    assert again.accuracy("train") > 0.8  # classes are matched by their names


@pytest.mark.parametrize("kind", ["tags", "numbers", "labels"])
def test_tags_numbers_and_several_labels_across_tokenizers(kind, tickets, bodies):
    task = {"tags": lambda: tlkit.load_task("entities", examples=6), "numbers": lambda: lengths(tickets), "labels": lambda: multi_label(tickets)}[kind]()
    teacher = model_for(task, transformer(bodies, "roberta", seed=3))
    student = model_for(task, transformer(bodies, "bert"))
    run = distill(student, teacher, task, dataclasses.replace(SHORT, patience=None), settings=Distil(2.0, 1.0, hints=(("block1", "block2"),) if kind != "tags" else ()), progress=False)
    assert run.records[-1]["loss"] < run.records[0]["loss"]
    if kind == "tags":
        loss = DistillationLoss(student, teacher, Distil(2.0, 1.0))
        state, labels = student.kind.prepare(student.backbone, task.train.inputs, task.train.labels)
        told = loss.teacher.backbone.run(loss.teacher.backbone.prepare(task.train.inputs))
        outputs = student.outputs(state)
        found, rows = loss.total(outputs, Taught(labels, told)), []
        theirs = teacher.backbone.prepare(task.train.inputs)
        said = teacher.outputs(theirs)
        for row in range(len(labels)):
            for word in range(len(task.train.inputs[row])):
                mine, other = ((each["words"][row] == word).nonzero() for each in (state, theirs))
                if len(mine) and len(other):
                    rows.append(distillation_loss(outputs[row, mine[0]], said[row, other[0]], 2.0, reduction="sum"))
        assert float((found - sum(rows)).abs()) < 1e-9


@pytest.mark.parametrize("make, said", [
    (lambda: Distil(temperature=0), "temperature=0 must be above 0"),
    (lambda: Distil(temperature=float("nan")), "temperature=nan must be above 0"),
    (lambda: Distil(soft_share=1.5), "soft_share=1.5 must lie between 0 and 1"),
    (lambda: Distil(hint_strength=-1), "hint_strength=-1 must be 0 or more"),
    (lambda: Distil(temperature="4"), "temperature='4' must be a number"),
    (lambda: Distil(temperature=float("inf")), "temperature=inf must be above 0 and finite"),
    (lambda: Distil(soft_share="a"), "soft_share='a' must be a number"),
    (lambda: Distil(hint_strength=float("nan")), "hint_strength=nan must be 0 or more, and finite"),
    (lambda: Distil(attention_strength=float("inf")), "attention_strength=inf must be 0 or more, and finite"),
    (lambda: Distil(hints=("block2", "block3")), "hints=('block2', 'block3') must be pairs of a student's and a teacher's stage: hints=(('block2', 'block3'),)"),
    (lambda: Distil(attention="block2"), "attention='block2' must be pairs"),
    (lambda: Distil(hints=(("a", "b", "c"),)), "must be pairs"),
    (lambda: Distil(hints=None), "hints=None must be pairs"),
])
def test_settings_that_make_no_sense_are_refused(make, said):
    with pytest.raises(TlkitError) as caught:
        make()
    assert said in str(caught.value)


def test_a_teacher_that_does_not_fit_is_refused_in_a_sentence(digits, tickets, teacher, bodies):
    few = digits.with_classes(["1", "2"])
    cases = [
        (lambda: distill(student_for(few), teacher, few, SHORT), "the student has 2 classes and the teacher 10, and they differ in '0', '3', '4', ..."),
        (lambda: distill(student_for(digits), teacher, few, SHORT), "digits has the classes '1', '2', and the model '0', '1', '2', '3', ... (10)"),
        (lambda: distill(None, teacher, digits, SHORT), "a model is trained, and None was given"),
        (lambda: distill(teacher.backbone, teacher, digits, SHORT), "glyphnet is a body alone; `tlkit.adapt(body, task)`"),
        (lambda: distill(student_for(digits), None, digits, SHORT), "a teacher is a trained model, what tlkit.load gives, or the path of an artefact, and a NoneType was given"),
        (lambda: distill(student_for(digits), teacher, digits, "full"), "plan='full' must be a plan, such as tlkit.plans.full()"),
        (lambda: distill(student_for(digits), teacher, digits, SHORT, settings={"temperature": 2}), "settings={'temperature': 2} must be a Distil"),
        (lambda: distill(model_for(lengths(tickets), transformer(bodies, "bert")), teacher, lengths(tickets), SHORT), "the teacher was trained for classification and the student is for regression"),
        (lambda: distill(tlkit.adapt(teacher.backbone, digits), teacher, digits, SHORT), "teacher and student share weights"),
        (lambda: distill(student_for(digits), teacher, digits, SHORT, settings=Distil(hints=(("block9", "block1"),))), "glyphnet has no stage 'block9'; stages from the input on: stem"),
        (lambda: distill(student_for(digits), teacher, digits, SHORT, settings=Distil(attention=(("pool", "pool"),))), "attention transfer compares maps (B, C, H, W), and stages pool and pool"),
        (lambda: distill(student_for(digits), teacher, digits, SHORT.changed(mixup=0.2)), "mixup mixes images that the teacher was not asked about"),
        (lambda: distill(student_for(digits), teacher, digits, plans.linear_probe(epochs=1), settings=Distil(hints=(("block1", "block1"),))), "stage block1 of the student is frozen"),
    ]
    for act, said in cases:
        with pytest.raises(TlkitError) as caught:
            act()
        assert said in str(caught.value), str(caught.value)


def test_the_loss_is_torchdistills():
    from torchdistill.losses import mid_level as losses

    s, t = torch.randn(5, 4), torch.randn(5, 4)
    labels = torch.tensor([0, 1, 2, 3, 0])
    theirs = losses.KDLoss("student", "input", "teacher", "input", temperature=3.0, alpha=0.3, reduction="batchmean")
    expected = theirs({"student": {"input": s}}, {"teacher": {"input": t}}, labels)
    found = 0.3 * F.cross_entropy(s, labels) + 0.7 * distillation_loss(s, t, 3.0)
    assert torch.allclose(found, expected, atol=1e-6)


def test_soft_targets_are_the_categorical_distribution_at_a_temperature():
    t = 4 * torch.randn(5, 4).double()
    assert torch.allclose(soft_targets(t, 3.0), torch.distributions.Categorical(logits=t / 3).probs)


def test_the_mixed_loss_is_torchdistills():
    from torchdistill.losses import mid_level as losses

    s, t, labels = torch.randn(5, 4), torch.randn(5, 4), torch.tensor([0, 1, 2, 3, 0])
    theirs = losses.KDLoss("student", "input", "teacher", "input", temperature=3.0, alpha=0.3, reduction="batchmean")
    assert torch.allclose(kd_loss(s, t, labels, 3.0, 0.7), theirs({"student": {"input": s}}, {"teacher": {"input": t}}, labels), atol=1e-6)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_the_gradient_in_closed_form_is_autograds(temperature):
    s, t = torch.randn(5, 4).double().requires_grad_(), torch.randn(5, 4).double()
    distillation_loss(s, t, temperature).backward()
    assert torch.allclose(distillation_gradient(s.detach(), t, temperature), s.grad)


def test_at_a_very_high_temperature_logits_are_matched():
    s, t = torch.randn(5, 4).double(), torch.randn(5, 4).double()
    matched = ((s - s.mean(1, keepdim=True)) - (t - t.mean(1, keepdim=True))) / s.numel()
    assert torch.allclose(distillation_gradient(s, t, 1e5), matched, rtol=1e-3)


@pytest.mark.parametrize("training", [True, False])
def test_a_teacher_asked_in_any_order_answers_by_example_and_is_left_as_it_was(digits, teacher, training):
    expected = teacher(digits.val.inputs).detach()
    teacher.train(training)
    before = copy.deepcopy(teacher.state_dict())
    order = torch.randperm(len(digits.val)).split(7)
    said = ask_once(teacher, [(digits.val.inputs[part], part) for part in order])
    assert torch.allclose(said, expected) and not said.requires_grad and teacher.training == training
    assert all(torch.equal(values, before[name]) for name, values in teacher.state_dict().items())
