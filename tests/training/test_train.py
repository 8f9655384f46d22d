"""The training: it writes a whole model, and it learns."""

import json
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest

from facegender.errors import UserError
from facegender.features.features import features
from facegender.network.backbone import load_backbone
from facegender.network.keras_file import load_model, save_model
from facegender.params.sections import TrainParams
from facegender.scoring.predict import as_csv, predict
from facegender.scoring.score import score
from facegender.training import loop as fitting
from facegender.training.batches import Rows
from facegender.training.checkpoint import Checkpoints, Progress
from facegender.training.layer_rates import LayerRate
from facegender.training.loop import Phase, make_optimizer
from facegender.training.optimizer import LayerwiseAdamW
from facegender.training.train import train
from tests.small_training import Workspace, params_with


@pytest.mark.parametrize("ema", [0.0, 0.9])
def test_the_saved_model_scores_files_as_training_saw_them(workspace: Workspace, ema: float) -> None:
    layout, params = workspace.layout, params_with(train={"ema": ema})
    features(layout, params)
    train(layout, params)
    history = pd.read_csv(layout.model / "history.csv")
    best = history[history["phase"] == "fine_tune"]["val_loss"].min()
    splits = pd.read_parquet(layout.splits)
    held = splits[splits["fold"] == 0]
    scores = score(layout.model, [layout.images / name for name in held["image"]])
    labels = (held["label"] == "1").to_numpy()
    loss = -np.log(np.where(labels, scores.probabilities, 1 - scores.probabilities)).mean()
    assert loss == pytest.approx(best, abs=2e-3)  # float16 features against float32 pictures
    classes = json.loads((layout.model / "classes.json").read_text())
    assert (classes["negative"], classes["positive"], classes["positive_share"]) == ("0", "1", 0.5)


def test_engines_agree_and_an_unreadable_file_gets_no_score(workspace: Workspace) -> None:
    layout = workspace.layout
    features(layout, workspace.params)
    train(layout, workspace.params)
    files = [layout.images / f"{number:02d}.png" for number in range(5)]
    broken = layout.images / "broken.png"
    broken.write_bytes(b"no picture")
    exported = score(layout.model, [*files[:2], broken, *files[2:]], batch_size=2)
    choice = json.loads((layout.model / "engine.json").read_text())
    (layout.model / "engine.json").write_text(json.dumps({**choice, "engine": "tensorflow"}))
    reference = score(layout.model, files)
    assert np.isnan(exported.probabilities[2])
    assert exported.reasons == [None, None, "not a picture in a known format", None, None, None]
    assert np.allclose(np.delete(exported.probabilities, 2), reference.probabilities, atol=0.01)
    read, unread = predict(layout.model, [files[0], broken])
    assert read.label is not None
    assert read.probability >= 0.5
    assert (unread.label, unread.abstain, unread.reason) == (None, False, "not a picture in a known format")
    assert as_csv([unread]).splitlines() == [
        "image,label,probability,positive,abstain,reason",
        f"{broken},,,,False,not a picture in a known format",
    ]


def test_no_files_give_no_scores_and_a_missing_model_is_a_clear_error(tmp_path: Path) -> None:
    assert len(score(tmp_path, []).probabilities) == 0
    with pytest.raises(UserError, match="must be a model folder written by `facegender train`"):
        score(tmp_path, [tmp_path / "a.png"])


def test_features_of_another_mode_are_refused(workspace: Workspace) -> None:
    features(workspace.layout, params_with(train={"mode": "online"}))
    with pytest.raises(UserError, match="the mode that the features were made for"):
        train(workspace.layout, workspace.params)


def test_features_of_other_weights_are_refused(workspace: Workspace) -> None:
    features(workspace.layout, workspace.params)
    with pytest.raises(UserError, match="the weights that the features were made with"):
        train(workspace.layout, params_with(train={"seed": 3}))  # random weights follow the seed


def test_class_weights_give_both_classes_the_same_total_weight() -> None:
    from facegender.training.source import select_rows

    table = pd.DataFrame({"label": ["1", "1", "1", "0"], "fold": -1})
    train_rows, _ = select_rows(table, "1", TrainParams(class_weights=True))
    assert train_rows.weights.tolist() == pytest.approx([2 / 3, 2 / 3, 2 / 3, 2.0])  # 3 * 2/3 = 1 * 2


def test_every_row_cycles_through_all_its_views() -> None:
    rows = Rows(np.arange(6), np.zeros(6, np.float32), np.ones(6, np.float32), np.zeros(6, np.int64))
    seen: dict[int, list[int]] = {row: [] for row in range(6)}
    for epoch in range(3):
        shuffle = rows.shuffle(seed=1, epoch=epoch, views=3)
        for row, view in zip(shuffle.rows.tolist(), shuffle.views.tolist(), strict=True):
            seen[row].append(view)
    assert all(sorted(views) == [0, 1, 2] for views in seen.values())
    assert rows.shuffle(1, 0, 3).rows.tolist() != rows.shuffle(1, 1, 3).rows.tolist()


def test_patience_by_hand() -> None:
    progress = Progress()
    progress.start_phase("fine_tune")
    better = [progress.finish_epoch({"val_loss": loss}) for loss in (0.5, 0.4, 0.45, 0.41)]
    assert better == [True, True, False, False]
    assert not progress.out_of_patience(3)
    progress.finish_epoch({"val_loss": 0.43})
    assert progress.out_of_patience(3)  # epochs 3, 4 and 5 were no better than epoch 2
    assert (progress.best_epoch, progress.best_loss) == (2, 0.4)


def test_patience_counts_from_the_start_of_the_last_block() -> None:
    progress = Progress()
    progress.start_phase("fine_tune")
    for loss in (0.5, 0.6, 0.6, 0.6, 0.6):
        progress.finish_epoch({"val_loss": loss})
    assert progress.out_of_patience(3)
    assert not progress.out_of_patience(3, since=2.5)  # only two epochs have begun since
    progress.finish_epoch({"val_loss": 0.6})
    assert progress.out_of_patience(3, since=2.5)


def test_blocks_start_from_the_last_backwards_each_at_its_rate(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    # 32 rows in batches of 8: an epoch has 4 steps, and 4 blocks start at steps 1 to 4
    changes = {"head_epochs": 0, "epochs": 2, "unfreeze": 1, "layer_decay": 0.5}
    params = params_with(train=changes)
    features(workspace.layout, params)
    seen: list[dict[str, np.ndarray]] = []
    rates: list[dict[str, LayerRate]] = []

    def save(self: Checkpoints, progress: Progress, model: keras.Model, optimizer: LayerwiseAdamW) -> None:
        seen.append({variable.path: np.asarray(variable).copy() for variable in model.trainable_variables})
        rates.append(optimizer._rate_of)

    monkeypatch.setattr(Checkpoints, "save", save)
    train(workspace.layout, params)
    first, second = (f"{name}/kernel" for name in ("block_14_expand", "block_15_expand"))
    assert [rates[0][path] for path in (first, second, "logit/kernel")] == [
        LayerRate(1 / 16, 4),
        LayerRate(1 / 8, 3),
        LayerRate(1, 0),
    ]
    random = load_backbone(params.backbone, "none", params.train.seed)
    initial = {path: np.asarray(random.get_layer(path.split("/")[0]).kernel) for path in (first, second)}
    assert np.array_equal(seen[0][first], initial[first])
    assert not np.array_equal(seen[0][second], initial[second])
    assert not np.array_equal(seen[1][first], initial[first])


def test_averaging_changes_validation_but_not_training(workspace: Workspace) -> None:
    layout, histories = workspace.layout, []
    for ema in (0.0, 0.9):
        params = params_with(train={"head_epochs": 0, "ema": ema})
        features(layout, params)
        train(layout, params)
        histories.append(pd.read_csv(layout.model / "history.csv"))
    plain, use_averages = histories
    assert use_averages["loss"].tolist() == plain["loss"].tolist()
    assert use_averages["val_loss"].tolist() != plain["val_loss"].tolist()


def test_a_step_is_traced_once() -> None:
    class Counting(keras.Model):
        """Counts how often Python runs a step."""

        traced = 0

        def train_step(self, data: object) -> object:
            self.traced += 1
            return super().train_step(data)

    image = keras.Input((3,))
    model = Counting(image, keras.layers.Dense(1)(image))
    fitting.compile_model(model, LayerwiseAdamW(0.1, 0.0, {}, 0.9), 0.0)
    batches = np.ones((8, 3), np.float32), np.ones((8, 1), np.float32), np.ones(8, np.float32)
    model.fit(*batches[:2], sample_weight=batches[2], batch_size=4, verbose=0)
    assert model.traced == 1


def test_the_learning_rate_warms_up_and_falls_to_zero() -> None:
    optimizer = make_optimizer(Phase("fine_tune", epochs=4, learning_rate=0.1, warmup_epochs=1.0), 10, 0.01)
    schedule = optimizer._learning_rate
    assert float(schedule(0)) == 0.0
    assert float(schedule(5)) == pytest.approx(0.05)  # after half of the 10 warm-up steps
    assert float(schedule(10)) == pytest.approx(0.1)
    assert float(schedule(25)) == pytest.approx(0.05)  # after half of the cosine
    assert float(schedule(40)) == pytest.approx(0.0, abs=1e-9)


def test_equal_models_give_equal_files(tmp_path: Path) -> None:
    model = keras.Sequential(
        [keras.Input((2,)), keras.layers.Dense(1, kernel_initializer="ones", name="unit")], name="m"
    )
    save_model(model, tmp_path / "a.keras")
    keras.utils.set_random_seed(5)
    save_model(model, tmp_path / "b.keras")
    assert (tmp_path / "a.keras").read_bytes() == (tmp_path / "b.keras").read_bytes()
    assert float(load_model(tmp_path / "a.keras")(np.array([[1.0, 2.0]]))[0, 0]) == 3.0


def test_curves_need_no_commit_and_do_not_touch_the_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    subprocess.run(["git", "init", "--quiet"], check=True)
    subprocess.run([sys.executable, "-m", "dvc", "init", "--quiet"], check=True)
    before = sorted(path for path in tmp_path.rglob("*") if path.is_file())
    curves = fitting.Curves("live", save_dvc_exp=False, dvcyaml=None, report=None)
    for loss in (2.0, 1.0):
        curves.log_metric("loss", loss)
        curves.next_step()
    curves.end()
    written = {path for path in tmp_path.rglob("*") if path.is_file()}.difference(before)
    assert written == {tmp_path / "live/metrics.json", tmp_path / "live/plots/metrics/loss.tsv"}
    assert (tmp_path / "live/plots/metrics/loss.tsv").read_text().split() == ["step", "loss", "0", "2.0", "1", "1.0"]


def test_history_has_both_phases_and_equals_the_live_curves(workspace: Workspace) -> None:
    layout = workspace.layout
    features(layout, workspace.params)
    train(layout, workspace.params)
    history = pd.read_csv(layout.model / "history.csv")
    assert history["phase"].tolist() == ["head", "fine_tune", "fine_tune"]
    assert history["epoch"].tolist() == [1, 1, 2]
    live = pd.read_csv(layout.live / "plots/metrics/val_loss.tsv", sep="\t")
    assert live["val_loss"].tolist() == pytest.approx(history["val_loss"].tolist())
    assert fitting.METRICS[0] in json.loads((layout.live / "metrics.json").read_text())
