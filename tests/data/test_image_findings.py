"""Pictures that are missing, broken, odd, or outside the folder."""

import hashlib
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from facegender.data.reader_process import ImageFolder
from facegender.data.reader_protocol import Limits
from facegender.params.sections import ValidateParams
from tests.small_data import Data, reason


def test_the_digest_is_that_of_the_file(data: Data) -> None:
    (data.layout.images / "a0.png").write_bytes(b"no picture")
    index, _ = data.run()
    assert index["sha256"][0] == hashlib.sha256(b"no picture").hexdigest()


def test_unusable_pictures_are_quarantined_with_a_reason(data: Data) -> None:
    images = data.layout.images
    (images / "a0.png").unlink()
    (images / "a1.png").write_bytes(b"")
    (images / "a2.png").write_bytes(b"text")
    (images / "a3.png").write_bytes((images / "a3.png").read_bytes()[:-2000])
    data.draw("a4.png", 50, side=31)
    (images / "a5.png").unlink()
    (images / "a5.png").mkdir()
    index, report = data.run()
    assert reason(index, "a0.png") == "the file is missing"
    assert reason(index, "a1.png") == "empty file"
    assert reason(index, "a2.png") == "not a picture in a known format"
    assert reason(index, "a3.png").startswith("cannot be decoded: image file is truncated")
    assert reason(index, "a4.png") == "31x31 pixels, less than min_side = 32"
    assert reason(index, "a5.png") == "not a file"
    assert index["width"].isna().sum() == index["phash"].isna().sum() == index["mode"].isna().sum() == 5
    assert index["sha256"].isna().tolist()[:6] == [True, False, False, False, False, True]
    assert report["counts"]["train_quarantined"] == len(report["quarantined"]) == 6
    assert report["quarantined"][0] == {"image": "a0.png", "role": "train", "reason": "the file is missing"}
    assert report["class_counts"] == {"0": 4, "1": 10}


def test_pictures_over_the_limits_are_quarantined(data: Data) -> None:
    data.draw("a0.png", 50, side=60)
    index, _ = data.run(ValidateParams(max_quarantined=1.0, max_pixels=3599))
    assert reason(index, "a0.png") == "60x60 pixels, more than max_pixels = 3599"
    size = (data.layout.images / "a0.png").stat().st_size
    index, _ = data.run(ValidateParams(max_quarantined=1.0, max_bytes=size - 1))
    assert reason(index, "a0.png") == f"{size} bytes, more than max_bytes = {size - 1}"


def test_a_file_without_read_permission(data: Data, monkeypatch: pytest.MonkeyPatch) -> None:
    def lstat(path: str) -> os.stat_result:
        raise PermissionError(13, "Permission denied")

    # a real permission would not do: in containers root runs the tests and can read everything
    monkeypatch.setattr("facegender.data.reader_process.os.lstat", lstat)
    images = ImageFolder(str(data.layout.images), Limits(1000, 1000)).read(["a0.png", "a1.png"])
    assert images.reasons == dict.fromkeys((0, 1), "cannot be read: Permission denied")
    assert (images.size, images.mode) == ([-1, -1], [None, None])


def test_unreadable_test_pictures_are_marked_but_do_not_stop_the_run(data: Data) -> None:
    (data.layout.images / "t0.png").unlink()
    data.draw("t1.png", 50, side=20)
    index, report = data.run(ValidateParams(max_quarantined=0.0))
    assert reason(index, "t0.png") == "the file is missing"
    assert reason(index, "t1.png") is None  # small ones are scored all the same
    assert report["counts"]["test_unreadable"] == 1


def test_files_without_a_row_are_counted(data: Data) -> None:
    (data.layout.images / "more").mkdir()
    for name in ("z.png", "more/y.png", ".hidden"):
        (data.layout.images / name).write_bytes(b"")
    _, report = data.run()
    assert report["counts"]["files_without_a_row"] == 2
    assert report["warnings"] == ["images: 2 files have no row in train.csv or test.csv: more/y.png, z.png"]


def test_pictures_in_subfolders(data: Data) -> None:
    (data.layout.images / "sub").mkdir()
    data.draw("sub/c.png", 60)
    data.train.append("sub/c.png,1")
    index, report = data.run()
    assert reason(index, "sub/c.png") is None
    assert report["warnings"] == []


def test_links_out_of_the_folder_are_refused(data: Data, tmp_path: Path) -> None:
    secret = data.draw("secret.png", 70).rename(tmp_path / "secret.png")
    (data.layout.images / "c.png").symlink_to(secret)
    data.train.append("c.png,1")
    message = data.error()
    assert message.startswith("images/c.png: an image must lie in the images folder itself. Received: a link to ")
    assert "secret.png" in message


def test_linked_subfolders_are_refused(data: Data, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    data.draw("secret.png", 70).rename(tmp_path / "elsewhere" / "secret.png")
    (data.layout.images / "sub").symlink_to(tmp_path / "elsewhere")
    data.train.append("sub/secret.png,1")
    assert data.error().startswith("images/sub/secret.png: an image must lie in the images folder itself")


def test_links_inside_the_folder_and_a_linked_images_folder_are_allowed(data: Data, tmp_path: Path) -> None:
    (data.layout.images / "c.png").symlink_to("a0.png")
    data.train.append("c.png,0")
    data.layout.images.rename(tmp_path / "real")
    data.layout.images.symlink_to(tmp_path / "real")
    index, _ = data.run()
    assert index.set_index("image")["group"]["c.png"] == 0


def test_a_picture_rotated_by_exif_is_measured_upright_and_grouped_with_its_upright_copy(data: Data) -> None:
    picture = Image.fromarray(np.random.default_rng(1).integers(0, 256, (40, 60, 3), dtype=np.uint8))
    picture.save(data.layout.images / "a0.png")
    exif = Image.Exif()
    exif[0x0112] = 6  # orientation: to be shown after a quarter turn clockwise
    picture.transpose(Image.Transpose.ROTATE_90).save(data.layout.images / "a1.png", exif=exif)
    index, _ = data.run()
    assert index.loc[:1, ["width", "height"]].to_numpy().tolist() == [[60, 40], [60, 40]]
    assert index["phash"][0] == index["phash"][1]
    assert index["group"][0] == index["group"][1]
