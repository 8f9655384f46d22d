"""The champion in production: it scores new pictures, stays champion against a worse model, and is rolled back to."""

import json
import shutil
import sys

import pandas as pd
import pytest
from PIL import Image

from tests.operations.production import PATIENCE_S, Production

pytestmark = pytest.mark.timeout(3 * PATIENCE_S)

PYTHON = sys.executable


def serving(site: Production) -> str:
    """Return the champion's version, as the command prints it."""
    said = site.call(PYTHON, "-m", "flows.champion", "show")
    return said.removeprefix("model ").partition(",")[0]


def test_score_scores_every_file_once_quarantines_unreadable_ones_and_reports_drift(trained):
    site, incoming = trained, trained.root / "incoming"
    incoming.mkdir()
    for path in sorted((site.root / "data/images").iterdir())[:40]:
        try:
            with Image.open(path) as picture:
                picture.convert("RGB").point(lambda value: 128 + value // 2).save(incoming / f"{path.stem}.png")
        except OSError:  # one of the demo's unreadable files
            continue
    (incoming / "torn.jpg").write_bytes(b"no picture")
    run = site.begin("score/nightly")
    ended = site.ended(run)
    assert (ended["state_type"], ended["state_name"]) == ("COMPLETED", "Drifted"), site.log(run)
    assert ended["name"].endswith(f"model {serving(site)}")
    assert "| brightness |" in (told := site.artifact(run, "drift")["data"])
    assert "**drifted**" in told
    assert site.artifact(run, "plot-drift")["data"].startswith("data:image/svg+xml;base64,")
    (aside,) = json.loads(site.artifact(run, "score-quarantine")["data"])
    assert aside["image"] == "torn.jpg"
    shutil.copy(incoming / "torn.jpg", incoming / "again.jpg")  # the same content as before
    again = site.ended(site.begin("score/nightly"))
    assert again["state_name"] == "Cached"
    assert again["state"]["message"].startswith("Nothing is new")
    assert "Nothing is new" in site.call(PYTHON, "-m", "flows.score")
    scored = pd.concat(map(pd.read_parquet, (site.root / "artifacts/scores").glob("*/predictions.parquet")))
    assert scored["image"].is_unique


def test_a_model_of_flipped_labels_is_refused_promoted_by_hand_and_rolled_back(trained):
    site, table = trained, trained.root / "data/train.csv"
    before, good = serving(site), table.read_text(encoding="utf-8")
    lines = good.splitlines()
    flipped = [f"{name},{1 - int(label)}" for name, label in (line.split(",") for line in lines[1:])]
    table.write_text("\n".join([lines[0], *flipped, ""]), encoding="utf-8")
    try:
        run = site.begin()
        refused = site.ended(run)
        assert (refused["state_type"], refused["state_name"]) == ("COMPLETED", "NotPromoted"), site.log(run)
        assert f"The champion stays {before}." in refused["state"]["message"]
        assert "Not promoted" in site.artifact(run, "promotion")["data"]
        assert f"- **champion**: {before}; this model was not promoted. " in site.artifact(run, "summary")["data"]
        assert serving(site) == before
        forced = site.ended(site.begin("promote/by-hand", anyway=True))
        assert forced["state"]["message"].endswith(f"is the champion, after {before}.")
        assert serving(site) != before
        back = site.begin("rollback/by-hand")
        assert site.ended(back)["state"]["message"].startswith(f"The champion is now model {before}.")
        assert site.artifact(back, "rollback")["description"] == site.run(back)["state"]["message"]
        assert serving(site) == before
    finally:
        table.write_text(good, encoding="utf-8")
    # the old labels give the old model, byte for byte: it is already the champion
    restored = site.begin()
    assert site.ended(restored)["state_type"] == "COMPLETED", site.log(restored)
    assert (site.tasks(restored)["train"], site.tasks(restored)["promote"]) == ("Completed", "Cached")
    assert serving(site) == before
