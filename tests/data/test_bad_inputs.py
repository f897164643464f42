"""Bad input, one line each: what is given, and the error or the counted repair that it gets.

Nothing in any of it is run, and nothing is written outside of its folder.
"""

import io
import json
import os
import pickle
import re
import struct
import tarfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.io import wavfile

import tlkit
from tlkit.data.archives import unpack_tar
from tlkit.data.pictures import read_picture
from tlkit.data.sound import read_wav
from tlkit.errors import TlkitError, TlkitWarning


class Trap:
    """Unpickled, it makes a folder "sprung"."""

    def __init__(self, folder):
        self.folder = str(folder)

    def __reduce__(self):
        return (os.mkdir, (self.folder + "/sprung",))


@dataclass
class Case:
    name: str
    build: Callable[[Path], Path]
    error: str = ""
    note: str = ""
    examples: int = 0
    options: dict | None = None
    read: Callable[[Path], object] = tlkit.load_task


def file(name, content):
    def build(folder):
        path = folder / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return build


def rows(*extra, good=20):
    return (
        "text,label\n"
        + "".join(f"some text number {n},{'ab'[n % 2]}\n" for n in range(good))
        + "".join(line + "\n" for line in extra)
    )


def npz(**changes):
    arrays = {}
    for split in ("train", "val", "test"):
        arrays[f"{split}_images"] = np.zeros((4, 8, 8), np.uint8)
        arrays[f"{split}_labels"] = np.array([[0], [1], [0], [1]], np.uint8)

    def build(folder):
        chosen = {name: value(folder) if callable(value) else value for name, value in {**arrays, **changes}.items()}
        np.savez(folder / "set.npz", **{name: value for name, value in chosen.items() if value is not None})
        return folder / "set.npz"

    return build


def pictures(**extra):
    """Two classes of two pictures, and files besides."""

    def build(folder):
        for name in ("cat", "dog"):
            (folder / "set" / name).mkdir(parents=True)
            for number in range(2):
                Image.new("RGB", (4, 4), (number, 0, 0)).save(folder / "set" / name / f"{number}.png")
        for name, content in extra.items():
            path = folder / "set" / name.replace("__", "/").replace("_dot_", ".")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        return folder / "set"

    return build


def png(width, height):
    """The head of a PNG of this size, with hardly any pixels."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0" * 100)) + chunk(b"IEND", b"")
    )


def picture_bytes(size=(6, 5), mode="RGB", kind="PNG"):
    buffer = io.BytesIO()
    Image.new(mode, size).save(buffer, kind)
    return buffer.getvalue()


def wav(samples, rate=8000):
    def build(folder):
        wavfile.write(folder / "a.wav", rate, samples)
        return folder / "a.wav"

    return build


def wav_24_bits(folder):
    import wave

    with wave.open(str(folder / "a.wav"), "wb") as out:
        out.setnchannels(2)
        out.setsampwidth(3)
        out.setframerate(44100)
        out.writeframes(b"\x00\x00\x40\x00\x00\x40" * 100)
    return folder / "a.wav"


def tar(*members):
    def build(folder):
        with tarfile.open(folder / "a.tar.gz", "w:gz") as archive:
            for name, kind in members:
                member = tarfile.TarInfo(name)
                member.type = kind
                member.linkname = "/etc/passwd"
                content = b"x" * 10 if kind == tarfile.REGTYPE else b""
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))
        return folder / "a.tar.gz"

    return build


def unpack(path):
    unpack_tar(path, path.parent / "into", lambda member: True, lambda folder: None)
    return sorted(one.name for one in (path.parent / "into").iterdir())


def conll(*tags, word="w"):
    return "".join(f"{word}{n}\t{tag}\n" if tag else "\n" for n, tag in enumerate(tags))


def claims_too_much(folder):
    """An npz whose directory claims more bytes than are read."""
    path = npz()(folder)
    content = bytearray(path.read_bytes())
    at = -1
    while (at := content.find(b"PK\x01\x02", at + 1)) >= 0:
        content[at + 24 : at + 28] = struct.pack("<I", 0xF0000000)
    path.write_bytes(content)
    return path


REG, SYM, DEV = tarfile.REGTYPE, tarfile.SYMTYPE, tarfile.CHRTYPE
SENTENCES = conll("B-A", "I-A", "O", "", "O", "B-B", "", "B-A", "O", "", "O", "O", "", "B-B", "I-B")
CASES = [
    # tables
    Case("empty file", file("a.csv", b""), "is empty"),
    Case("header alone", file("a.csv", "text,label\n"), "has a header and no rows"),
    Case("one column", file("a.csv", "text\nhello\n"), "has one column"),
    Case(
        "latin-1",
        file("a.csv", rows("caf\xe9 au lait,a").encode("latin-1")),
        note=r"not UTF-8 \(line 22\).*Latin-1",
        examples=21,
    ),
    Case("byte order mark", file("a.csv", b"\xef\xbb\xbf" + rows().encode()), note="byte order mark", examples=20),
    Case("UTF-16", file("a.csv", rows().encode("utf-16")), note="UTF-16", examples=20),
    Case(
        "NUL bytes", file("a.csv", rows("nul\0 here,a")), note="1 NUL characters in a.csv were taken out", examples=21
    ),
    Case("mostly NUL bytes", file("a.csv", b"text,label\n" + b"\0" * 5000), "is no text"),
    Case("binary", file("a.csv", b"\x80\x00\x00\x00" * 500), "is no text"),
    Case(
        "row too long", file("a.csv", rows("a, comma,b")), r"line 22 has 3 fields and the first line 2 \(1 such rows\)"
    ),
    Case(
        "row too short",
        file("a.csv", rows("alone", "alone again")),
        r"line 22 has 1 fields and the first line 2 \(2 such rows\)",
    ),
    Case("quote never closed", file("a.csv", rows('"open,a')), "is damaged near line 22"),
    Case(
        "empty texts",
        file("a.csv", rows(",a", "  ,b")),
        note="2 rows of a.csv with an empty text were left out",
        examples=20,
    ),
    Case(
        "empty labels",
        file("a.csv", rows("words,")),
        note="1 rows of a.csv with an empty label were left out",
        examples=20,
    ),
    Case("nothing but empty texts", file("a.csv", "text,label\n,a\n,b\n"), "has no row with both"),
    Case(
        "labels in other cases",
        file("a.csv", rows("one,A", "two, b", "three,B ")),
        note="3 labels differed .* were merged: ' b' to 'b'",
        examples=23,
    ),
    Case("one class", file("a.csv", "text,label\none,a\ntwo,a\n"), "has one class only"),
    Case("class with one example", file("a.csv", rows("rare words,z")), note="one example in all of 'z'", examples=21),
    Case("two columns of one name", file("a.csv", "text,text\na,b\n"), "two columns have the same name"),
    Case("columns that cannot be told", file("a.csv", "x,y1,z\na b,1,c\n"), "say text=..., label=..."),
    Case(
        "column that is not there",
        file("a.csv", rows()),
        "has no column 'body'; columns: text, label",
        options={"text": "body"},
    ),
    Case("no header", file("a.csv", rows().split("\n", 1)[1]), note="has no header", examples=20),
    Case("semicolons", file("a.csv", rows().replace(",", ";")), note="columns were guessed", examples=20),
    Case("Windows line ends", file("a.csv", rows().replace("\n", "\r\n")), note="columns were guessed", examples=20),
    Case("text over lines", file("a.csv", rows('"two\nlines",a')), note="columns were guessed", examples=21),
    Case("regression without a number", file("a.csv", "text,score\nx,1.5\ny,nan\n"), "'nan' is no finite number"),
    Case("JSON that is none", file("a.jsonl", '{"text": "a", "label": "b"}\n{"text": \n'), "line 2 is no JSON"),
    Case("JSON that is no object", file("a.jsonl", "[1, 2]\n"), "line 1 is a list"),
    Case(
        "JSON with other names",
        file("a.jsonl", '{"text": "a", "label": "b"}\n{"text": "a"}\n'),
        "do not have the same names: label",
    ),
    Case("JSON nested too deeply", file("a.jsonl", "[" * 100_000 + "\n"), "line 1 is no JSON"),
    Case(
        "words without tags",
        file("a.jsonl", json.dumps({"tokens": ["a", "b"], "tags": ["O"]})),
        "is not a list of words with a list of as many tags",
    ),
    Case("unknown ending", file("a.xlsx", b"PK"), "is of no kind that can be read"),
    Case("archive", file("a.zip", b"PK"), "is an archive; unpack it"),
    # CoNLL columns
    Case(
        "one column in CoNLL",
        file("a.conll", SENTENCES + "alone\n"),
        "line 16 is 'alone', and should be a word and its tag",
    ),
    Case(
        "more columns in CoNLL", file("a.conll", SENTENCES + "a\tb\tO\n"), "line 16 has 3 columns and the first line 2"
    ),
    Case(
        "I- without B-",
        file("a.conll", SENTENCES + "\nx\tI-A\ny\tI-B\n"),
        note="2 entities of a.conll did not begin as they should",
        examples=6,
    ),
    Case(
        "BIO1",
        file("a.conll", conll("I-A", "I-A", "B-A", "", "O", "I-B", "", "I-A", "", "I-B", "", "I-B")),
        note="are BIO1; they were converted",
        examples=5,
    ),
    Case(
        "BIOES",
        file("a.conll", conll("B-A", "E-A", "S-A", "", "S-B", "", "S-A", "", "S-B", "", "O")),
        note="are BIOES; they were converted",
        examples=5,
    ),
    Case(
        "BILOU",
        file("a.conll", conll("B-A", "L-A", "U-A", "", "U-B", "", "U-A", "", "U-B", "", "O")),
        note="are BILOU; they were converted",
        examples=5,
    ),
    Case(
        "broken BIOES",
        file("a.conll", conll("E-A", "S-B", "", "S-B", "", "S-A", "", "O")),
        note="1 entities .* taken to begin there",
        examples=4,
    ),
    Case("bare types", file("a.conll", conll("A", "A", "O", "", "B", "", "A", "", "O")), note="bare types", examples=4),
    Case("tag of no scheme", file("a.conll", conll("B-A", "Z-A")), "the tag 'Z-A' is neither O nor a prefix"),
    Case(
        "document marks",
        file("a.conll", "-DOCSTART- O\n\n" + SENTENCES),
        note="1 lines of a.conll that mark documents",
        examples=5,
    ),
    Case(
        "no tags at all", file("a.conll", conll("O", "", "O", "", "O")), note="no word in a.conll has a tag", examples=3
    ),
    Case("no sentence", file("a.conll", "\n\n-DOCSTART-\tO\n"), "holds no sentence"),
    # arrays
    Case(
        "npz with objects",
        npz(train_labels=lambda folder: np.array([Trap(folder)] * 4, dtype=object)),
        "holds Python objects, which could run code",
    ),
    Case("npz without labels", npz(val_labels=None), "has no val_labels"),
    Case("npz without images", npz(train_images=None, val_images=None, test_images=None), "has no train_images"),
    Case("npz of floats", npz(train_images=np.zeros((4, 8, 8))), "train_images are float64, and should be uint8"),
    Case("npz of volumes", npz(train_images=np.zeros((4, 8, 8, 8), np.uint8)), r"have shape \(4, 8, 8, 8\)"),
    Case("npz with fewer labels", npz(test_labels=np.zeros((3, 1), np.uint8)), "has 4 test_images and 3 test_labels"),
    Case("npz with negative labels", npz(train_labels=np.array([[-1], [0], [1], [1]])), "whole numbers from 0 on"),
    Case(
        "npz that is a pickle",
        lambda folder: file("a.npz", pickle.dumps(Trap(folder)))(folder),
        "cannot be read as npz",
    ),
    Case(
        "npz cut off", lambda folder: file("b.npz", npz()(folder).read_bytes()[:-30])(folder), "cannot be read as npz"
    ),
    Case("npz that claims 24 GB", claims_too_much, "would unpack to 24,"),
    # pictures
    Case(
        "files that are no pictures",
        pictures(cat__notes_dot_txt=b"hello", Thumbs_dot_db=b"x"),
        note="2 files that are neither pictures nor sounds were left out",
        examples=4,
    ),
    Case(
        "hidden files", pictures(cat___dot_DS_Store=b"x"), note="1 hidden files and folders were left out", examples=4
    ),
    Case("pictures outside of classes", pictures(stray_dot_png=picture_bytes()), "holds files outside of any class"),
    Case("pictures and sounds", pictures(cat__a_dot_wav=b"x"), "4 pictures and 1 sounds"),
    Case(
        "class names in two cases",
        pictures(Cat__3_dot_png=picture_bytes()),
        note="1 labels differed .*'Cat' to 'cat'|labels differed",
        examples=5,
    ),
    Case("empty folder", lambda folder: folder, "holds neither pictures"),
    Case(
        "100,000 x 100,000 pixels",
        file("a.png", png(100_000, 100_000)),
        "more than the 50,000,000 pixels|100,000 x 100,000 pixels",
        read=read_picture,
    ),
    Case(
        "10,000 x 10,000 pixels",
        file("a.png", png(10_000, 10_000)),
        "10,000 x 10,000 pixels, more than the 50,000,000",
        read=read_picture,
    ),
    Case(
        "picture that is text",
        file("a.png", b"no picture"),
        "cannot be read as a picture: no picture in a known format",
        read=read_picture,
    ),
    Case(
        "picture cut off",
        file("a.jpg", picture_bytes((64, 64), kind="JPEG")[:300]),
        "cannot be read as a picture",
        read=read_picture,
    ),
    Case("picture of 0 bytes", file("a.gif", b""), "cannot be read as a picture", read=read_picture),
    # sounds
    Case("wav of 0 samples", wav(np.zeros(0, np.int16)), "holds no samples", read=read_wav),
    Case("wav that is text", file("a.wav", b"no sound"), "cannot be read as a wav", read=read_wav),
    Case(
        "wav cut in its head",
        lambda folder: file("b.wav", wav(np.zeros(9, np.int16))(folder).read_bytes()[:30])(folder),
        "cannot be read as a wav|is damaged",
        read=read_wav,
    ),
    Case(
        "sounds without a class",
        lambda folder: wav(np.zeros(9, np.int16))(folder).parent,
        "its name does not begin with one",
    ),
    # archives
    Case(
        "archive with ../",
        tar(("fine.wav", REG), ("../evil.txt", REG)),
        "would be written outside of its folder",
        read=unpack,
    ),
    Case(
        "archive with an absolute path",
        tar(("/tmp/evil-by-tlkit-test.txt", REG)),
        "would be written outside",
        read=unpack,
    ),
    Case("archive with a link", tar(("link", SYM)), "is no plain file", read=unpack),
    Case("archive with a device", tar(("null", DEV)), "is no plain file", read=unpack),
    Case(
        "archive with one name twice", tar(("a/x.wav", REG), ("b/x.wav", REG)), "two files named 'x.wav'", read=unpack
    ),
    Case(
        "archive cut off",
        lambda folder: file("b.tar.gz", tar(*((f"{n}.wav", REG) for n in range(500)))(folder).read_bytes()[:500])(
            folder
        ),
        "cannot be unpacked",
        read=unpack,
    ),
    Case("archive that is none", file("a.tar.gz", b"no archive"), "cannot be unpacked", read=unpack),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_bad_input_gets_one_clear_error_or_a_counted_repair(case, tmp_path):
    inside = tmp_path / "deep" / "inside"
    inside.mkdir(parents=True)
    path = case.build(inside)
    before = {one for one in tmp_path.rglob("*")}
    if case.error:
        with pytest.raises(TlkitError, match=case.error) as error:
            case.read(path, **(case.options or {}))
        assert "\n" not in str(error.value)
    else:
        task = case.read(path, **(case.options or {}))
        assert any(re.search(case.note, note) for note in task.notes), task.notes
        assert sum(len(split) for split in task.splits.values()) == case.examples
        [split.inputs[0] for split in task.splits.values() if len(split)]
    assert {one for one in tmp_path.rglob("*")} == before
    assert not Path("/tmp/evil-by-tlkit-test.txt").exists()


def test_there_are_many_bad_inputs():
    assert len(CASES) >= 40 and len({case.name for case in CASES}) == len(CASES)


@pytest.mark.parametrize(
    "build, seconds, peak",
    [
        (wav_24_bits, 100 / 44100, 0.5),
        (wav(np.full((50, 2), [8192, 24576], np.int16), 22050), 50 / 22050, 0.5),
        (wav(np.full(50, 192, np.uint8)), 50 / 8000, 0.5),
        (wav(np.full(50, 2**30, np.int32)), 50 / 8000, 0.5),
        (wav(np.full(50, 0.5, np.float32), 48000), 50 / 48000, 0.5),
    ],
    ids=["24 bits in two channels", "two channels", "8 bits", "32 bits", "floats"],
)
def test_unusual_wavs_are_read_at_their_own_rate_and_scale(build, seconds, peak, tmp_path):
    sound = read_wav(build(tmp_path))
    assert sound.seconds == pytest.approx(seconds) and sound.samples.dtype == np.float32
    np.testing.assert_allclose(sound.samples, peak, atol=1e-6)


@pytest.mark.parametrize("mode, channels", [("L", 1), ("RGB", 3), ("RGBA", 3), ("P", 3), ("1", 1), ("LA", 1)])
def test_pictures_of_every_mode_have_one_or_three_channels(mode, channels, tmp_path):
    read = read_picture(file("a.png", picture_bytes(mode=mode))(tmp_path))
    assert read.shape == (channels, 5, 6)


def test_sixteen_bits_of_grey_are_scaled_and_not_clipped(tmp_path):
    Image.fromarray(np.array([[0, 32896, 65535]], np.uint16)).save(tmp_path / "a.png")
    assert read_picture(tmp_path / "a.png").flatten().tolist() == [0, 128, 255]


def test_a_scan_of_twelve_bits_in_sixteen_is_not_read_as_black_and_that_is_said(tmp_path):
    Image.fromarray(np.array([[0, 2048, 4095]], np.uint16)).save(tmp_path / "scan.png")
    with pytest.warns(TlkitWarning, match="read as a scan of 12 bits, 4,095 being white"):
        assert read_picture(tmp_path / "scan.png").flatten().tolist() == [0, 128, 255]


def test_a_camera_that_was_held_sideways_is_turned_back(tmp_path):
    picture = Image.new("RGB", (6, 3))
    exif = picture.getexif()
    exif[0x0112] = 6
    picture.save(tmp_path / "a.jpg", exif=exif)
    assert read_picture(tmp_path / "a.jpg").shape == (3, 6, 3)
