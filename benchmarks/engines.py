"""Validation accuracy of one model by engine and precision: python -m benchmarks.engines WORK

WORK: the folder that benchmarks.workspace prepared and a training has left artifacts/model in, as the train and score
parts leave it: artifacts/benchmarks/work.
"""

import argparse
import json
from pathlib import Path

import numpy as np
import pandas as pd

from facegender.decision.decision import PLAIN
from facegender.network.engine import OpenVinoEngine, TensorFlowEngine
from facegender.network.engine_choice import compare, run
from facegender.pictures.decode import decode
from facegender.runtime.tensorflow_import import import_tensorflow


def main(work: Path) -> None:
    """Print a line an engine: accuracy, and how its probabilities compare with TensorFlow's."""
    import_tensorflow()
    from facegender.network.keras_file import load_model

    model = work / "artifacts/model"
    classes = json.loads((model / "classes.json").read_text())
    rows = pd.read_csv(work / "rows.csv", dtype=str).query("part == 'validation'")
    pictures = np.stack([decode(work / "data/images" / name, classes["image_size"]) for name in rows["image"]])
    positive = (rows["class"] == classes["positive"]).to_numpy()
    network = model / "openvino.xml"
    reference = TensorFlowEngine(load_model(model / "model.keras"))
    expected = run(reference, pictures)
    for engine in (reference, OpenVinoEngine(network, "float32"), OpenVinoEngine(network, "bfloat16")):
        found = run(engine, pictures)
        accuracy = (PLAIN.answer(found).positive == positive).mean()
        against = compare(engine.name, found, expected)
        print(f"{engine.name}: accuracy {accuracy:.4f}, n = {len(found)}, differs by {against.largest_difference:.1e}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("work", type=Path)
    main(parser.parse_args().work)
