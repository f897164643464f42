"""The concepts of the field as data: what each means, its formula, where it is taught, its Chinese name; and what leads to what.

An arrow from A to B says that B is made from A, or with its help. `SOURCE_ARROWS` are those of the diagram that the course
began with; `ARROWS` are what this course makes of them.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Concept:
    """One idea of the field.

    Args:
        name, chinese: what it is called.
        meaning: one or two sentences.
        formula: in LaTeX.
        unit: the number of the unit that teaches it.
        place: column and row in the map, from the upper left.
    """

    name: str
    chinese: str
    meaning: str
    formula: str
    unit: str
    place: tuple[int, int]


@dataclass(frozen=True)
class Arrow:
    """From one concept to another, by their keys, and what the arrow says."""

    start: str
    end: str
    says: str


CONCEPTS = {
    "self_supervision": Concept(
        "self-supervision", "自监督学习",
        "Training on targets that are made from the data itself: a word is hidden and has to be guessed. Nobody labels anything.",
        r"\min_\theta \sum_x \ell\big(f_\theta(\text{part of } x),\ \text{the rest of } x\big)", "11", (0, 0)),
    "pretraining_data": Concept(
        "pretraining data", "预训练数据",
        "A large collection of examples of another task, or of no task at all: letters, photographs, all the text that there is.",
        r"D_0 = \{x_i\}\ \text{ or }\ \{(x_i, y_i)\}", "01", (1, 0)),
    "supervised_pretraining": Concept(
        "supervised pretraining", "有监督预训练",
        "Training on labels that people gave, of another task. The well-known ResNet learned 1,000 names of objects; it is not "
        "self-supervised.",
        r"\min_\theta \sum_i \ell\big(f_\theta(x_i),\ y_i\big)", "01", (2, 0)),
    "pretrained_model": Concept(
        "pretrained model", "预训练模型",
        "A network with the weights that pretraining left it: the starting point of everything that follows.",
        r"f_{\theta_0}", "01", (1, 1)),
    "distillation": Concept(
        "distillation", "知识蒸馏",
        "A large model, the teacher, shows its probabilities, and a small one learns to give the same. All weights of the small one move.",
        r"T^2\, \mathrm{KL}\big(\mathrm{softmax}(z_{\text{teacher}}/T)\,\|\,\mathrm{softmax}(z_{\text{student}}/T)\big)", "10", (3, 0)),
    "small_model": Concept(
        "small model", "小模型",
        "The student: few enough weights for a phone, and as much of the teacher's judgement as fits in.",
        r"g_\psi,\quad |\psi| \ll |\theta|", "10", (3, 1)),
    "representation": Concept(
        "general representation", "通用表征",
        "The numbers that the body computes from an input, useful for more tasks than the one it was trained for. A mapping of the input, "
        "not a new data set.",
        r"h = f_{\theta_0}(x) \in \mathbb{R}^d", "01", (0, 2)),
    "fine_tuning": Concept(
        "fine-tuning", "微调",
        "Training goes on, on the new task's examples, from the pretrained weights. Which weights may move, and how fast, is your choice.",
        r"\theta \leftarrow \theta - \eta\, \nabla_\theta \mathcal{L}(\theta),\quad \theta \text{ begins at } \theta_0", "04", (2, 2)),
    "peft": Concept(
        "PEFT", "参数高效微调",
        "Parameter-efficient fine-tuning: the pretrained weights stay, and few new ones learn. It saves the optimiser's memory and storage for "
        "each task; forward and backward still go through the whole network.",
        r"W = W_0 + \tfrac{\alpha}{r} B A", "09", (2, 1)),
    "head": Concept(
        "adaptation head", "任务适配层",
        "The new last layers, made for the new task: as many outputs as it has classes. It is chosen before fine-tuning, and drawn at random.",
        r"z = W h + b", "02", (0, 3)),
    "loss": Concept(
        "loss", "损失函数",
        "One number that says how wrong the outputs are, small where they agree with the labels. Its gradient is what moves the weights.",
        r"\mathcal{L} = \tfrac{1}{N} \sum_i \ell(z_i, y_i)", "02", (1, 3)),
    "new_data": Concept(
        "new-task data", "新任务数据",
        "The few labelled examples that you have of the task that you care about, split into training, validation and test.",
        r"D = \{(x_i, y_i)\}_{i=1}^N,\quad N \text{ small}", "01", (2, 3)),
    "downstream": Concept(
        "downstream task", "下游任务",
        "What you wanted all along: digits read, scans sorted, customers answered, judged on examples that no choice ever looked at.",
        r"x \mapsto \hat y", "06", (3, 2)),
}  # fmt: skip

ARROWS = (
    Arrow("pretraining_data", "self_supervision", "which makes its targets from the data itself"),
    Arrow("pretraining_data", "supervised_pretraining", "where people gave labels"),
    Arrow("self_supervision", "pretrained_model", "BERT came about like this"),
    Arrow("supervised_pretraining", "pretrained_model", "ImageNet's ResNet and this course's glyphnet came about like this"),
    Arrow("pretrained_model", "representation", "which its body computes"),
    Arrow("pretrained_model", "fine_tuning", "which starts from its weights"),
    Arrow("pretrained_model", "distillation", "in which it is the teacher, as a rule after fine-tuning"),
    Arrow("distillation", "small_model", "which is all that is kept"),
    Arrow("representation", "head", "which reads it"),
    Arrow("head", "loss", "which judges its outputs"),
    Arrow("new_data", "loss", "which compares with its labels"),
    Arrow("loss", "fine_tuning", "which follows its gradient"),
    Arrow("peft", "fine_tuning", "of which it is a kind"),
    Arrow("fine_tuning", "downstream", "which the fine-tuned model solves"),
    Arrow("small_model", "downstream", "which it solves at less cost"),
)

SOURCE_CONCEPTS = {
    "pretrained_model": ("pretrained model", (1, 0)),
    "self_supervision": ("self-supervision", (0, 1)),
    "fine_tuning": ("fine-tuning", (1, 1)),
    "distillation": ("distillation", (3, 1)),
    "representation": ("general representation", (0, 2)),
    "head": ("adaptation head", (1, 2)),
    "peft": ("PEFT", (2, 2)),
    "small_model": ("small model", (3, 2)),
    "new_data": ("new-task data", (0, 3)),
    "loss": ("loss", (1, 3)),
    "downstream": ("downstream task", (0, 4)),
}

SOURCE_ARROWS = (
    ("pretrained_model", "self_supervision"), ("self_supervision", "representation"), ("pretrained_model", "fine_tuning"),
    ("representation", "new_data"), ("fine_tuning", "head"), ("head", "loss"), ("fine_tuning", "peft"),
    ("pretrained_model", "distillation"), ("distillation", "small_model"), ("new_data", "downstream"),
)  # fmt: skip


def leading_to(key: str) -> list[Arrow]:
    """The map's arrows that end at a concept."""
    return [arrow for arrow in ARROWS if arrow.end == key]


def leading_from(key: str) -> list[Arrow]:
    """The map's arrows that start at a concept."""
    return [arrow for arrow in ARROWS if arrow.start == key]
