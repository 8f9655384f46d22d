"""Views depend on content, number and seed; operations do what they say; a policy sets the ranges."""

import re
from pathlib import Path

import numpy as np
import pytest

from facegender.params.augment import POLICIES, AugmentParams, params_for_ranges
from facegender.params.reading import read_params
from facegender.pictures.affine import warp_affine
from facegender.pictures.augment import augment, erase, make_view, tone_curve, view_rng

STILL = AugmentParams(policy="none")


def a_picture() -> np.ndarray:
    return np.random.default_rng(1).integers(0, 256, (32, 32, 3)).astype(np.uint8)


def test_the_same_arguments_give_the_same_view() -> None:
    first = augment(a_picture(), AugmentParams(), view_rng(7, "ab", 3))
    again = augment(a_picture(), AugmentParams(), view_rng(7, "ab", 3))
    assert np.array_equal(first, again)


def test_seed_content_and_number_each_change_the_view() -> None:
    views = [
        augment(a_picture(), AugmentParams(), view_rng(*source))
        for source in [(7, "ab", 3), (8, "ab", 3), (7, "ac", 3), (7, "ab", 4)]
    ]
    assert all(not np.array_equal(views[0], other) for other in views[1:])


def test_policy_none_changes_nothing() -> None:
    assert np.array_equal(augment(a_picture(), STILL, view_rng(7, "ab", 3)), a_picture())


def test_half_of_the_views_are_mirrored() -> None:
    params = AugmentParams(policy="flip")
    mirrored = [
        np.array_equal(augment(a_picture(), params, view_rng(7, "ab", view)), a_picture()[:, ::-1])
        for view in range(200)
    ]
    # binomial with p = 0.5, n = 200: outside 70..130 once in 25,000 seeds
    assert 70 < sum(mirrored) < 130


def test_a_shift_moves_right_and_down() -> None:
    moved = warp_affine(a_picture(), 0.25, 0.125, 0.0, 1.0)  # 8 pixels right, 4 down
    assert np.array_equal(moved[4:, 8:], a_picture()[:-4, :-8])


def test_the_border_is_the_mirror_image() -> None:
    moved = warp_affine(a_picture(), 0.25, 0.0, 0.0, 1.0)
    assert np.array_equal(moved[:, :8], a_picture()[:, 7::-1])


def test_a_quarter_turn_is_counter_clockwise() -> None:
    turned = warp_affine(a_picture(), 0.0, 0.0, np.pi / 2, 1.0).astype(int)
    assert np.abs(turned - np.rot90(a_picture())).max() <= 1  # OpenCV rounds fixed-point weights


def test_scaling_by_two_doubles_a_block() -> None:
    picture = np.zeros((32, 32, 3), np.uint8)
    picture[12:20, 12:20] = 200
    scaled = warp_affine(picture, 0.0, 0.0, 0.0, 2.0)
    assert (scaled[9:23, 9:23] == 200).all()  # 16 pixels around the centre, without the blurred edge
    assert (scaled[:7] == 0).all()


def test_tone_curve_by_hand() -> None:
    flat = np.full((4, 4, 3), 100, np.uint8)
    curve = tone_curve(flat, 1.0, 2.0)
    assert curve[100] == 100  # the mean stays
    assert curve[110] == 120  # ten above becomes twenty above
    assert tone_curve(flat, 1.5, 1.0)[100] == 150
    assert tone_curve(flat, 1.5, 1.0)[255] == 255


def test_brightness_and_contrast_are_the_curve_over_every_pixel() -> None:
    params = AugmentParams(policy="none", brightness=0.2, contrast=0.2)
    drawn = view_rng(7, "ab", 3)
    _angle, _scale, brightness, contrast = (drawn.uniform(1 - width, 1 + width) for width in (0.0, 0.0, 0.2, 0.2))
    expected = tone_curve(a_picture(), brightness, contrast)[a_picture()]
    assert np.array_equal(augment(a_picture(), params, view_rng(7, "ab", 3)), expected)


def test_erasing_covers_one_rectangle_of_the_requested_area() -> None:
    grey = np.full((100, 100, 3), 128, np.uint8)
    for seed in range(50):
        changed = (erase(grey, 0.2, np.random.default_rng(seed)) != grey).any(axis=2)
        rows, columns = np.flatnonzero(changed.any(axis=1)), np.flatnonzero(changed.any(axis=0))
        height, width = rows[-1] - rows[0] + 1, columns[-1] - columns[0] + 1
        # sides are rounded to pixels: at 2% of the area, 8 by 25, half a pixel on each side is a tenth more
        assert 0.9 * 0.02 <= height * width / 10_000 <= 1.1 * 0.2
        assert 0.3 <= height / width <= 3.3
        # one of 256 ^ 3 colours is the grey itself
        assert changed.sum() >= 0.99 * height * width


def test_erasing_leaves_the_rest_of_a_view_as_it_was() -> None:
    without = [augment(a_picture(), AugmentParams(), view_rng(7, "ab", view)) for view in range(200)]
    having = [augment(a_picture(), AugmentParams(erase=0.2), view_rng(7, "ab", view)) for view in range(200)]
    shares = np.array([(one != other).any(axis=2).mean() for one, other in zip(without, having, strict=True)])
    assert 70 < (shares > 0).sum() < 130  # half of the views, as in the mirror test above
    assert shares.max() < 0.25


def test_a_policy_sets_the_ranges_and_a_number_beside_it_overrides() -> None:
    assert AugmentParams().ranges() == AugmentParams(policy="standard").ranges() == POLICIES["standard"]
    changed = AugmentParams.model_validate({"policy": "strong", "rotation": 5.0, "erase": 0, "zoom": None})
    expected = {**POLICIES["strong"], "rotation": 5.0}
    del expected["erase"]
    assert changed.ranges() == expected
    assert params_for_ranges(expected).ranges() == expected
    assert params_for_ranges(dict(POLICIES["strong"])).policy == "strong"


def test_the_comments_of_params_yaml_match_the_ranges_of_the_policies(checkout: Path) -> None:
    text = (checkout / "params.yaml").read_text(encoding="utf-8")
    for key in set(AugmentParams.model_fields) - {"policy"}:
        found = re.search(rf"^  {key}: null  .*  (\S+) +(\S+) +(\S+)$", text, flags=re.MULTILINE)
        assert found, key
        written = [{"true": 1.0}.get(cell) or float(cell) for cell in found.groups()]
        assert written == [float(POLICIES[name].get(key, 0)) for name in ("flip", "standard", "strong")], key


def test_an_unknown_policy_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    path.write_text("augment: {policy: weak}")
    with pytest.raises(Exception, match=r"augment\.policy: Input should be 'none', 'flip', 'standard' or 'strong'"):
        read_params(path)


def test_flip_has_two_views_and_none_has_one() -> None:
    mirror = AugmentParams(policy="flip")
    assert (AugmentParams(policy="none").distinct_views, mirror.distinct_views, AugmentParams().distinct_views) == (
        1,
        2,
        None,
    )
    views = [make_view(a_picture(), mirror, 7, "ab", view) for view in range(4)]
    assert [np.array_equal(view, a_picture()) for view in views] == [True, False, True, False]
    assert np.array_equal(views[1], a_picture()[:, ::-1])
    assert np.array_equal(make_view(a_picture(), STILL, 7, "ab", 3), a_picture())
