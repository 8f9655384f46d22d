"""Compare the validation accuracy of one model by engine and precision: python -m benchmarks.engines WORK

WORK is the folder that benchmarks.workspace prepared and in which a training has left artifacts/model. The parts train
and score leave it as artifacts/benchmarks/work.
"""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.json_file import read_json
from facegender.decision.decision import DEFAULT_DECISION
from facegender.network.engine import OpenVinoEngine, TensorFlowEngine
from facegender.network.engine_choice import compare, run
from facegender.pictures.decode import decode
from facegender.runtime.tensorflow_import import import_tensorflow


def main(work: Path) -> None:
    """Print a line per engine: accuracy, and the largest difference of a probability from TensorFlow's."""
    import_tensorflow()
    from facegender.network.keras_file import load_model

    model = work / "artifacts/model"
    classes = read_json(model / "classes.json")
    rows = pd.read_csv(work / "rows.csv", dtype=str).query("split == 'validation'")
    pictures = np.stack([decode(work / "data/images" / name, classes["image_size"]) for name in rows["image"]])
    positive = (rows["class"] == classes["positive"]).to_numpy()
    network = model / "openvino.xml"
    reference = TensorFlowEngine(load_model(model / "model.keras"))
    expected = run(reference, pictures)
    for engine in (reference, OpenVinoEngine(network, "float32"), OpenVinoEngine(network, "bfloat16")):
        found = run(engine, pictures)
        accuracy = (DEFAULT_DECISION.answer(found).positive == positive).mean()
        difference = compare(engine.name, found, expected).largest_difference
        print(f"{engine.name}: accuracy {accuracy:.4f}, n = {len(found)}, largest difference {difference:.1e}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("work", type=Path, metavar="WORK")
    main(parser.parse_args().work)
