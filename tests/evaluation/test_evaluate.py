"""The stages evaluate and submit on files, with a tiny Keras model that tells red pictures from blue ones."""

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from facegender.decision.calibration import Calibrator
from facegender.decision.decision import Decision
from facegender.decision.fitting import Choices
from facegender.errors import UserError
from facegender.evaluation.breakdowns import slices_to_equalise
from facegender.evaluation.evaluate import evaluate, held_rows, judge_rows
from facegender.evaluation.predictions import choices_from
from facegender.files.layout import Layout
from facegender.params.sections import SubmitParams
from facegender.params.stage_params import EvaluateStageParams, SubmitStageParams
from facegender.scoring.submit import submit
from tests.small_evaluation import CLASSES, Case

# NumPy 2 warns when Keras 3.15 saves TensorFlow's variables
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy:DeprecationWarning")


@pytest.fixture
def files(model: Path, case: Case, tmp_path: Path) -> Layout:
    """A copy of the case on disk, as earlier stages leave it, with a test set and a sample submission."""
    layout = Layout(tmp_path / "data", tmp_path / "artifacts")
    shutil.copytree(case.layout.data, layout.data)
    layout.artifacts.mkdir()
    layout.model.symlink_to(model)
    images = case.index["image"].tolist()
    tests = pd.DataFrame(
        {"image": ["t1.png", "broken.png", "t0.png"], "role": "test", "status": ["ok", "quarantined", "ok"]}
    )
    tests["reason"] = [None, "truncated", None]
    shutil.copy(layout.images / images[int(np.flatnonzero(case.index["label"] == "1")[0])], layout.images / "t1.png")
    shutil.copy(layout.images / images[int(np.flatnonzero(case.index["label"] == "0")[0])], layout.images / "t0.png")
    (layout.images / "broken.png").write_bytes(b"no picture")
    pd.concat([case.index, tests], ignore_index=True).to_parquet(layout.index)
    case.inputs.splits.to_parquet(layout.splits)
    layout.validation.write_text(json.dumps(case.inputs.facts))
    layout.decision.parent.mkdir()
    layout.decision.write_text(json.dumps(Decision(Calibrator("none"), 0.5, 0.1, 1.0).as_dict()))
    layout.sample_submission.write_text("image_names,class\nt0.png,0\nbroken.png,0\nt1.png,0\n")
    return layout


def test_evaluate_judges_the_image_files(files, case):
    evaluate(files, case.params)
    predictions = pd.read_parquet(files.evaluation / "predictions.parquet")
    of_contract = ["image", "label", "probability", "predicted", "fold", "group"]
    assert list(predictions.columns) == [*of_contract, "raw_probability", "abstain", "covered", "views"]
    assert len(predictions) == 100
    assert (predictions["predicted"] == predictions["label"]).all()
    assert json.loads((files.evaluation / "metrics.json").read_text())["accuracy"]["value"] == 1.0
    plots = {path.name for path in (files.evaluation / "plots").iterdir()}
    tables = {"confusion", "roc", "precision_recall", "reliability", "reliability_raw", "coverage_risk"}
    drawn = tables | {"histogram", "learning_loss", "learning_accuracy"}
    assert plots == {f"{name}.json" for name in tables} | {f"{name}.svg" for name in drawn}
    records = json.loads((files.evaluation / "plots" / "confusion.json").read_text())
    assert len(records) == 100
    assert records[0].keys() == {"actual", "predicted"}


def evaluate_to_bytes(files: Layout, params: EvaluateStageParams) -> dict[str, bytes]:
    evaluate(files, params)
    out = files.evaluation
    return {path.relative_to(out).as_posix(): path.read_bytes() for path in out.rglob("*") if path.is_file()}


def test_the_same_inputs_give_the_same_bytes(files, case):
    one, two = (evaluate_to_bytes(files, case.params) for _ in range(2))
    assert len(one) == 23
    assert [name for name in one if one[name] != two[name]] == []


def test_an_image_that_changed_since_validate_is_refused_and_the_old_evaluation_stays(files, case):
    evaluate(files, case.params)
    before = (files.evaluation / "metrics.json").read_bytes()
    name = case.predictions["image"].iloc[3]
    (files.images / name).write_bytes(b"")
    with pytest.raises(UserError, match=r"face <3> & co\.png: a validation image must be as it was .*empty file"):
        evaluate(files, case.params)
    assert (files.evaluation / "metrics.json").read_bytes() == before


def run_submit(model: Path, files: Layout, **params: object) -> None:
    submit(files, SubmitStageParams(submit=SubmitParams(**params)))


def test_submit_writes_labels_in_the_samples_rows(model, files):
    run_submit(model, files)
    # 0.45 of the training rows are positive, so an image that cannot be read gets 0
    assert files.submission.read_bytes() == b"image_names,class\nt0.png,0\nbroken.png,0\nt1.png,1\n"
    table = pd.read_parquet(files.predictions_test).set_index("image")
    assert table["status"].to_dict() == {"t1.png": "scored", "broken.png": "fallback", "t0.png": "scored"}
    assert table.loc["broken.png", "reason"] == "truncated"
    assert table.loc["broken.png", "probability"] == 0.45


def test_submit_keeps_the_samples_separator(model, files):
    files.sample_submission.write_text(files.sample_submission.read_text().replace(",", ";"))
    facts = json.loads(files.validation.read_text())
    facts["csv"]["sample_submission.csv"]["separator"] = ";"
    files.validation.write_text(json.dumps(facts))
    run_submit(model, files)
    assert files.submission.read_bytes() == b"image_names;class\nt0.png;0\nbroken.png;0\nt1.png;1\n"


def test_submit_writes_probabilities(model, files):
    run_submit(model, files, form="probabilities")
    written = pd.read_csv(files.submission).set_index("image_names")["class"]
    assert written["broken.png"] == 0.45
    # colours (200, 90, 60) and (60, 90, 200): logits 4 * 140 / 255, plus and minus
    assert written["t1.png"] == pytest.approx(1 / (1 + np.exp(-4 * 140 / 255)), abs=1e-6)
    assert written["t0.png"] == pytest.approx(1 - written["t1.png"], abs=1e-6)


def test_submit_falls_back_for_a_test_image_that_broke_since_validate(model, files):
    (files.images / "t1.png").write_bytes(b"")
    run_submit(model, files)
    table = pd.read_parquet(files.predictions_test).set_index("image")
    assert table.loc["t1.png", ["status", "label", "reason"]].tolist() == ["fallback", "0", "empty file"]


def test_a_sample_that_cannot_be_filled_leaves_the_old_submission(model, files):
    files.submission.write_text("old")
    files.sample_submission.write_text("image_names,class\nt0.png,0\n")
    with pytest.raises(UserError, match=r"no row for t1.png"):
        run_submit(model, files)
    assert files.submission.read_text() == "old"
    assert not files.predictions_test.exists()


def splits_of(*folds):
    count = len(folds)
    labels = ["0", "1"] * count
    return pd.DataFrame({"image": range(count), "label": labels[:count], "group": range(count), "fold": folds})


def test_no_validation_row_is_refused():
    with pytest.raises(UserError, match=r"splits.parquet: at least one row must be set apart for validation"):
        held_rows(splits_of(-1, -2), Path("splits.parquet"))


def test_only_rows_kept_out_of_training_are_judged():
    assert held_rows(splits_of(0, -1, -2, 0), Path("splits.parquet"))["image"].tolist() == [0, 2, 3]


def with_rule(case: Case, rule: str) -> EvaluateStageParams:
    return case.params.model_copy(update={"evaluate": case.params.evaluate.model_copy(update={"threshold": rule})})


def test_a_rule_over_slices_reads_the_column_it_names(case):
    held = held_rows(case.inputs.splits, Path("splits.parquet"))
    params = with_rule(case, "equal_error(age)")
    slices = slices_to_equalise(held, case.layout, case.inputs, params)
    # "3-9", "10-19", and 10 rows of "70+", which are too few
    assert sorted(np.bincount(slices.member + 1))[0] == 10
    assert set(slices.member) == {-1, 0, 1}
    raw = case.predictions["raw_probability"].to_numpy()
    decision, _ = judge_rows(held, raw, CLASSES, choices_from(params.evaluate), slices)
    best, _ = judge_rows(held, raw, CLASSES, choices_from(with_rule(case, "balanced_accuracy").evaluate), slices)
    assert decision.threshold != best.threshold
    assert slices_to_equalise(held, case.layout, case.inputs, case.params) is None


def test_a_rule_over_a_missing_column_is_refused(case):
    held = held_rows(case.inputs.splits, Path("splits.parquet"))
    with pytest.raises(UserError, match=r"must name a column of attributes.csv: age. Received: skin"):
        slices_to_equalise(held, case.layout, case.inputs, with_rule(case, "equal_error(skin)"))


AS_IT_IS = Choices("none", 0.5, 0.1, 5, 1)


def test_the_threshold_itself_is_positive():
    _, table = judge_rows(splits_of(0, 0), np.array([0.5, 0.25]), CLASSES, AS_IT_IS)
    assert table["predicted"].tolist() == ["1", "0"]


def test_a_holdout_is_reported_and_the_fit_is_on_validation_rows():
    # labels 0 1 0 1 ...: on the validation rows the model says the opposite
    raw = np.array([0.9, 0.1, 0.9, 0.1, 0.6, 0.4])
    decision, table = judge_rows(splits_of(0, 0, 0, 0, -2, -2), raw, CLASSES, Choices("temperature", 0.5, 0.1, 5, 1))
    assert table["image"].tolist() == [4, 5]
    assert decision.calibrator.temperature == 100  # the largest that is tried: probabilities close to 50%
    assert table["probability"].tolist() == pytest.approx([0.5, 0.5], abs=0.002)
