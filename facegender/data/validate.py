"""Stage validate: every row of every CSV and every image; what cannot be used is set aside, with the reason."""

from facegender.data.reader_pool import Readers
from facegender.errors import UserError
from facegender.files.layout import Layout
from facegender.params.stage_params import ValidateStageParams


def validate(layout: Layout, params: ValidateStageParams) -> None:
    """Check the data folder; write index.parquet and validation.json.

    Raises
    ------
    UserError
        See `check_data`; no images folder.
    """
    images = layout.images
    if not images.is_dir():
        raise UserError(str(images), "the folder with the images must exist", None, "See README, 'Your own data'.")
    with Readers(images, params.validation) as readers:
        # Only now, while the processes read ahead: pandas takes as long to import as thousands of images to read
        from facegender.data.check import check_data

        check_data(layout, params, readers)
