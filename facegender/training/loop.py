"""The training loop: one call of `keras.Model.fit` per epoch, with a checkpoint after each.

One epoch per call, because then the state of the loop (patience, best epoch, history) is a small record that a
checkpoint can hold. Spread over callbacks it could not be saved.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import keras
from dvclive.live import Live

from facegender.files.float16_rows import Float16Rows
from facegender.params.sections import TrainParams
from facegender.runtime import events
from facegender.runtime.progress import Advance, track
from facegender.training.batches import Batches, FeatureBatches, Rows
from facegender.training.checkpoint import Checkpoints, Progress
from facegender.training.layer_rates import LayerRate, assign_rates, measure_depths
from facegender.training.mixup import MixedBatches
from facegender.training.optimizer import LayerwiseAdamW
from facegender.training.source import VALIDATION_BATCH, InputPipeline, Source
from facegender.training.tf_dataset import BatchSequence, as_dataset

logger = logging.getLogger(__name__)

# called with an epoch's row of the history; an exception from it ends the training
OnEpoch = Callable[[dict[str, Any]], None]

METRICS = ("loss", "accuracy", "val_loss", "val_accuracy", "learning_rate")
EQUAL_RATES: Mapping[str, LayerRate] = MappingProxyType({})


@dataclass(frozen=True)
class Phase:
    """A part of the training with its own optimizer.

    `unfreeze_epochs`: over these the blocks start to train, one after another; `layer_decay`: see
    `facegender.training.layer_rates`.
    """

    name: str
    epochs: int
    learning_rate: float
    warmup_epochs: float
    layer_decay: float = 1.0
    unfreeze_epochs: float = 0.0


class Curves(Live):
    """dvclive's metrics and plots as files only.

    dvclive inspects the repository to save experiments, which DVC does here. If it did, training would need a commit,
    import DVC, and leave pack files open.
    """

    def _init_dvc(self) -> None:
        pass


class Trainer:
    """Runs the phases of one training, and resumes from its checkpoints."""

    def __init__(
        self, source: Source, params: TrainParams, checkpoints: Checkpoints, live: Path, on_epoch: OnEpoch | None = None
    ) -> None:
        self.source, self.params, self.checkpoints = source, params, checkpoints
        self.on_epoch = on_epoch or emit_epoch
        self.live: Live = Curves(str(live), save_dvc_exp=False, dvcyaml=None, report=None)

    def run(self, phases: list[Phase]) -> list[dict[str, Any]]:
        """Train all phases and return the history; the model ends with the weights of the last phase's best epoch."""
        resumed = self.checkpoints.load()
        progress = resumed or Progress()
        if resumed:
            logger.info("train: resuming a killed training after epoch %d of phase %s", progress.epoch, progress.phase)
            for row in progress.history:
                self._record(row)
        names = [phase.name for phase in phases]
        for phase in phases[names.index(progress.phase) if resumed else 0 :]:
            if phase.name == "head":
                self._run_head(phase, progress)
            else:
                self._run_phase(phase, progress, self.source.fused, self.source.pipeline)
        self.live.end()
        return progress.history

    def _run_head(self, phase: Phase, progress: Progress) -> None:
        # the backbone is frozen, so its pooled output is computed once, and an epoch takes seconds
        path = self.checkpoints.folder / "pooled.npy"
        if not path.exists():
            self.source.write_pooled(path)
        pooled = Float16Rows(path)

        def batches(rows: Rows, size: int) -> Batches:
            return FeatureBatches([pooled], rows, size)

        self._run_phase(phase, progress, self.source.head, InputPipeline(batches, batches, views=1))
        pooled.close()

    def _run_phase(self, phase: Phase, progress: Progress, model: keras.Model, pipeline: InputPipeline) -> None:
        count, size = len(self.source.train.rows), self.params.batch_size
        if self.params.sampling == "balanced":
            count = count // 2 * 2  # half from each class
        steps = -(-count // size)
        rates = self._assign_rates(phase, steps)
        optimizer = make_optimizer(phase, steps, self.params.weight_decay, rates, self.params.ema)
        compile_model(model, optimizer, self.params.label_smoothing)
        if progress.phase == phase.name:
            self.checkpoints.restore(self.source.model, model.optimizer)
        else:
            progress.start_phase(phase.name)
        validation = pipeline.validation(self.source.validation, VALIDATION_BATCH)
        total, done = count * phase.epochs, count * progress.epoch
        unfrozen = phase.unfreeze_epochs  # patience counts from here: before, some blocks have yet to start
        with track(f"train, {phase.name.replace('_', ' ')}", total, "images", done=done) as advance:
            while progress.epoch < phase.epochs and not progress.out_of_patience(self.params.patience, unfrozen):
                dataset = as_dataset(self._draw_epoch(phase, progress.epoch, pipeline))
                model.fit(dataset, shuffle=False, verbose=0, callbacks=[_ProgressCallback(advance, size, count)])
                with optimizer.use_averages(model.trainable_variables):
                    row = self._measure(model, validation, phase, progress.epoch, optimizer)
                    if progress.finish_epoch(row):
                        self.checkpoints.save_best(self.source.model)
                self.checkpoints.save(progress, self.source.model, model.optimizer)
                _log_epoch(row, phase)  # after the checkpoint: no epoch that is logged trains again
                self._record(row)
        if progress.epoch < phase.epochs:
            logger.info("train: stopped early after epoch %d; the best was %d", progress.epoch, progress.best_epoch)
        self.checkpoints.restore_best(self.source.model)

    def _draw_epoch(self, phase: Phase, epoch: int, pipeline: InputPipeline) -> BatchSequence:
        params, rows = self.params, self.source.train
        draw = rows.balance if params.sampling == "balanced" else rows.shuffle
        batches = pipeline.train(draw(params.seed, epoch, pipeline.views), params.batch_size)
        blends = params.mixup and phase.name != "head"
        return MixedBatches(batches, params.mixup, params.seed, epoch) if blends else batches

    def _assign_rates(self, phase: Phase, steps_per_epoch: int) -> dict[str, LayerRate]:
        depth_of = measure_depths(self.source.model.layers, self.source.head.layers)
        return assign_rates(depth_of, phase.layer_decay, round(phase.unfreeze_epochs * steps_per_epoch))

    def _measure(
        self, model: keras.Model, validation: Batches, phase: Phase, epoch: int, optimizer: LayerwiseAdamW
    ) -> dict[str, Any]:
        trained = model.history.history
        validated = model.evaluate(as_dataset(validation), verbose=0, return_dict=True)
        return {
            "phase": phase.name,
            "epoch": epoch + 1,
            "loss": float(trained["loss"][0]),
            "accuracy": float(trained["accuracy"][0]),
            "val_loss": float(validated["loss"]),
            "val_accuracy": float(validated["accuracy"]),
            "learning_rate": float(optimizer.learning_rate),
        }

    def _record(self, row: dict[str, Any]) -> None:
        for name in METRICS:
            self.live.log_metric(name, row[name])
        self.live.next_step()
        self.on_epoch(row)


def _log_epoch(row: dict[str, Any], phase: Phase) -> None:
    logger.info(
        "train: %s epoch %d/%d  loss %.4f  accuracy %.3f  val_loss %.4f  val_accuracy %.3f",
        phase.name,
        row["epoch"],
        phase.epochs,
        row["loss"],
        row["accuracy"],
        row["val_loss"],
        row["val_accuracy"],
    )


def emit_epoch(row: dict[str, Any]) -> None:
    """Emit an epoch's row of the history as an event for the process that started this one."""
    events.emit("epoch", **row)


def make_optimizer(
    phase: Phase,
    steps_per_epoch: int,
    weight_decay: float,
    rate_of: Mapping[str, LayerRate] = EQUAL_RATES,
    ema: float = 0.0,
) -> LayerwiseAdamW:
    """Make an AdamW whose learning rate warms up and falls to zero by a cosine."""
    steps, warmup = phase.epochs * steps_per_epoch, round(phase.warmup_epochs * steps_per_epoch)
    warmup = min(warmup, steps - 1)
    schedule = keras.optimizers.schedules.CosineDecay(
        initial_learning_rate=0.0 if warmup else phase.learning_rate,
        decay_steps=steps - warmup,
        warmup_target=phase.learning_rate if warmup else None,
        warmup_steps=warmup,
    )
    return LayerwiseAdamW(schedule, weight_decay, rate_of, ema)


def compile_model(model: keras.Model, optimizer: keras.Optimizer, label_smoothing: float) -> None:
    """Compile a model of logits for training, and create the optimizer's variables."""
    model.compile(
        optimizer,
        loss=keras.losses.BinaryCrossentropy(from_logits=True, label_smoothing=label_smoothing),
        weighted_metrics=[keras.metrics.MeanMetricWrapper(is_correct, name="accuracy")],
        jit_compile=False,  # XLA takes 10 times as long on CPUs, and is slow on GPUs for depthwise products
    )
    # otherwise the first step creates variables and is traced twice, which takes half a second
    model.optimizer.build(model.trainable_variables)


def is_correct(labels: keras.KerasTensor, logits: keras.KerasTensor) -> keras.KerasTensor:
    """Return 1.0 where the logit is on the side of the label, or of a blend's larger share; all float32 (b, 1)."""
    return keras.ops.cast(keras.ops.equal(labels > 0.5, logits > 0.0), "float32")


class _ProgressCallback(keras.callbacks.Callback):
    """Advances the progress bar."""

    def __init__(self, advance: Advance, batch_size: int, count: int) -> None:
        super().__init__()
        self.advance, self.batch_size, self.count = advance, batch_size, count

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Called by Keras."""
        self.advance(min(self.batch_size, self.count - batch * self.batch_size))
