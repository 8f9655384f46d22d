"""Views depend on content, number and seed; each operation does what it says."""

import numpy as np

from facegender.augment import augment, move, tone_curve, view_rng
from facegender.params import AugmentParams

STILL = AugmentParams(flip=False, shift=0, rotation=0, zoom=0, brightness=0, contrast=0)


def a_picture() -> np.ndarray:
    return np.random.default_rng(1).integers(0, 256, (32, 32, 3)).astype(np.uint8)


def test_the_same_view_is_drawn_again() -> None:
    first = augment(a_picture(), AugmentParams(), view_rng(7, "ab", 3))
    again = augment(a_picture(), AugmentParams(), view_rng(7, "ab", 3))
    assert np.array_equal(first, again)


def test_seed_content_and_number_each_change_the_view() -> None:
    views = [
        augment(a_picture(), AugmentParams(), view_rng(*source))
        for source in [(7, "ab", 3), (8, "ab", 3), (7, "ac", 3), (7, "ab", 4)]
    ]
    assert all(not np.array_equal(views[0], other) for other in views[1:])


def test_nothing_asked_nothing_done() -> None:
    assert np.array_equal(augment(a_picture(), STILL, view_rng(7, "ab", 3)), a_picture())


def test_half_of_the_views_are_mirrored() -> None:
    params = STILL.model_copy(update={"flip": True})
    mirrored = [
        np.array_equal(augment(a_picture(), params, view_rng(7, "ab", view)), a_picture()[:, ::-1])
        for view in range(200)
    ]
    # binomial with p = 0.5, n = 200: outside 70..130 once in 25,000 seeds
    assert 70 < sum(mirrored) < 130


def test_a_shift_moves_right_and_down() -> None:
    moved = move(a_picture(), 0.25, 0.125, 0.0, 1.0)  # 8 pixels right, 4 down
    assert np.array_equal(moved[4:, 8:], a_picture()[:-4, :-8])


def test_what_comes_in_is_the_mirror_image() -> None:
    moved = move(a_picture(), 0.25, 0.0, 0.0, 1.0)
    assert np.array_equal(moved[:, :8], a_picture()[:, 7::-1])


def test_a_quarter_turn_is_counter_clockwise() -> None:
    turned = move(a_picture(), 0.0, 0.0, np.pi / 2, 1.0).astype(int)
    assert np.abs(turned - np.rot90(a_picture())).max() <= 1  # Pillow's fixed-point weights round


def test_scaling_by_two_doubles_a_block() -> None:
    picture = np.zeros((32, 32, 3), np.uint8)
    picture[12:20, 12:20] = 200
    scaled = move(picture, 0.0, 0.0, 0.0, 2.0)
    assert (scaled[9:23, 9:23] == 200).all()  # 16 pixels about the centre, less the blurred rim
    assert (scaled[:7] == 0).all()


def test_tone_curve_by_hand() -> None:
    flat = np.full((4, 4, 3), 100, np.uint8)
    curve = tone_curve(flat, 1.0, 2.0)
    assert curve[100] == 100  # the mean stays
    assert curve[110] == 120  # ten above becomes twenty above
    assert tone_curve(flat, 1.5, 1.0)[100] == 150
    assert tone_curve(flat, 1.5, 1.0)[255] == 255
