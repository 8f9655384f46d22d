"""What a model's pictures look like: the validation rows that `evaluate` scores, for `score` to compare new ones with.

Not the rows it was trained on: of those it is surer than it will ever be of new ones.
"""

from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from facegender.decision.decision import Answers
from facegender.files.float16_rows import Float16Array, Float16Rows
from facegender.files.parquet import read, write
from facegender.scoring.embedding import EMBEDDINGS_AT_ONCE, distances

TABLE: Final = "reference.parquet"
EMBEDDINGS: Final = "embeddings.npy"
MOST: Final = 4096  # embeddings kept; old and new pictures are compared with the same ones, so fewer cost no fairness
NEIGHBOURS: Final = 10  # of embedding distance; the published choices lie between 1 and 50 for 1,000 rows


def distances_in(
    path: Path,
    rows: npt.NDArray[np.int64],
    reference: Float16Array | Float16Rows,
    own: npt.NDArray[np.int64] | None = None,
) -> npt.NDArray[np.float64]:
    """`distances` of some rows of a file of embeddings, read a part at a time: float64 (len(rows),)."""
    far = np.empty(len(rows))
    with Float16Rows(path) as embeddings:
        for start in range(0, len(rows), EMBEDDINGS_AT_ONCE):
            part = slice(start, start + EMBEDDINGS_AT_ONCE)
            values = embeddings.read(rows[part])
            far[part] = distances(values, reference, NEIGHBOURS, None if own is None else own[part])
    return far


def own_distances(path: Path, out: Path) -> npt.NDArray[np.float64]:
    """How far the embeddings in a file lie from those of them that are kept, which are left in `out`."""
    with Float16Rows(path) as embeddings:
        kept = kept_rows(len(embeddings))
        own = np.full(len(embeddings), -1)
        own[kept] = np.arange(len(kept))
        with Float16Rows.create(out, len(kept), embeddings.shape) as reference:
            for place, row in enumerate(kept):
                reference.write(place, embeddings.read(row[None])[0])
            return distances_in(path, np.arange(len(embeddings)), reference, own)


def kept_rows(count: int) -> npt.NDArray[np.int64]:
    """The rows whose embeddings are kept: all, or MOST of them from everywhere in their order."""
    return np.arange(count) if count <= MOST else np.arange(MOST) * count // MOST


def quantities(
    answers: Answers,
    far: npt.NDArray[np.float64],
    brightness: npt.NDArray[np.float64],
    side: npt.NDArray[np.float64],
) -> pd.DataFrame:
    """What is compared of each picture: probability (calibrated), abstain, distance, brightness, shorter_side."""
    return pd.DataFrame(
        {
            "probability": answers.probability,
            "abstain": answers.abstain,
            "distance": far.round(6),
            "brightness": brightness.astype(np.float64),
            "shorter_side": side.astype(np.int64),
        }
    )


def write_reference(folder: Path, images: pd.Series, hashes: pd.Series, measured: pd.DataFrame) -> None:
    """Leave reference.parquet in an evaluation folder: the pictures' names, hashes and `quantities`."""
    measured.insert(0, "image", images.array)
    measured.insert(1, "sha256", hashes.array)
    write(folder / TABLE, measured)


def with_hashes(predictions: pd.DataFrame, folder: Path) -> pd.DataFrame:
    """predictions.parquet by image, with the column sha256: a name may stand for another picture by now."""
    hashes = read(folder / TABLE, ["image", "sha256"]).set_index("image")["sha256"]
    return predictions.assign(sha256=hashes.reindex(predictions.index))


def read_reference(folder: Path) -> tuple[pd.DataFrame, Float16Array]:
    """The two of an evaluation folder."""
    embeddings: Float16Array = np.load(folder / EMBEDDINGS, allow_pickle=False)
    return pd.read_parquet(folder / TABLE), embeddings
