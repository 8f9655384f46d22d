"""Scoring picture files with a trained model: what evaluate, submit and predict all run."""

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
from facegender.scoring.embedding import embedding_engine
from facegender.scoring.tta import fixed_views, mean_of_logits


@dataclass(frozen=True)
class Scores:
    """One entry for each file, in the order given.

    Attributes
    ----------
    probabilities
        Of the positive class: float32 (n,); NaN where the file could not be read.
    reasons
        Why it could not; None where it could.
    """

    probabilities: npt.NDArray[np.float32]
    reasons: list[str | None]


def load_engine(model: Path, embed: bool = False) -> Engine:
    """The engine that `train` chose for a model folder, or TensorFlow where OpenVINO is not installed.

    With `embed` it gives the embedding beside the probability; see facegender/scoring/embedding.py.

    Raises
    ------
    UserError
        The folder is no model.
    """
    if not (model / "model.keras").is_file():
        raise UserError(str(model), "must be a folder that `facegender train` left, with model.keras in it")
    if embed:
        return embedding_engine(model)
    choice = read_json(model / "engine.json")
    if choice["engine"] == "openvino" and has_openvino():
        return OpenVinoEngine(model / "openvino.xml", choice["precision"])
    from facegender.runtime.tensorflow_import import import_tensorflow

    import_tensorflow()
    from facegender.network.keras_file import load_model

    return TensorFlowEngine(load_model(model / "model.keras"))


def score(
    model: Path, files: Sequence[str | Path], views: int = 1, batch_size: int = 32, embeddings: Path | None = None
) -> Scores:
    """Probabilities for picture files; one that cannot be read gets NaN and its reason, and no other file's score.

    Each is scored in its first `views` views, decoded once (see scoring/tta.py). `embeddings`: where to leave those
    of the pictures as they are, out of the same pass, as .npy: float16 (n, d), zero where a file could not be read.
    """
    probabilities = np.full((len(files), views), np.nan, np.float64)
    reasons: list[str | None] = [None] * len(files)
    if not files:
        if embeddings is not None:
            Float16Rows.create(embeddings, 0, (1,)).close()
        return Scores(np.zeros(0, np.float32), reasons)
    engine = load_engine(model, embeddings is not None)
    embedded: Float16Rows | None = None
    size = int(read_json(model / "classes.json")["image_size"])

    def read(place: int) -> tuple[int, list[Pixels] | str]:
        try:
            return place, fixed_views(decode(files[place], size), views)
        except Undecodable as reason:
            return place, str(reason)

    def readable() -> Iterator[tuple[tuple[int, int], Pixels]]:
        for place, pictures in prefetch(read, range(len(files)), os.cpu_count() or 1, ahead=2 * batch_size):
            if isinstance(pictures, str):
                reasons[place] = pictures
            else:
                for view, pixels in enumerate(pictures):
                    yield (place, view), pixels

    with track("score", len(files), "images") as advance:
        for places, result in forward(engine, readable(), batch_size):
            place, view = np.array(places).T
            rows = result.reshape(len(places), -1)
            probabilities[place, view] = rows[:, -1]
            if embeddings is not None:
                embedded = embedded or Float16Rows.create(embeddings, len(files), (rows.shape[1] - 1,))
                for row, vector in zip(place[view == 0], rows[view == 0, :-1], strict=True):
                    embedded.write(row, vector)
            advance(int((view == views - 1).sum()))
        advance(sum(reason is not None for reason in reasons))
    if embeddings is not None:
        (embedded or Float16Rows.create(embeddings, len(files), (1,))).close()  # of one number where none can be read
    return Scores(mean_of_logits(probabilities), reasons)
