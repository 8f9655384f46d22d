import numpy as np
import pytest
from PIL import Image

from facegender.pictures.decode import Undecodable
from facegender.pictures.traits import classify_shape, measure_light, measure_traits


def flat(red, green, blue):
    return np.full((16, 16, 3), (red, green, blue), np.uint8)


def test_flat_colours_by_hand():
    assert measure_light(flat(255, 255, 255)) == ("1.000", "0.000", "0", "grey")
    assert measure_light(flat(255, 0, 0)) == ("0.299", "0.000", "0", "colour")
    assert measure_light(flat(100, 102, 101))[3] == "grey"  # within the difference that JPEG may leave


def test_halves_have_contrast_and_an_edge():
    pixels = flat(0, 0, 0)
    pixels[:, 8:] = 255
    brightness, contrast, sharpness, _ = measure_light(pixels)
    assert (brightness, contrast) == ("0.500", "0.500")
    # of 14 inner columns the two at the edge have a Laplacian of 1 and -1: sqrt(2 / 14)
    assert sharpness == f"{1000 * (2 / 14) ** 0.5:.0f}"


SHAPES = [((100, 100), "square"), ((100, 111), "upright"), ((111, 100), "wide"), ((100, 109), "square")]


@pytest.mark.parametrize(("size", "name"), SHAPES)
def test_shapes(size, name):
    assert classify_shape(*size) == name


def test_a_row_for_each_file_in_order(tmp_path):
    Image.new("RGB", (40, 20), "white").save(tmp_path / "a.png")
    Image.new("L", (30, 30)).save(tmp_path / "b.png")
    table = measure_traits([tmp_path / "a.png", tmp_path / "b.png"], np.array([40, 30]), np.array([20, 30]))
    assert table["brightness"].tolist() == ["1.000", "0.000"]
    assert table["shorter side"].tolist() == ["20", "30"]
    assert table["shape"].tolist() == ["wide", "square"]
    assert table["colour"].tolist() == ["grey", "grey"]


def test_a_file_that_is_not_a_picture_is_an_error(tmp_path):
    with pytest.raises(Undecodable, match="missing"):
        measure_traits([tmp_path / "gone.png"], np.array([1]), np.array([1]))
