"""Find labels that look wrong: a model that was not trained on a row judges its label; cleanlab ranks the rows.

One validation split covers only a fifth of the rows, and a network trained on the rest has memorised their wrong
labels. So a logistic regression judges every labelled row, fitted on the other folds, on features of the frozen part of
the backbone, which has never seen a label. Near-duplicates are in one fold. With 5% of 6,000 labels flipped, two thirds
of the flipped rows are among the 10% most suspect (measured by tests/evaluation/test_label_issues.py).

Northcutt et al. 2021, "Confident Learning: Estimating Uncertainty in Dataset Labels", JAIR 70.
"""

from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from facegender.errors import UserError
from facegender.evaluation.pooled_features import Pooled, Vectors
from facegender.features.store import FeatureStore, Manifest
from facegender.files.atomic import atomic_file
from facegender.files.image_names import argsort_names, lookup
from facegender.files.splits import held_out
from facegender.runtime.progress import track
from facegender.statistics.intervals import FloatArray, IntArray
from facegender.statistics.metrics import BoolArray
from facegender.statistics.stratify import assign

MOST_LEARNED: Final = 20_000  # rows that a regression is fitted on, at most: 360 MB of features
# The inverse strength of the L2 penalty (C) times the number of features, so that all weights together may explain as
# much, however many there are. The best in steps of a factor of 3 at 160, 1,120 and 4,480 features alike.
INVERSE_STRENGTH: Final = 1.3
ITERATIONS: Final = 100  # about 30 are needed


def find_suspects(features: Path, splits: pd.DataFrame, positive: str, folds: int, seed: int) -> pd.DataFrame | None:
    """Rank the labelled rows by how wrong their labels look.

    Parameters
    ----------
    features
        The features folder.
    splits
        image, label, group, fold, as in splits.parquet. A holdout is left out: nothing may learn from its labels.
    positive
        The positive class's label.
    folds, seed
        Number of folds of the cross-fitting, and its seed.

    Returns
    -------
    image, label, probability (of that label, by a regression not fitted on the row; lower is more suspect), flagged
    (bool: cleanlab counts the label as wrong); most suspect first. None in online mode, which caches no features.

    Raises
    ------
    UserError
        The features were made of other rows.
    """
    if Manifest.read(features).views == 0:
        return None
    with FeatureStore(features) as store:
        names = store.rows["image"]
        rows = lookup(splits["image"], names)
        missing = int((rows < 0).sum())
        if missing or len(names) != len(splits):
            raise UserError(
                str(features),
                "the features must be those of the rows in splits.parquet",
                f"{missing} rows without features, {len(names)} with",
                "Run `facegender features`, or the whole pipeline.",
            )
        learns = ~held_out(splits["fold"])
        splits, rows = splits[learns], rows[learns]
        labels = (splits["label"] == positive).to_numpy(dtype=bool)
        groups = splits["group"].to_numpy(dtype=np.int64)
        probabilities = predict_out_of_fold(Pooled(store), rows, labels, groups, folds, seed)
    quality, flagged = judge_labels(labels, probabilities)
    quality = quality.round(6)
    by_name = argsort_names(splits["image"])
    ranked = by_name[np.argsort(quality[by_name], kind="stable")]
    columns = {name: splits[name].array[ranked] for name in ("image", "label")}
    return pd.DataFrame({**columns, "probability": quality[ranked], "flagged": flagged[ranked]})


def write_suspects(path: Path, suspects: pd.DataFrame) -> None:
    """Write suspects.csv: the flagged rows of `find_suspects`, most suspect first."""
    flagged = suspects.loc[suspects["flagged"], ["image", "label", "probability"]]
    with atomic_file(path) as file:
        flagged.to_csv(file, index=False, lineterminator="\n")


def judge_labels(positive: BoolArray, probabilities: FloatArray) -> tuple[FloatArray, BoolArray]:
    """Judge labels with cleanlab.

    Parameters
    ----------
    positive
        bool (n,): labelled as the positive class.
    probabilities
        float64 (n,): of the positive class, by a model that was not fitted on the row.

    Returns
    -------
    float64 (n,): self-confidence, the probability of the given label.
    bool (n,): confident learning counts the label as wrong; nowhere if a class has fewer than two rows.
    """
    from cleanlab.filter import find_label_issues
    from cleanlab.rank import get_label_quality_scores

    labels = positive.astype(np.int64)
    both = np.column_stack([1 - probabilities, probabilities])
    quality: FloatArray = get_label_quality_scores(labels, both, method="self_confidence")
    if np.bincount(labels, minlength=2).min() < 2:
        return quality, np.zeros(len(labels), np.bool_)
    # one process: several would be forked, and a process that has loaded TensorFlow does not survive a fork
    flagged: BoolArray = find_label_issues(labels, both, filter_by="both", n_jobs=1)
    return quality, flagged


def predict_out_of_fold(
    pooled: Pooled, rows: IntArray, positive: BoolArray, groups: IntArray, folds: int, seed: int
) -> FloatArray:
    """Predict each row's probability of the positive class by a regression fitted on the other folds: float64 (n,).

    Parameters
    ----------
    rows
        int64 (n,): positions in `pooled`.
    positive, groups
        bool (n,) and int64 (n,); a group is in one fold.
    """
    rng = np.random.default_rng(seed)
    fold_of = assign(
        positive.astype(np.int64), np.unique(groups, return_inverse=True)[1], np.full(folds, 1 / folds), rng
    )
    probabilities = np.empty(len(rows))
    with track("suspect labels", len(rows), "rows") as advance:
        for fold in range(folds):
            held, learned = np.flatnonzero(fold_of == fold), np.flatnonzero(fold_of != fold)
            if len(learned) > MOST_LEARNED:
                learned = np.sort(rng.choice(learned, MOST_LEARNED, replace=False))
            classifier = _Regression(pooled.standard(rows[learned]), positive[learned])
            start = 0
            for part, values in pooled.chunks(rows[held]):
                probabilities[held[start : start + len(part)]] = classifier(values)
                start += len(part)
            advance(len(held))
    return probabilities


class _Regression:
    """A logistic regression. Fitted on one class only, it is certain of that class; fitted on no rows, it says 0.5."""

    def __init__(self, values: Vectors, positive: BoolArray) -> None:
        from sklearn.linear_model import LogisticRegression

        self._share = float(positive.mean()) if len(positive) else 0.5
        self._fitted = None
        if positive.any() and not positive.all():
            strength = INVERSE_STRENGTH / values.shape[1]
            self._fitted = LogisticRegression(C=strength, tol=1e-3, max_iter=ITERATIONS).fit(values, positive)

    def __call__(self, values: Vectors) -> FloatArray:
        if self._fitted is None:
            return np.full(len(values), self._share)
        probabilities: FloatArray = self._fitted.predict_proba(values)[:, 1].astype(np.float64)
        return probabilities
