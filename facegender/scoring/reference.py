"""The reference of a model: measurements of the rows that `evaluate` scored, with which `score` compares new pictures.

Training rows would be a poor reference: a model is more certain of them than of any new picture.
"""

from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from facegender.decision.decision import Answers
from facegender.files.float16_rows import Float16Array, Float16Rows
from facegender.files.parquet import read, write
from facegender.scoring.embedding import BLOCK, knn_distances

TABLE: Final = "reference.parquet"
EMBEDDINGS: Final = "embeddings.npy"
MAX_REFERENCE: Final = 4096  # embeddings kept; old and new pictures are compared with the same, so a sample is fair
NEIGHBOURS: Final = 10  # k of the embedding distance; published choices are between 1 and 50 for 1,000 rows


def distances_of_rows(
    path: Path,
    rows: npt.NDArray[np.int64],
    reference: Float16Array | Float16Rows,
    own: npt.NDArray[np.int64] | None = None,
) -> npt.NDArray[np.float64]:
    """Compute `knn_distances` of some rows of a file of embeddings, read in blocks: float64 (len(rows),)."""
    distances = np.empty(len(rows))
    with Float16Rows(path) as embeddings:
        for start in range(0, len(rows), BLOCK):
            part = slice(start, start + BLOCK)
            values = embeddings.read(rows[part])
            distances[part] = knn_distances(values, reference, NEIGHBOURS, None if own is None else own[part])
    return distances


def write_reference_embeddings(path: Path, out: Path) -> npt.NDArray[np.float64]:
    """Write the reference embeddings to `out`, a sample of the embeddings in `path`.

    Returns
    -------
    float64 (n,): distance of each embedding in `path` to the reference, not counting itself.
    """
    with Float16Rows(path) as embeddings:
        kept = choose_reference_rows(len(embeddings))
        own = np.full(len(embeddings), -1)
        own[kept] = np.arange(len(kept))
        with Float16Rows.create(out, len(kept), embeddings.shape) as reference:
            for place, row in enumerate(kept):
                reference.write(place, embeddings.read(row[None])[0])
            return distances_of_rows(path, np.arange(len(embeddings)), reference, own)


def choose_reference_rows(count: int) -> npt.NDArray[np.int64]:
    """Choose the rows whose embeddings are kept: all of them, or MAX_REFERENCE evenly spaced ones."""
    return np.arange(count) if count <= MAX_REFERENCE else np.arange(MAX_REFERENCE) * count // MAX_REFERENCE


def tabulate_measurements(
    answers: Answers,
    distance: npt.NDArray[np.float64],
    brightness: npt.NDArray[np.float64],
    side: npt.NDArray[np.float64],
) -> pd.DataFrame:
    """Tabulate what drift compares: probability (calibrated), abstain, distance, brightness, shorter_side (pixels).

    distance, brightness, side: (n,), of the pictures of `answers`.
    """
    return pd.DataFrame(
        {
            "probability": answers.probability,
            "abstain": answers.abstain,
            "distance": distance.round(6),
            "brightness": brightness.astype(np.float64),
            "shorter_side": side.astype(np.int64),
        }
    )


def write_reference(folder: Path, images: pd.Series, hashes: pd.Series, measured: pd.DataFrame) -> None:
    """Write reference.parquet to an evaluation folder: the names, hashes and measurements of the pictures."""
    measured.insert(0, "image", images.array)
    measured.insert(1, "sha256", hashes.array)
    write(folder / TABLE, measured)


def add_hashes(predictions: pd.DataFrame, folder: Path) -> pd.DataFrame:
    """Add the column sha256 to predictions.parquet, by image: a file of the same name may be another picture today."""
    hashes = read(folder / TABLE, ["image", "sha256"]).set_index("image")["sha256"]
    return predictions.assign(sha256=hashes.reindex(predictions.index))


def read_reference(folder: Path) -> tuple[pd.DataFrame, Float16Array]:
    """Read reference.parquet and the reference embeddings, float16 (m, d), of an evaluation folder."""
    embeddings: Float16Array = np.load(folder / EMBEDDINGS, allow_pickle=False)
    return pd.read_parquet(folder / TABLE), embeddings
