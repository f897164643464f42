import io
import tarfile

import numpy as np
import pytest
import torch
from scipy.io import wavfile

import tlkit
from tests.data.server import serving
from tlkit.data import medmnist, spoken_digits, torchvision_sets
from tlkit.data.archives import unpack_tar
from tlkit.data.catalogue import CATALOGUE
from tlkit.errors import TlkitError


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("TLKIT_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("TLKIT_DATA", raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    return tmp_path / "cache"


def recordings():
    """An archive as GitHub packs them: ten digits, two speakers, indices 0 to 9."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for digit in range(10):
            for speaker in ("ann", "ben"):
                for index in range(10):
                    sound = io.BytesIO()
                    wavfile.write(sound, 8000, np.full(100 + index, digit, np.int16))
                    member = tarfile.TarInfo(f"repo-1/recordings/{digit}_{speaker}_{index}.wav")
                    member.size = len(sound.getvalue())
                    archive.addfile(member, io.BytesIO(sound.getvalue()))
        archive.addfile(tarfile.TarInfo("repo-1/README.md"))
    return buffer.getvalue()


def test_spoken_digits_are_unpacked_checked_and_split_by_index(cache, tmp_path, monkeypatch):
    content = recordings()
    with serving(content) as server:
        monkeypatch.setattr(spoken_digits, "ADDRESS", server.url)
        with pytest.raises(
            TlkitError, match="the sha256 of their listing is .* and not 1801eae019c0.* nothing was kept"
        ):
            tlkit.load_task("spoken_digits")
        assert [path.name for path in cache.iterdir() if not path.name.startswith(".")] == []
        monkeypatch.setattr(spoken_digits, "check_content", lambda folder: None)
        task = tlkit.load_task("spoken_digits")
    assert [len(split) for split in task.splits.values()] == [80, 20, 100]
    assert set(task.val.groups) == {"ann", "ben"} and task.test.inputs[0].rate == 8000
    names = [task.test.inputs.source.name(int(index)) for index in task.test.inputs.indices]
    assert all(int(name.split("_")[2].split(".")[0]) < 5 for name in names)
    assert len(tlkit.load_task("spoken_digits").train) == 80  # the server is gone


def test_the_content_of_recordings_is_hashed_as_sha256sum_lists_it(tmp_path):
    import hashlib

    for name in ("b.wav", "a.wav", "B.wav"):
        (tmp_path / name).write_bytes(name.encode())
    listing = "".join(f"{hashlib.sha256(name.encode()).hexdigest()}  {name}\n" for name in ("B.wav", "a.wav", "b.wav"))
    spoken_digits.check_content(tmp_path, hashlib.sha256(listing.encode()).hexdigest())
    (tmp_path / "a.wav").write_bytes(b"changed")
    with pytest.raises(TlkitError, match="3 files"):
        spoken_digits.check_content(tmp_path, hashlib.sha256(listing.encode()).hexdigest())


def test_an_archive_whose_content_is_refused_leaves_nothing(tmp_path):
    (tmp_path / "a.tar.gz").write_bytes(recordings())

    def refuse(folder):
        assert len(list(folder.iterdir())) == 200
        raise TlkitError("refused")

    with pytest.raises(TlkitError, match="refused"):
        unpack_tar(tmp_path / "a.tar.gz", tmp_path / "into", spoken_digits._is_recording, refuse)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.tar.gz"]


def test_torchvisions_sets_are_read_from_their_own_files_and_decoded_one_by_one(cache, monkeypatch):
    raw = cache / "fashion_mnist" / "FashionMNIST" / "raw"
    raw.mkdir(parents=True)
    generator = np.random.default_rng(0)
    images = {}
    for part, count in (("train", 100), ("t10k", 20)):
        images[part] = generator.integers(0, 256, (count, 28, 28), dtype=np.uint8)
        head = np.array([0x803, count, 28, 28], ">i4").tobytes()
        (raw / f"{part}-images-idx3-ubyte").write_bytes(head + images[part].tobytes())
        labels = (np.arange(count) % 10).astype(np.uint8)
        (raw / f"{part}-labels-idx1-ubyte").write_bytes(np.array([0x801, count], ">i4").tobytes() + labels.tobytes())
    task = tlkit.load_task("fashion_mnist")
    assert [len(split) for split in task.splits.values()] == [80, 20, 20] and task.classes[0] == "T-shirt/top"
    assert (task.test.inputs[3][0].numpy() == images["t10k"][3]).all() and task.test.inputs[3].dtype == torch.uint8
    places = task.train.inputs.indices
    assert (task.train.inputs[5][0].numpy() == images["train"][places[5]]).all()
    other = tlkit.load_task("fashion_mnist", split_seed=1)
    assert set(other.train.inputs.indices) != set(places)


def test_a_torchvision_set_that_cannot_be_had_is_one_line(cache, monkeypatch):
    def offline(*_, **__):
        raise RuntimeError("Error downloading train-images\nmore")

    monkeypatch.setattr("torchvision.datasets.MNIST.download", offline)
    with pytest.raises(
        TlkitError, match="mnist could not be downloaded by torchvision: Error downloading train-images$"
    ):
        tlkit.load_task("mnist")


def test_the_catalogue_and_the_loaders_name_the_same_sets():
    for module, sets in (("medmnist", medmnist.SETS), ("torchvision_sets", torchvision_sets.SETS)):
        listed = {name for name, entry in CATALOGUE.items() if f".{module}:" in entry.home}
        assert listed == set(sets)
