"""The stage `submit`: predict the test images, and write and check the submission in the form of its sample.

Rows are joined by image name, never by order. A test image that cannot be read still gets a row: the majority label of
the training rows or, for probabilities, the fraction of training rows in the positive class. Its status in
predictions_test.parquet is `fallback`, with the reason.
"""

import numpy as np
import pandas as pd

from facegender.data.tables import read_table
from facegender.decision.classes import Classes, read_classes
from facegender.decision.decision import Decision, read_decision
from facegender.files.atomic import atomic_file
from facegender.files.image_names import ImagePaths
from facegender.files.json_files import read_json
from facegender.files.layout import Layout
from facegender.files.parquet import read, write
from facegender.params.stage_params import SubmitStageParams
from facegender.scoring.submission_form import check_sample, check_submission, fill_sample, read_sample


def submit(layout: Layout, params: SubmitStageParams) -> None:
    """Score the test images and write submission.csv and predictions_test.parquet.

    Views, calibration and threshold come from the model's evaluation.

    Raises
    ------
    UserError
        sample_submission.csv cannot be filled in. Nothing is written in this case.
    """
    from facegender.scoring.score import score  # imports TensorFlow

    classes = read_classes(layout.model)
    facts = read_json(layout.validation)
    path = layout.sample_submission
    sample = read_sample(path, facts["image_column"], facts["label_column"])
    test = read(layout.index, ["image", "status", "reason"], [("role", "==", "test")])
    check_sample(sample, test["image"], classes, params.submit.form, path.name)

    usable = test.loc[test["status"] == "ok", "image"].reset_index(drop=True)
    decision = read_decision(layout.decision)
    scores = score(layout.model, ImagePaths(layout.images, usable), decision.views)
    scored = pd.DataFrame({"image": usable, "probability": scores.probabilities, "reason": scores.reasons})
    predicted = tabulate_predictions(test, scored, classes, decision)
    with atomic_file(layout.predictions_test) as file:
        write(file, predicted)
    with atomic_file(layout.submission) as file:
        separator = facts["csv"][path.name]["separator"]
        filled = fill_sample(sample, predicted, classes, params.submit.form)
        filled.to_csv(file, sep=separator, index=False, lineterminator="\n")
        check_submission(read_table(file).frame, sample, classes, params.submit.form)


def tabulate_predictions(
    test: pd.DataFrame, scored: pd.DataFrame, classes: Classes, decision: Decision
) -> pd.DataFrame:
    """Build predictions_test.parquet: image, probability (calibrated), label, status, reason, abstain, views.

    Parameters
    ----------
    test
        The index's test rows: image, reason (why it was quarantined, or null).
    scored
        The usable images only, in any order: image, probability (uncalibrated; NaN if unreadable), reason.
    """
    joined = test[["image", "reason"]].merge(
        scored.astype({"reason": object}), on="image", how="left", suffixes=("_index", ""), validate="1:1"
    )
    fallback = joined["probability"].isna().to_numpy()
    answers = decision.answer(joined["probability"].to_numpy(dtype=np.float64))
    labels = np.where(answers.positive, classes.positive, classes.negative)
    reasons = [
        (now if isinstance(now, str) else before) if is_fallback else None
        for now, before, is_fallback in zip(joined["reason"], joined["reason_index"], fallback, strict=True)
    ]
    return pd.DataFrame(
        {
            "image": joined["image"],
            "probability": np.where(fallback, classes.positive_share, answers.probability),
            "label": np.where(fallback, classes.majority, labels),
            "status": np.where(fallback, "fallback", "scored"),
            "reason": pd.Series(reasons, dtype=object),
            "abstain": answers.abstain,  # True for a fallback too
            "views": decision.views,
        }
    )
