"""Where each file of the pipeline lies: the only place that spells these names."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Layout:
    """The folders and files of one pipeline.

    Attributes
    ----------
    data
        What the user brings.
    artifacts
        What the stages leave.
    other_model
        A model folder to use instead of `train`'s. Its evaluation lies beside it; what is made with it goes there too.
    """

    data: Path = Path("data")
    artifacts: Path = Path("artifacts")
    other_model: Path | None = None

    # what the user brings
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
        """Decisions about labels that looked wrong, where a person has made some; see data/label_overrides.py."""
        return self.data / "label_overrides.csv"

    @property
    def demo_marker(self) -> Path:
        """Present where `facegender demo` drew the data."""
        return self.data / "demo.json"

    # what the stages leave
    @property
    def resume(self) -> Path:
        """Unfinished work of killed stages: outside every DVC output, because DVC empties those before a stage."""
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
        """Augmented views of the validation rows, which train in a cross-validation."""
        return self.artifacts / "fold_features"

    @property
    def folds(self) -> Path:
        """The trainings of a cross-validation, one folder each."""
        return self.artifacts / "folds"

    @property
    def cross_validation(self) -> Path:
        """Out-of-fold predictions and figures, and in model/ and evaluation/ the fold ensemble and its decision."""
        return self.artifacts / "cross_validation"

    @property
    def model(self) -> Path:
        return self.other_model or self.artifacts / "model"

    @property
    def beside_model(self) -> Path:
        """The folder of what is made with the model."""
        return self.other_model.resolve().parent if self.other_model else self.artifacts

    @property
    def live(self) -> Path:
        """Training metrics as dvclive writes them."""
        return self.artifacts / "dvclive"

    @property
    def evaluation(self) -> Path:
        return self.beside_model / "evaluation"

    @property
    def decision(self) -> Path:
        """Calibration, threshold and when to abstain, as `evaluate` chose them."""
        return self.evaluation / "decision.json"

    @property
    def review(self) -> Path:
        """The page on which a person decides about labels that look wrong; no stage's output."""
        return self.artifacts / "review.html"

    @property
    def search(self) -> Path:
        """The best parameters of the last search, as a preset; no stage's output."""
        return self.artifacts / "search.yaml"

    @property
    def champion(self) -> Path:
        """The model promoted last, as model/ and evaluation/, where one was; no stage's output."""
        return self.artifacts / "champion"

    @property
    def promotion(self) -> Path:
        """The last decision about the champion's place, with its figures; no stage's output."""
        return self.artifacts / "promotion.json"

    @property
    def scores(self) -> Path:
        """What the champion has scored, a folder for each time; no stage's output."""
        return self.artifacts / "scores"

    @property
    def submission(self) -> Path:
        return self.beside_model / "submission.csv"

    @property
    def predictions_test(self) -> Path:
        return self.beside_model / "predictions_test.parquet"
