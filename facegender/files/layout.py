"""The path of each file of the pipeline. Only this module spells these names."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Layout:
    """Paths of one pipeline, derived from its data folder and its artifacts folder.

    Attributes
    ----------
    data
        Folder of the user's files.
    artifacts
        Folder for the outputs of the stages.
    other_model
        A model folder to use instead of the one that `train` writes. Its evaluation is in the folder beside it, and
        outputs made with the model go there too.

    Examples
    --------
    >>> Layout().index.as_posix()
    'artifacts/index.parquet'
    """

    data: Path = Path("data")
    artifacts: Path = Path("artifacts")
    other_model: Path | None = None

    # the user's files
    @property
    def images(self) -> Path:
        return self.data / "images"

    @property
    def train_csv(self) -> Path:
        return self.data / "train.csv"

    @property
    def test_csv(self) -> Path:
        return self.data / "test.csv"

    @property
    def sample_submission(self) -> Path:
        return self.data / "sample_submission.csv"

    @property
    def attributes_csv(self) -> Path:
        return self.data / "attributes.csv"

    @property
    def label_overrides(self) -> Path:
        """A person's decisions about labels that look wrong; optional. See facegender/data/label_overrides.py."""
        return self.data / "label_overrides.csv"

    @property
    def demo_marker(self) -> Path:
        """Exists if `facegender demo` drew the data."""
        return self.data / "demo.json"

    # outputs of the stages and of other commands
    @property
    def resume(self) -> Path:
        """Unfinished work of killed stages, outside every DVC output, because DVC empties those before a stage."""
        return self.artifacts / ".resume"

    @property
    def index(self) -> Path:
        return self.artifacts / "index.parquet"

    @property
    def validation(self) -> Path:
        return self.artifacts / "validation.json"

    @property
    def splits(self) -> Path:
        return self.artifacts / "splits.parquet"

    @property
    def features(self) -> Path:
        return self.artifacts / "features"

    @property
    def fold_features(self) -> Path:
        """Augmented views of the validation rows, which a cross-validation trains on."""
        return self.artifacts / "fold_features"

    @property
    def folds(self) -> Path:
        """The trainings of a cross-validation, one folder per fold."""
        return self.artifacts / "folds"

    @property
    def cross_validation(self) -> Path:
        """Out-of-fold predictions and metrics; model/ and evaluation/ hold the fold ensemble and its decision."""
        return self.artifacts / "cross_validation"

    @property
    def model(self) -> Path:
        return self.other_model or self.artifacts / "model"

    @property
    def beside_model(self) -> Path:
        """Folder for outputs made with the model."""
        return self.other_model.resolve().parent if self.other_model else self.artifacts

    @property
    def live(self) -> Path:
        """Training metrics, written by dvclive."""
        return self.artifacts / "dvclive"

    @property
    def evaluation(self) -> Path:
        return self.beside_model / "evaluation"

    @property
    def decision(self) -> Path:
        """Calibration, threshold and abstention rule, as chosen by `evaluate`."""
        return self.evaluation / "decision.json"

    @property
    def review(self) -> Path:
        """The page on which a person decides about labels that look wrong. Not an output of a stage."""
        return self.artifacts / "review.html"

    @property
    def search(self) -> Path:
        """The best parameters of the last search, as a preset. Not an output of a stage."""
        return self.artifacts / "search.yaml"

    @property
    def champion(self) -> Path:
        """The model promoted last, if any, as model/ and evaluation/. Not an output of a stage."""
        return self.artifacts / "champion"

    @property
    def promotion(self) -> Path:
        """The last promotion decision, with its figures. Not an output of a stage."""
        return self.artifacts / "promotion.json"

    @property
    def scores(self) -> Path:
        """The champion's scores of new pictures, one folder per run. Not an output of a stage."""
        return self.artifacts / "scores"

    @property
    def submission(self) -> Path:
        return self.beside_model / "submission.csv"

    @property
    def predictions_test(self) -> Path:
        return self.beside_model / "predictions_test.parquet"
