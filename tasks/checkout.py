"""The folder in which a run happens."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

from facegender.files.layout import Layout


@dataclass(frozen=True)
class Checkout:
    """A checkout of this repository, or an experiment's copy of it, held by one run.

    Attributes
    ----------
    root
        The folder that holds dvc.yaml.
    lock
        Descriptor of the lock that the run holds, for its child processes to inherit; None where nothing is locked.
    seconds_per_stage
        A stage that takes longer is ended; None: none is.
    up_to_date
        DVC has been asked about all stages at once, and found nothing to do.
    """

    root: Path
    lock: int | None = None
    seconds_per_stage: float | None = None
    up_to_date: bool = False

    @property
    def files(self) -> Layout:
        """Where the pipeline's files lie."""
        return Layout(self.root / "data", self.root / "artifacts")

    @property
    def commit(self) -> str:
        """Short hash of the commit that is checked out; empty where there is none."""
        command = ["git", "rev-parse", "--short", "HEAD"]
        answer = subprocess.run(command, cwd=self.root, capture_output=True, text=True, check=False)
        return answer.stdout.strip() if answer.returncode == 0 else ""
