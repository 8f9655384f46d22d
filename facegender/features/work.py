"""Unfinished features: find which views of which pictures are missing, and compute them; a kill loses very little."""

import hashlib
import logging
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from facegender.errors import UserError
from facegender.features.store import FeatureStore, Manifest, hash_rows, view_file, write_rows
from facegender.files.atomic import replace_folder
from facegender.files.float16_rows import Float16Rows
from facegender.files.image_names import lookup
from facegender.files.layout import Layout
from facegender.files.resumable import DEPENDS_ON, open_work, work_folder
from facegender.network.engine import Engine, forward
from facegender.params.stage_params import FeaturesStageParams
from facegender.pictures.augment import make_view
from facegender.pictures.decode import Pixels, decode_validated
from facegender.runtime.prefetch import prefetch
from facegender.runtime.progress import Advance, track

logger = logging.getLogger(__name__)

AHEAD = 32  # pictures decoded ahead of the engine, each with all its views
FLUSH_EVERY = 1024  # views computed between two markings of the finished ones


@dataclass
class MissingViews:
    """One picture's missing views: its row, the numbers of the views and their pixels."""

    row: int
    views: list[int]
    pixels: list[Pixels]


class Work:
    """Unfinished features, in a folder of their own, which the next run finds after a kill.

    Parameters
    ----------
    rows
        Table of image, sha256, augmented; rows with augmented views come first.
    target
        The final folder.
    earlier
        Features folders, which need not exist, to copy existing rows from.
    """

    def __init__(
        self,
        layout: Layout,
        params: FeaturesStageParams,
        manifest: Manifest,
        rows: pd.DataFrame,
        target: Path,
        earlier: Sequence[Path],
    ) -> None:
        self.layout, self.params, self.manifest, self.rows = layout, params, manifest, rows
        self.target, self.earlier = target, earlier
        key = hashlib.sha256()
        for hashes in hash_rows(rows):
            key.update(hashes.tobytes())
        made = asdict(manifest)
        self.depends_on = {"code": made.pop("code"), "manifest": made, "rows": key.hexdigest()}
        self.folder = work_folder(layout.resume / target.name, self.depends_on)
        self.augmented = int(rows["augmented"].sum())
        self.views: list[Float16Rows] = []
        self.done: npt.NDArray[np.bool_] = np.empty((0, 0), bool)

    @property
    def missing(self) -> int:
        """Number of views still to be computed."""
        return int((~self.done).sum())

    def count_rows(self, view: int) -> int:
        """Return the number of rows in a view's file."""
        return len(self.rows) if view == 0 else self.augmented

    def check_disk(self) -> None:
        """Log how much disk space the features need; raise UserError if there is less."""
        per_row = int(np.prod(self.manifest.shape)) * 2  # bytes
        need = per_row * sum(self.count_rows(view) for view in range(self.manifest.views))
        have = sum(file.stat().st_size for file in self.folder.glob("view_*.npy")) if self.folder.exists() else 0
        self.layout.artifacts.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(self.layout.artifacts).free
        logger.info("features: %.2f GB on disk for %s rows", need / 1e9, f"{len(self.rows):,}")
        if need - have > free:
            raise UserError(
                str(self.target),
                f"the features need {need / 1e9:.2f} GB of disk space",
                f"{free / 1e9:.2f} GB free",
                "Free some space, or lower features.views in params.yaml.",
            )

    def reuse_earlier(self) -> None:
        """Open the files, new or left by a killed run; copy existing rows from earlier features into new ones."""
        resumed = (self.folder / "done.npy").exists()
        if not resumed:
            shutil.rmtree(self.folder, ignore_errors=True)
        open_work(self.folder.parent, self.depends_on, "features")
        for view in range(self.manifest.views):
            path = view_file(self.folder, view)
            if resumed:
                self.views.append(Float16Rows(path, writable=True))
            else:
                self.views.append(Float16Rows.create(path, self.count_rows(view), self.manifest.shape))
        if resumed:
            self.done = np.lib.format.open_memmap(self.folder / "done.npy", "r+")
            logger.info("features: resuming a killed run, %d%% is done", round(100 * self.done.mean()))
            return
        done = np.zeros((len(self.rows), self.manifest.views), bool)
        done[self.augmented :, 1:] = True  # rows that only validate need only view 0
        for folder in self.earlier:
            self._copy_from(folder, done)
        np.save(self.folder / "done.part.npy", done)
        (self.folder / "done.part.npy").replace(self.folder / "done.npy")
        self.done = np.lib.format.open_memmap(self.folder / "done.npy", "r+")

    def _copy_from(self, folder: Path, done: npt.NDArray[np.bool_]) -> None:
        if not (folder / "manifest.json").is_file():
            return
        with FeatureStore(folder) as earlier:
            needed = self.manifest.view_0_dependencies()
            if earlier.manifest.view_0_dependencies() != needed:
                if replace(earlier.manifest, code=self.manifest.code).view_0_dependencies() == needed:
                    logger.info("features: recomputed, because the code has changed")
                return
            same_views = earlier.manifest.augmentation_dependencies() == self.manifest.augmentation_dependencies()
            usable = min(earlier.manifest.views, self.manifest.views) if same_views else 1
            rows = earlier.rows
            found = lookup(self.rows["sha256"], rows["sha256"])
            earlier_augmented = int(rows["augmented"].sum())
            same_precision = self._has_same_precision(earlier.manifest, found < earlier_augmented)
            copied = 0
            for view in range(usable):
                limit = len(rows) if view == 0 else earlier_augmented
                count = self.count_rows(view)
                missing, source, same = ~done[:count, view], found[:count], same_precision[:count]
                here = np.flatnonzero(missing & (source >= 0) & (source < limit) & same)
                for start in range(0, len(here), FLUSH_EVERY):
                    part = here[start : start + FLUSH_EVERY]
                    for row, values in zip(part, earlier.views[view].read(found[part]), strict=True):
                        self.views[view].write(row, values)
                done[here, view] = True
                copied += len(here)
            if copied:
                logger.info("features: %s views copied from existing features", f"{copied:,}")

    def _has_same_precision(self, earlier: Manifest, augmented: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
        """Return for each row whether the earlier features, where it is `augmented` or not, have its precision."""
        now, was = self.manifest.precision_of, earlier.precision_of
        return np.concatenate(
            [
                np.where(part, was(True) == now(mine), was(False) == now(mine))
                for part, mine in ((augmented[: self.augmented], True), (augmented[self.augmented :], False))
            ]
        )

    def iterate_missing(self, among: range) -> Iterator[MissingViews]:
        """Yield the rows among these that miss views, each decoded once for all its views."""
        names, hashes = self.rows["image"].array, self.rows["sha256"].array

        def prepare(row: int) -> MissingViews:
            views = [int(view) for view in np.flatnonzero(~self.done[row])]
            picture = decode_validated(self.layout.images, str(names[row]), self.params.backbone.image_size)
            sha256 = str(hashes[row])
            seed = self.params.features.seed
            pixels = [make_view(picture, self.params.augment, seed, sha256, view) for view in views]
            return MissingViews(row, views, pixels)

        missing = (row for row in among if not self.done[row].all())
        yield from prefetch(prepare, missing, workers=os.cpu_count() or 1, ahead=AHEAD)

    def compute(self, engine_of: Callable[[str], Engine]) -> None:
        """Run the frozen part over every missing view, in full batches, and write the results as they come.

        `engine_of` makes the engine for a precision.
        """
        needed = len(self.rows) + self.augmented * (self.manifest.views - 1)
        with track("features", needed, "views", done=needed - self.missing) as advance:
            for precision, rows in self._plan_passes():
                if not self.done[rows.start : rows.stop].all():
                    self._run_pass(engine_of(precision), rows, advance)

    def _plan_passes(self) -> Iterator[tuple[str, range]]:
        """Yield each precision with the rows to compute in it."""
        exact, rough = self.manifest.precision_of(augmented=False), self.manifest.precision_of(augmented=True)
        if exact == rough:
            yield exact, range(len(self.rows))
        else:
            yield exact, range(self.augmented, len(self.rows))
            yield rough, range(self.augmented)

    def _run_pass(self, engine: Engine, rows: range, advance: Advance) -> None:
        missing = int((~self.done[rows.start : rows.stop]).sum())
        purpose = "" if len(rows) == len(self.rows) else " for training" if rows.start == 0 else " for validation"
        logger.info("features: %s views%s with %s", f"{missing:,}", purpose, engine.name)
        unmarked: list[tuple[int, int]] = []
        for here, result in forward(engine, self._iterate_views(rows), self.params.features.batch_size):
            for (row, view), values in zip(here, result, strict=True):
                self.views[view].write(row, values)
            unmarked += here
            if len(unmarked) >= FLUSH_EVERY:
                self._mark_done(unmarked)
            advance(len(here))
        self._mark_done(unmarked)

    def _iterate_views(self, rows: range) -> Iterator[tuple[tuple[int, int], Pixels]]:
        for item in self.iterate_missing(rows):
            for view, pixels in zip(item.views, item.pixels, strict=True):
                yield (item.row, view), pixels

    def _mark_done(self, unmarked: list[tuple[int, int]]) -> None:
        # flushed first: a view that is marked as done is on the disk
        for view in {view for _, view in unmarked}:
            self.views[view].flush()
        for row, view in unmarked:
            self.done[row, view] = True
        unmarked.clear()

    def finish(self) -> None:
        """Put the finished folder in the place of the target."""
        assert self.done.all()
        for view in self.views:
            view.close()
        self.done = np.empty((0, 0), bool)
        (self.folder / "done.npy").unlink()
        (self.folder / DEPENDS_ON).unlink()
        self.manifest.write(self.folder)
        write_rows(self.folder, self.rows)
        replace_folder(self.folder, self.target)
