"""Features under way: which views of which pictures are missing, and making them; a kill loses next to nothing."""

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
from facegender.files.float16_rows import RowFile
from facegender.files.image_names import lookup
from facegender.files.layout import Layout
from facegender.files.resumable import NOTE, begin, named
from facegender.network.engine import Engine, forward
from facegender.params.stage_params import FeaturesStageParams
from facegender.pictures.augment import view_of
from facegender.pictures.decode import Pixels, decode_validated
from facegender.runtime.prefetch import prefetch
from facegender.runtime.progress import Advance, track

logger = logging.getLogger(__name__)

AHEAD = 32  # pictures decoded ahead of the engine, each with all its views
FLUSH_EVERY = 1024  # forward passes after which finished pictures are marked as such


@dataclass
class MissingViews:
    """One picture's missing views: its row, their numbers and their pixels."""

    row: int
    views: list[int]
    pixels: list[Pixels]


class Work:
    """Features under way, in a folder of their own that a killed run leaves and the next one finds.

    Parameters
    ----------
    rows
        image, sha256, augmented; rows with augmented views come first.
    target
        The folder that `finish` puts them into.
    earlier
        Features folders, where they exist, to copy from what is there already.
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
        self.folder = named(layout.resume / target.name, self.depends_on)
        self.augmented = int(rows["augmented"].sum())
        self.views: list[RowFile] = []
        self.done: npt.NDArray[np.bool_] = np.empty((0, 0), bool)

    @property
    def missing(self) -> int:
        """Views still to be computed."""
        return int((~self.done).sum())

    def count_rows(self, view: int) -> int:
        """Rows of a view's file."""
        return len(self.rows) if view == 0 else self.augmented

    def check_disk(self) -> None:
        """Say what the features take, and refuse where the disk has not that much."""
        per_row = int(np.prod(self.manifest.shape)) * 2
        need = per_row * sum(self.count_rows(view) for view in range(self.manifest.views))
        have = sum(file.stat().st_size for file in self.folder.glob("view_*.npy")) if self.folder.exists() else 0
        self.layout.artifacts.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(self.layout.artifacts).free
        logger.info("features: %.2f GB on disk for %s rows", need / 1e9, f"{len(self.rows):,}")
        if need - have > free:
            raise UserError(
                str(self.target),
                f"the features need {need / 1e9:.2f} GB of disk",
                f"{free / 1e9:.2f} GB free",
                "Free some, or lower features.views in params.yaml.",
            )

    def reuse_earlier(self) -> None:
        """Open the files of this work, new or left by a killed run; copy what earlier features have of it."""
        resumed = (self.folder / "done.npy").exists()
        if not resumed:
            shutil.rmtree(self.folder, ignore_errors=True)
        begin(self.folder.parent, self.depends_on, "features")
        for view in range(self.manifest.views):
            path = view_file(self.folder, view)
            if resumed:
                self.views.append(RowFile(path, writable=True))
            else:
                self.views.append(RowFile.create(path, self.count_rows(view), self.manifest.shape))
        if resumed:
            self.done = np.lib.format.open_memmap(self.folder / "done.npy", "r+")
            logger.info("features: resuming a killed run, %d%% is there", round(100 * self.done.mean()))
            return
        done = np.zeros((len(self.rows), self.manifest.views), bool)
        done[self.augmented :, 1:] = True  # rows that only validate need view 0 alone
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
                    logger.info("features: computed anew, for the code has changed since")
                return
            same_views = earlier.manifest.augmentation_dependencies() == self.manifest.augmentation_dependencies()
            usable = min(earlier.manifest.views, self.manifest.views) if same_views else 1
            rows = earlier.rows
            found = lookup(self.rows["sha256"], rows["sha256"])
            earlier_augmented = int(rows["augmented"].sum())
            as_exact = self._has_same_precision(earlier.manifest, found < earlier_augmented)
            copied = 0
            for view in range(usable):
                limit = len(rows) if view == 0 else earlier_augmented
                wanted, there = ~done[: self.count_rows(view), view], found[: self.count_rows(view)]
                here = np.flatnonzero(wanted & (there >= 0) & (there < limit) & as_exact[: self.count_rows(view)])
                for start in range(0, len(here), FLUSH_EVERY):
                    part = here[start : start + FLUSH_EVERY]
                    for row, values in zip(part, earlier.views[view].read(found[part]), strict=True):
                        self.views[view].write(row, values)
                done[here, view] = True
                copied += len(here)
            if copied:
                logger.info("features: %s taken over from the features that are there", f"{copied:,}")

    def _has_same_precision(self, earlier: Manifest, augmented: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
        """Of each row, whether one of the earlier features, which is `augmented` there, has its precision."""
        now, was = self.manifest.precision_of, earlier.precision_of
        return np.concatenate(
            [
                np.where(part, was(True) == now(mine), was(False) == now(mine))
                for part, mine in ((augmented[: self.augmented], True), (augmented[self.augmented :], False))
            ]
        )

    def iterate_missing(self, among: range) -> Iterator[MissingViews]:
        """Each of these rows that misses some views, decoded once for all of them."""
        names, hashes = self.rows["image"].array, self.rows["sha256"].array

        def prepare(row: int) -> MissingViews:
            views = [int(view) for view in np.flatnonzero(~self.done[row])]
            picture = decode_validated(self.layout.images, str(names[row]), self.params.backbone.image_size)
            sha256 = str(hashes[row])
            seed = self.params.features.seed
            pixels = [view_of(picture, self.params.augment, seed, sha256, view) for view in views]
            return MissingViews(row, views, pixels)

        missing = (row for row in among if not self.done[row].all())
        yield from prefetch(prepare, missing, workers=os.cpu_count() or 1, ahead=AHEAD)

    def compute(self, engine_of: Callable[[str], Engine]) -> None:
        """Run the frozen part over every missing view, in full batches, and write as it goes.

        `engine_of` gives the engine of a precision.
        """
        needed = len(self.rows) + self.augmented * (self.manifest.views - 1)
        with track("features", needed, "views", done=needed - self.missing) as advance:
            for precision, rows in self._plan_passes():
                if not self.done[rows.start : rows.stop].all():
                    self._run_pass(engine_of(precision), rows, advance)

    def _plan_passes(self) -> Iterator[tuple[str, range]]:
        """Precisions, each with the rows that it computes."""
        exact, rough = self.manifest.precision_of(augmented=False), self.manifest.precision_of(augmented=True)
        if exact == rough:
            yield exact, range(len(self.rows))
        else:
            yield exact, range(self.augmented, len(self.rows))
            yield rough, range(self.augmented)

    def _run_pass(self, engine: Engine, rows: range, advance: Advance) -> None:
        missing = int((~self.done[rows.start : rows.stop]).sum())
        which = "" if len(rows) == len(self.rows) else " to train on" if rows.start == 0 else " to validate with"
        logger.info("features: %s views%s by %s", f"{missing:,}", which, engine.name)
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
        # the features reach the disk before the mark that says so
        for view in {view for _, view in unmarked}:
            self.views[view].flush()
        for row, view in unmarked:
            self.done[row, view] = True
        unmarked.clear()

    def finish(self) -> None:
        """Put the finished folder in its place."""
        assert self.done.all()
        for view in self.views:
            view.close()
        self.done = np.empty((0, 0), bool)
        (self.folder / "done.npy").unlink()
        (self.folder / NOTE).unlink()
        self.manifest.write(self.folder)
        write_rows(self.folder, self.rows)
        replace_folder(self.folder, self.target)
