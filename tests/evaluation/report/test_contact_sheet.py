"""The contact sheet shows the views that training used, and only training faces."""

import base64
import io
from dataclasses import replace

import numpy as np
import pandas as pd
from PIL import Image

from facegender.evaluation.report.contact_sheet import SIDE, choose_faces, describe_operations, make_contact_sheet
from facegender.params.augment import POLICIES, AugmentParams, params_for_ranges
from facegender.pictures.augment import make_view
from facegender.pictures.decode import decode
from tests.small_evaluation import provenance


def made(augment: dict[str, object], views: int) -> dict[str, object]:
    values = provenance()
    values["params"] = {"augment": augment, "features": {"views": views, "seed": 5}, "train": {"epochs": 3}}
    return values


def test_faces_are_training_faces_of_both_labels_evenly_spread() -> None:
    splits = pd.DataFrame({"image": [f"{n:02d}" for n in range(20)], "label": list("01") * 10, "fold": -1})
    splits.loc[[0, 1], "fold"] = [0, -2]
    # label 0 has nine names, 02, 04 ... 18: positions 0, 8/3, 16/3 and 8; label 1 has the names one higher
    assert choose_faces(splits) == ["02", "03", "06", "07", "12", "13", "18", "19"]
    assert choose_faces(splits[:5]) == ["02", "03"]  # label 1 has only one


def test_the_strips_are_the_views_that_training_used(case) -> None:
    splits = case.inputs.splits.assign(fold=-1)
    sheet = make_contact_sheet(case.layout.images, splits, case.inputs.index, made(POLICIES["strong"], 4))
    assert (sheet.policy, sheet.count, sheet.mirrored, len(sheet.strips)) == ("strong", 4, False, 8)
    strip = sheet.strips[0]
    pixels = decode(case.layout.images / strip.image, 96)
    sha256 = case.index.set_index("image")["sha256"][strip.image]
    for view, uri in enumerate(strip.views):
        shown = Image.open(io.BytesIO(base64.b64decode(uri.split(",")[1])))
        assert shown.size == (SIDE, SIDE)
        expected = make_view(pixels, params_for_ranges(POLICIES["strong"]), 5, sha256, view)
        # JPEG and scaling change single pixels, but keep the mean of the noise
        assert np.abs(np.asarray(shown).mean((0, 1)) - expected.mean((0, 1))).max() < 4


def test_without_augmentation_there_is_none_and_online_mode_has_one_view_an_epoch(case) -> None:
    splits = case.inputs.splits.assign(fold=-1)
    tables = case.layout.images, splits, case.inputs.index
    assert make_contact_sheet(*tables, made({}, 1)) is None
    assert make_contact_sheet(*tables, made(POLICIES["standard"], 1)) is None
    online = make_contact_sheet(*tables, made(POLICIES["standard"], 0))
    assert online.count == 3
    assert {len(strip.views) for strip in online.strips} == {3}


def test_operations_in_words() -> None:
    assert describe_operations(AugmentParams(policy="flip")) == ["mirrored"]
    assert describe_operations(AugmentParams(policy="none", erase=0.2, rotation=7.5)) == [
        "rotated by up to 7.5 degrees",
        "covered with noise on up to 20% of the area",
    ]


def test_the_report_shows_the_sheet(case, evaluated, tmp_path) -> None:
    html = (evaluated / "report.html").read_text()
    assert html.count('<ul class="sheet">') == 1
    assert "(policy <code>standard</code>)" in html
    assert html.count(', view 1">') == 8
    assert "Every face has 2 views, each of which was also used mirrored." in html
    plain = replace(case.inputs, provenance={**case.inputs.provenance, "params": made({}, 1)["params"]})
    case.write(tmp_path, inputs=plain)
    assert "sheet" not in (tmp_path / "report.html").read_text().split("</style>")[1]
