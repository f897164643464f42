"""MedMNIST's sets of small medical images (Yang et al. 2023), by name."""

from dataclasses import dataclass, replace

from tlkit.data.catalogue import CATALOGUE
from tlkit.data.downloads import RemoteFile, find_or_fetch
from tlkit.data.own import read_arrays
from tlkit.data.task import Task

ADDRESS = "https://zenodo.org/records/10519652/files"
_ORGANS = (
    "bladder", "femur-left", "femur-right", "heart", "kidney-left", "kidney-right", "liver", "lung-left", "lung-right",
    "pancreas", "spleen",
)  # fmt: skip


@dataclass(frozen=True)
class Facts:
    """The md5 of a set's file, its classes in the order of their numbers, and what it shows."""

    md5: str
    classes: tuple[str, ...]
    shows: str


SETS = {
    "pathmnist": Facts(
        "a8b06965200029087d5bd730944a56c1",
        ("adipose", "background", "debris", "lymphocytes", "mucus", "smooth muscle", "normal colon mucosa",
         "cancer-associated stroma", "colorectal adenocarcinoma epithelium"),
        "tissue of the colon under the microscope",
    ),
    "chestmnist": Facts(
        "02c8a6516a18b556561a56cbdd36c4a8",
        ("atelectasis", "cardiomegaly", "effusion", "infiltration", "mass", "nodule", "pneumonia", "pneumothorax",
         "consolidation", "edema", "emphysema", "fibrosis", "pleural", "hernia"),
        "chest X-rays with any of fourteen findings",
    ),
    "dermamnist": Facts(
        "0744692d530f8e62ec473284d019b0c7",
        ("actinic keratoses and intraepithelial carcinoma", "basal cell carcinoma", "benign keratosis-like lesions",
         "dermatofibroma", "melanoma", "melanocytic nevi", "vascular lesions"),
        "pigmented lesions of the skin",
    ),
    "octmnist": Facts(
        "c68d92d5b585d8d81f7112f81e2d0842",
        ("choroidal neovascularization", "diabetic macular edema", "drusen", "normal"), "retinas by optical coherence tomography",
    ),
    "pneumoniamnist": Facts(
        "28209eda62fecd6e6a2d98b1501bb15f", ("normal", "pneumonia"), "chest X-rays of children",
    ),
    "retinamnist": Facts(
        "bd4c0672f1bba3e3a89f0e4e876791e4", ("0", "1", "2", "3", "4"),
        "fundus photographs by degree of diabetic retinopathy",
    ),
    "breastmnist": Facts(
        "750601b1f35ba3300ea97c75c52ff8f6", ("malignant", "normal, benign"), "ultrasound of the breast",
    ),
    "bloodmnist": Facts(
        "7053d0359d879ad8a5505303e11de1dc",
        ("basophil", "eosinophil", "erythroblast", "immature granulocytes", "lymphocyte", "monocyte", "neutrophil", "platelet"),
        "blood cells of healthy people",
    ),
    "tissuemnist": Facts(
        "ebe78ee8b05294063de985d821c1c34b",
        ("collecting duct, connecting tubule", "distal convoluted tubule", "glomerular endothelial cells",
         "interstitial endothelial cells", "leukocytes", "podocytes", "proximal tubule segments", "thick ascending limb"),
        "cells of the kidney",
    ),
    "organamnist": Facts("866b832ed4eeba67bfb9edee1d5544e6", _ORGANS, "abdominal organs in axial CT slices"),
    "organcmnist": Facts("0afa5834fb105f7705a7d93372119a21", _ORGANS, "abdominal organs in coronal CT slices"),
    "organsmnist": Facts("e5c39f1af030238290b9557d9503af9d", _ORGANS, "abdominal organs in sagittal CT slices"),
}  # fmt: skip


def load(name: str) -> Task:
    """One of `SETS`: uint8 images (C, 28, 28) in the splits that were published."""
    facts = SETS[name]
    found = find_or_fetch(RemoteFile(f"{name}.npz", f"{ADDRESS}/{name}.npz", f"md5:{facts.md5}"))
    task = read_arrays(
        found.path,
        facts.classes,
        name=name,
        licence=CATALOGUE[name].licence,
        source=f"{ADDRESS}/{name}.npz",
        citation="Yang et al. (2023), MedMNIST v2, Scientific Data 10:41",
        description=f"{facts.shows}, 28 x 28 pixels",
    )
    return replace(task, notes=(*((found.note,) if found.note else ()), *task.notes))
