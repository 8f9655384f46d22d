"""The folder in which a run happens."""

from dataclasses import dataclass
from pathlib import Path

from facegender.files.layout import Layout
from tasks.git import run_git


@dataclass(frozen=True)
class Checkout:
    """A checkout of this repository, or an experiment's copy of it, held by one run.

    Attributes
    ----------
    root
        The folder with dvc.yaml.
    lock
        Descriptor of the lock that the run holds, for its child processes to inherit; None if nothing is locked.
    seconds_per_stage
        Time limit of a stage, in seconds; None: no limit.
    up_to_date
        DVC has checked all stages at once and found nothing to do.
    """

    root: Path
    lock: int | None = None
    seconds_per_stage: float | None = None
    up_to_date: bool = False

    @property
    def files(self) -> Layout:
        """Paths of the pipeline's files."""
        return Layout(self.root / "data", self.root / "artifacts")

    @property
    def commit(self) -> str:
        """Short hash of the current commit; empty without a commit."""
        return run_git(self.root, "rev-parse", "--short", "HEAD", check=False)
