"""What a model's pictures look like: the validation rows that `evaluate` scores, for `score` to compare new ones with.

Not the rows it was trained on: of those it is surer than it will ever be of new ones.
"""

from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from facegender.conformal import abstains
from facegender.decision import Decision
from facegender.embedding import Halves, distances
from facegender.scoring import Scores

TABLE: Final = "reference.parquet"
EMBEDDINGS: Final = "embeddings.npy"
MOST: Final = 4096  # embeddings kept; old and new pictures are compared with the same ones, so fewer cost no fairness
NEIGHBOURS: Final = 10  # of embedding distance; the published choices lie between 1 and 50 for 1,000 rows


def reference_table(
    images: pd.Series, hashes: pd.Series, scores: Scores, decision: Decision, traits: pd.DataFrame
) -> pd.DataFrame:
    """reference.parquet: image, sha256 and the `quantities`; `traits` are those of `picture_traits`."""
    assert scores.embeddings is not None
    kept = kept_rows(len(scores.embeddings))
    own = np.full(len(scores.embeddings), -1)
    own[kept] = np.arange(len(kept))
    far = distances(scores.embeddings, scores.embeddings[kept], NEIGHBOURS, own)
    brightness, side = (traits[name].to_numpy(np.float64) for name in ("brightness", "shorter side"))
    table = quantities(scores.probabilities, far, decision, brightness, side)
    table.insert(0, "image", images.to_numpy())
    table.insert(1, "sha256", hashes.to_numpy())
    return table


def kept_rows(count: int) -> npt.NDArray[np.int64]:
    """The rows whose embeddings are kept: all, or MOST of them from everywhere in their order."""
    return np.arange(count) if count <= MOST else np.arange(MOST) * count // MOST


def quantities(
    probabilities: npt.NDArray[np.float32],
    far: npt.NDArray[np.float64],
    decision: Decision,
    brightness: npt.NDArray[np.float64],
    side: npt.NDArray[np.float64],
) -> pd.DataFrame:
    """What is compared of each picture: probability (calibrated), abstain, distance, brightness, shorter_side."""
    calibrated = decision.calibrator.apply(probabilities.astype(np.float64))
    return pd.DataFrame(
        {
            "probability": calibrated,
            "abstain": abstains(calibrated, calibrated >= decision.threshold, decision.quantile),
            "distance": far.round(6),
            "brightness": brightness.astype(np.float64),
            "shorter_side": side.astype(np.int64),
        }
    )


def write_reference(folder: Path, table: pd.DataFrame, embeddings: Halves) -> None:
    """Leave both in an evaluation folder; `embeddings` of all rows, of which some are kept."""
    table.to_parquet(folder / TABLE, index=False)
    np.save(folder / EMBEDDINGS, embeddings[kept_rows(len(embeddings))])


def with_hashes(predictions: pd.DataFrame, folder: Path) -> pd.DataFrame:
    """predictions.parquet by image, with the column sha256: a name may stand for another picture by now."""
    hashes = pd.read_parquet(folder / TABLE, columns=["image", "sha256"]).set_index("image")["sha256"]
    return predictions.assign(sha256=hashes.reindex(predictions.index))


def read_reference(folder: Path) -> tuple[pd.DataFrame, Halves]:
    """The two of an evaluation folder."""
    embeddings: Halves = np.load(folder / EMBEDDINGS, allow_pickle=False)
    return pd.read_parquet(folder / TABLE), embeddings
