"""Stage validate: every row of every CSV and every image; what cannot be used is set aside, with the reason."""

from pathlib import Path

from facegender.data.reader_pool import Readers
from facegender.errors import UserError
from facegender.files.layout import Layout
from facegender.params.sections import DataParams, ValidateParams


def validate(data: Layout, columns: DataParams, params: ValidateParams, index: Path, report: Path) -> None:
    """Check all of `data` and write `index` (index.parquet) and `report` (validation.json).

    Raises
    ------
    UserError
        See `check_data`; no images folder.
    """
    if not data.images.is_dir():
        raise UserError(str(data.images), "the folder with the images must exist", None, "See README, 'Your own data'.")
    with Readers(data.images, params) as readers:
        # Only now, while the processes read ahead: pandas takes as long to import as thousands of images to read
        from facegender.data.check import check_data

        check_data(data, columns, params, readers, index, report)
