"""Letters of many scripts, drawn from the fonts that matplotlib ships. No digits.

A letter is kept as a distance field around the middle line of its strokes: a pen of any width writes it where the
field is above a level (`tlkit.data.handwriting`).

Axes: G drawn letters, L different characters, S side of a field.
"""

import unicodedata
from dataclasses import dataclass
from pathlib import Path

import matplotlib
import numpy as np
import torch
from matplotlib.ft2font import FT2Font
from scipy import ndimage
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from tlkit.data.handwriting import Hand, write

SIDE = 48
_ROOM = 32
_POINTS = 48
_SAME = 0.85
_STYLED = ("MATHEMATICAL", "DOUBLE-STRUCK", "SCRIPT", "BLACK-LETTER")
_NUMBER_WORDS = {
    "DIGIT", "NUMBER", "NUMERAL", "TONE", "ZERO", "ONE", "TWO", "THREE", "FOUR", "FIVE", "SIX", "SEVEN", "EIGHT",
    "NINE", "TEN",
}  # fmt: skip
FONTS = (
    *(f"DejaVu{family}{style}" for family in ("Sans", "SansMono") for style in ("", "-Bold", "-Oblique", "-BoldOblique")),
    *(f"DejaVuSerif{style}" for style in ("", "-Bold", "-Italic", "-BoldItalic")),
    *(f"STIXGeneral{style}" for style in ("", "Bol", "Italic", "BolIta")),
    *("cmr10", "cmb10", "cmss10", "cmti10", "cmtt10", "cmmi10"),
)
_CLOCKWISE = ((1, 0), (1, -1), (0, -1), (-1, -1), (-1, 0), (-1, 1), (0, 1), (1, 1))


@dataclass(frozen=True, eq=False)
class Letters:
    """Every letter in every font, as distance fields.

    Args:
        fields: float16 (G, 1, S, S): minus the distance to the middle line of the nearest stroke, in pixels.
        labels: int64 (G,), indices into `classes`.
        classes: the characters of each class; more than one where letters look the same, as A does in three scripts.
    """

    fields: torch.Tensor
    labels: torch.Tensor
    classes: tuple[str, ...]


def draw_letters(fonts: tuple[str, ...] = FONTS) -> Letters:
    """Draw every letter of every font. It takes some seconds and always gives the same.

    Args:
        fonts: names of files, without .ttf, in matplotlib's font folder.
    """
    by_font = {name: _letters_of(name) for name in fonts}
    digit_like = {character for name, pairs in by_font.items() for character in _digit_lookalikes(name, pairs)}
    drawn = [pair for pairs in by_font.values() for pair in pairs]
    characters = [character for character, _ in drawn if character not in digit_like]
    bitmaps = np.stack([bitmap for character, bitmap in drawn if character not in digit_like])
    classes = _merge_lookalikes(characters, bitmaps)
    class_of = {character: index for index, members in enumerate(classes) for character in members}
    fields = -_distance_to_ink(thin(bitmaps))
    return Letters(
        fields=torch.from_numpy(fields.astype(np.float16))[:, None],
        labels=torch.tensor([class_of[character] for character in characters]),
        classes=classes,
    )


def example_letters(count: int, seed: int = 0, font_name: str = "cmss10") -> tuple[np.ndarray, list[str]]:
    """A few letters of one font, each written once, to look at what pretraining sees.

    Args:
        count: how many; at most as many as the font has letters that are unlike its digits.
        seed: of the choice of letters and of their writing.
        font_name: one of `FONTS`; those whose names begin with "cm" hold few letters and are drawn quickly.
    Returns:
        Images, float32 (count, 8, 8) in [0, 1], and the letters' names.
    """
    pairs = _letters_of(font_name)
    digit_like = _digit_lookalikes(font_name, pairs)
    pairs = [pair for pair in pairs if pair[0] not in digit_like]
    chosen = np.random.default_rng(seed).choice(len(pairs), count, replace=False)
    fields = -_distance_to_ink(thin(np.stack([pairs[index][1] for index in chosen])))
    written = write(torch.from_numpy(fields).float()[:, None], Hand(), torch.Generator().manual_seed(seed))
    return written[:, 0].numpy(), [pairs[index][0] for index in chosen]


def is_letter(character: str) -> bool:
    """Whether a character is a plain letter: no digit or numeral, no accents, no ligature, nothing named by a number."""
    if unicodedata.category(character) not in ("Lu", "Ll", "Lo") or unicodedata.numeric(character, None) is not None:
        return False
    if len(unicodedata.normalize("NFKD", character)) > 1 or _base(character) is None:
        return False
    return not _NUMBER_WORDS & set(unicodedata.name(character, "DIGIT").replace("-", " ").split())


def _base(character: str) -> str | None:
    """The letter that a styled character stands for; None for other variants, such as positional forms."""
    plain = unicodedata.normalize("NFKC", character)
    if plain == character:
        return character
    styled = unicodedata.name(character, "").split(" ")[0] in _STYLED
    return plain if styled and is_letter(plain) else None


def _letters_of(font_name: str) -> list[tuple[str, np.ndarray]]:
    """The letters of one font that are drawn in one piece, each with its bitmap (S, S)."""
    font = open_font(font_name)
    characters = [chr(code) for code in sorted(font.get_charmap())]
    if font_name.startswith("cm"):                                           # TeX's fonts follow Unicode in ASCII alone
        characters = [character for character in characters if character.isascii()]
    drawn = [(_base(character), draw_bitmap(font, character)) for character in characters if is_letter(character)]
    return [(character, bitmap) for character, bitmap in drawn if bitmap is not None]


def _digit_lookalikes(font_name: str, letters: list[tuple[str, np.ndarray]]) -> set[str]:
    """Those letters of a font that could be one of its digits, as the Cyrillic Ze is a 3."""
    font = open_font(font_name)
    digits = [bitmap for bitmap in (draw_bitmap(font, digit) for digit in "0123456789") if bitmap is not None]
    return {letter for letter, bitmap in letters for digit in digits if _overlap(bitmap, digit) > _SAME}


def open_font(font_name: str) -> FT2Font:
    """A font out of matplotlib's folder, at the size in which letters are drawn."""
    font = FT2Font(str(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / f"{font_name}.ttf"))
    font.set_size(_POINTS, 72)
    return font


def _overlap(one: np.ndarray, other: np.ndarray) -> float:
    """Intersection over union of two bitmaps."""
    return (one & other).sum() / (one | other).sum()


def draw_bitmap(font: FT2Font, character: str) -> np.ndarray | None:
    """One character as a bool bitmap (S, S), its longer side filling the middle; None if it is not in one piece."""
    font.set_text(character, 0)
    font.draw_glyphs_to_bitmap(antialiased=True)
    ink = np.asarray(font.get_image()) > 127
    if not ink.any() or ndimage.label(ink, np.ones((3, 3)))[1] > 1:
        return None
    rows, columns = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
    ink = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    if ink.shape[1] > 2 * ink.shape[0]:
        return None
    zoom = _ROOM / max(ink.shape)
    ink = ndimage.zoom(ink.astype(np.float32), zoom, order=1, grid_mode=True, mode="grid-constant") > 0.5
    height, width = ink.shape
    bitmap = np.zeros((SIDE, SIDE), bool)
    top, left = (SIDE - height) // 2, (SIDE - width) // 2
    bitmap[top : top + height, left : left + width] = ink
    return bitmap


def _merge_lookalikes(characters: list[str], bitmaps: np.ndarray) -> tuple[str, ...]:
    """Group characters whose first bitmaps overlap by more than `_SAME`."""
    first = {}
    for index, character in enumerate(characters):
        first.setdefault(character, index)
    names = sorted(first)
    ink = bitmaps[[first[name] for name in names]].reshape(len(names), -1).astype(np.float32)   # (L, S * S)
    shared = ink @ ink.T
    size = ink.sum(axis=1)
    same = shared > _SAME * (size[:, None] + size - shared)                  # (L, L)
    count, group = connected_components(csr_array(same))
    members = [""] * count
    for name, index in zip(names, group, strict=True):
        members[index] += name
    return tuple(members)


def thin(bitmaps: np.ndarray) -> np.ndarray:
    """The one pixel wide middle line of each bitmap (Zhang and Suen 1984).

    A pixel goes if it has 2 to 6 inked neighbours, they form one run around it, and it lies on the south-east
    (then, in the second half of each round, the north-west) side.

    Args:
        bitmaps: bool (G, S, S), with an empty border.
    Returns:
        bool (G, S, S).
    """
    ink = bitmaps.copy()
    active = np.arange(len(ink))
    while len(active):
        current = ink[active]
        before = current.sum((1, 2))
        for first_half in (True, False):
            ring = [np.roll(current, shift, (1, 2)) for shift in _CLOCKWISE]
            north, _, east, _, south, _, west, _ = ring
            neighbours = sum(pixel.astype(np.uint8) for pixel in ring)
            runs = sum((~ring[i] & ring[(i + 1) % 8]).astype(np.uint8) for i in range(8))
            if first_half:
                inner = (north & east & south) | (east & south & west)
            else:
                inner = (north & east & west) | (north & south & west)
            current = current & ~((neighbours >= 2) & (neighbours <= 6) & (runs == 1) & ~inner)
        ink[active] = current
        active = active[current.sum((1, 2)) < before]
    return ink


def _distance_to_ink(bitmaps: np.ndarray) -> np.ndarray:
    """Distance of each pixel to the nearest inked one of its own bitmap, in pixels: float (G, S, S)."""
    return ndimage.distance_transform_edt(~bitmaps, sampling=(4 * SIDE, 1, 1))
