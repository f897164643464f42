import unicodedata

import numpy as np
import pytest
import torch
from scipy import ndimage

from tlkit.data.glyphs import FONTS, draw_bitmap, draw_letters, example_letters, is_letter, open_font, thin
from tlkit.data.handwriting import BITMAP_SIDE, Hand, write, write_bitmaps

FEW_FONTS = ("DejaVuSansMono", "STIXGeneral", "cmr10")


@pytest.fixture(scope="module")
def letters():
    return draw_letters(FEW_FONTS)


def test_no_letter_is_a_digit_or_stands_for_a_number(letters):
    for character in "".join(letters.classes):
        assert unicodedata.category(character).startswith("L")
        assert unicodedata.numeric(character, None) is None
    assert not any(is_letter(character) for character in "0123456789²½Ⅷ٣ƻƽ𝟘𝟿")


def test_no_letter_could_be_a_digit_of_its_font(letters):
    characters = set("".join(letters.classes))
    assert "З" not in characters                                             # the Cyrillic Ze, which is a 3
    for name in FEW_FONTS:
        font = open_font(name)
        digits = [draw_bitmap(font, digit) for digit in "12345678"]
        for character in filter(characters.__contains__, "ABCDEFGJKabcdefghkmn"):
            bitmap = draw_bitmap(font, character)
            if bitmap is not None:
                assert all((bitmap & digit).sum() < 0.86 * (bitmap | digit).sum() for digit in digits if digit is not None)


def test_letters_that_look_the_same_are_one_class(letters):
    assert any({"A", "Α", "А"} <= set(members) for members in letters.classes)
    assert len(letters.classes) > 300 and len(set("".join(letters.classes))) == len("".join(letters.classes))


def test_drawing_twice_gives_the_same(letters):
    again = draw_letters(FEW_FONTS)
    assert torch.equal(again.fields, letters.fields) and torch.equal(again.labels, letters.labels)
    assert again.classes == letters.classes


def test_fonts_are_all_there():
    assert all(draw_bitmap(open_font(name), "B") is not None for name in FONTS)


def test_a_thinned_letter_stays_in_one_piece_keeps_its_holes_and_is_thin():
    font = open_font("DejaVuSans")
    for character in "ABCDHOQRSXgΩЖ":
        bitmap = draw_bitmap(font, character)
        line = thin(bitmap[None])[0]
        assert not (line & ~bitmap).any()
        assert ndimage.label(line, np.ones((3, 3)))[1] == 1
        assert ndimage.label(~line)[1] == ndimage.label(~bitmap)[1]
        assert not ndimage.binary_erosion(line, np.ones((3, 3))).any()


def test_writing_is_decided_by_the_seed(letters):
    fields = letters.fields[:20].float()
    once, again, other = (write(fields, Hand(), torch.Generator().manual_seed(seed)) for seed in (5, 5, 6))
    assert torch.equal(once, again) and not torch.equal(once, other)


def test_writing_counts_ink_in_blocks_as_the_digits_do(letters):
    drawn = torch.arange(0, len(letters.labels), 40)
    fields = letters.fields[drawn].float()
    bitmaps = write_bitmaps(fields, Hand(), torch.Generator().manual_seed(0))
    images = write(fields, Hand(), torch.Generator().manual_seed(0))
    counts = bitmaps.reshape(-1, 8, 4, 8, 4).sum(dim=(2, 4))
    assert bitmaps.shape[-1] == BITMAP_SIDE and set(bitmaps.unique().tolist()) == {0.0, 1.0}
    assert torch.equal(images[:, 0] * 16, counts)


def test_every_letter_gets_the_ink_that_was_asked_for(letters):
    hand = Hand(ink=300, ink_spread=0)
    bitmaps = write_bitmaps(letters.fields[:50].float(), hand, torch.Generator().manual_seed(0))
    assert ((bitmaps.sum(dim=(1, 2, 3)) - 300).abs() <= 2).all()


def test_examples_are_letters_written_by_the_seeds_hand():
    images, names = example_letters(count=6, seed=3)
    again, other = example_letters(count=6, seed=3), example_letters(count=6, seed=4)
    assert images.shape == (6, 8, 8) and images.dtype == np.float32 and 0 <= images.min() < images.max() <= 1
    assert len(set(names)) == 6 and all(is_letter(name) for name in names)
    assert np.array_equal(images, again[0]) and names == again[1] and not np.array_equal(images, other[0])
    assert (images.sum((1, 2)) > 5).all()                                    # ink, of 64 pixels' worth
