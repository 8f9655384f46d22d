"""Score picture files with a trained model; used by evaluate, submit, predict and score."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from facegender.errors import UserError
from facegender.files.float16_rows import Float16Rows
from facegender.files.json_files import read_json
from facegender.network.engine import Engine, OpenVinoEngine, TensorFlowEngine, forward, has_openvino
from facegender.pictures.decode import Pixels, Undecodable, decode
from facegender.runtime.prefetch import prefetch
from facegender.runtime.progress import track
from facegender.scoring.embedding import load_embedding_engine
from facegender.scoring.tta import average_views, fixed_views


@dataclass(frozen=True)
class Scores:
    """The scores of n files, in their order.

    Attributes
    ----------
    probabilities
        Probability of the positive class: float32 (n,); NaN if the file could not be read.
    reasons
        Why a file could not be read; None if it could.
    """

    probabilities: npt.NDArray[np.float32]
    reasons: list[str | None]

    @property
    def readable(self) -> npt.NDArray[np.bool_]:
        """Which files could be read: bool (n,)."""
        return np.array([reason is None for reason in self.reasons], dtype=bool)


def load_engine(model: Path, embed: bool = False) -> Engine:
    """Load the engine that `train` chose for a model folder, or TensorFlow if OpenVINO is not installed.

    With `embed` its output has the embedding before the probability; see facegender/scoring/embedding.py.

    Raises
    ------
    UserError
        The folder is not a model folder.
    """
    check_model_folder(model)
    if embed:
        return load_embedding_engine(model)
    choice = read_json(model / "engine.json")
    if choice["engine"] == "openvino" and has_openvino():
        return OpenVinoEngine(model / "openvino.xml", choice["precision"])
    from facegender.runtime.tensorflow_import import import_tensorflow

    import_tensorflow()
    from facegender.network.keras_file import load_model

    return TensorFlowEngine(load_model(model / "model.keras"))


def check_model_folder(model: Path) -> None:
    """Check that a folder is a model folder.

    Raises
    ------
    UserError
        It is not.
    """
    if not (model / "model.keras").is_file():
        raise UserError(str(model), "must be a model folder written by `facegender train`, with model.keras in it")


def score(
    model: Path, files: Sequence[str | Path], views: int = 1, batch_size: int = 32, embeddings: Path | None = None
) -> Scores:
    """Score picture files. A file that cannot be read gets NaN and its reason.

    Parameters
    ----------
    views
        Number of views of each picture that are scored and averaged; the file is decoded once (see scoring/tta.py).
    embeddings
        If given, the embeddings of the original pictures are written there in the same pass, as .npy: float16 (n, d),
        zero for a file that could not be read.
    """
    probabilities = np.full((len(files), views), np.nan, np.float64)
    reasons: list[str | None] = [None] * len(files)
    if not files:
        if embeddings is not None:
            Float16Rows.create(embeddings, 0, (1,)).close()
        return Scores(np.zeros(0, np.float32), reasons)
    engine = load_engine(model, embeddings is not None)
    output: Float16Rows | None = None
    size = int(read_json(model / "classes.json")["image_size"])

    def decode_views(row: int) -> tuple[int, list[Pixels] | str]:
        try:
            return row, fixed_views(decode(files[row], size), views)
        except Undecodable as reason:
            return row, str(reason)

    def readable_views() -> Iterator[tuple[tuple[int, int], Pixels]]:
        for row, pictures in prefetch(decode_views, range(len(files)), os.cpu_count() or 1, ahead=2 * batch_size):
            if isinstance(pictures, str):
                reasons[row] = pictures
            else:
                for view, pixels in enumerate(pictures):
                    yield (row, view), pixels

    with track("score", len(files), "images") as advance:
        for places, result in forward(engine, readable_views(), batch_size):
            row, view = np.array(places).T
            values = result.reshape(len(places), -1)
            probabilities[row, view] = values[:, -1]
            if embeddings is not None:
                output = output or Float16Rows.create(embeddings, len(files), (values.shape[1] - 1,))
                for number, vector in zip(row[view == 0], values[view == 0, :-1], strict=True):
                    output.write(number, vector)
            advance(int((view == views - 1).sum()))
        advance(sum(reason is not None for reason in reasons))
    if embeddings is not None:
        (output or Float16Rows.create(embeddings, len(files), (1,))).close()  # d is 1 if no file can be read
    return Scores(average_views(probabilities), reasons)
