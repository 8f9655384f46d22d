"""Stage validate: check every row of every CSV file and every image; quarantine what cannot be used."""

from facegender.data.reader_pool import Readers
from facegender.errors import UserError
from facegender.files.layout import Layout
from facegender.params.stage_params import ValidateStageParams


def validate(layout: Layout, params: ValidateStageParams) -> None:
    """Check the data folder; write index.parquet and validation.json.

    Raises
    ------
    UserError
        There is no images folder; see also `check_data`.
    """
    images = layout.images
    if not images.is_dir():
        raise UserError(str(images), "the folder with the images must exist", None, "See README, 'Your own data'.")
    with Readers(images, params.validation) as readers:
        # imported while the processes read ahead: importing pandas takes as long as reading thousands of images
        from facegender.data.check import check_data

        check_data(layout, params, readers)
