"""The parts of `python -m benchmarks`, by name: the peers of each, how long it takes, and the files it depends on."""

from collections.abc import Callable
from dataclasses import dataclass

from benchmarks import memory_part, orchestration_part, score_part, train_part, validate_part
from benchmarks.peers import Peer
from benchmarks.setting import Setting


@dataclass(frozen=True)
class Part:
    """One table of the document.

    Attributes
    ----------
    list_peers
        Returns the peers; no work is done before one is run.
    duration
        How long the part takes, in words.
    code
        Patterns of the files whose change makes earlier runs obsolete.
    uses_data
        Whether the part runs on the data folder.
    """

    list_peers: Callable[[Setting], dict[str, Peer]]
    duration: str
    code: tuple[str, ...]
    uses_data: bool = True


OURS = ("facegender/**/*.py", "benchmarks/child.py", "benchmarks/workspace.py")
ORCHESTRATION = (
    "benchmarks/orchestration_part.py",
    "benchmarks/in_a_row.py",
    "flows/**/*.py",
    "tasks/**/*.py",
    "dvc.yaml",
    "params.yaml",
)
TRAIN = ("benchmarks/train_*.py", "benchmarks/keras_network.py", "benchmarks/epoch_log.py")
PARTS = {
    "validate": Part(validate_part.list_peers, "about 4 minutes", (*OURS, "benchmarks/validate_*.py")),
    "score": Part(
        score_part.list_peers,
        "about 10 minutes, and a training if there is no model yet",
        (*OURS, "benchmarks/score_*.py", "benchmarks/to_onnx.py"),
    ),
    "orchestration": Part(orchestration_part.list_peers, "about 6 minutes", (*OURS, *ORCHESTRATION), uses_data=False),
    "train": Part(train_part.list_peers, "over an hour a repeat", (*OURS, *TRAIN)),
    "memory": Part(
        memory_part.list_peers, "about half an hour for 100,000 images", (*OURS, "benchmarks/memory_part.py")
    ),
}
