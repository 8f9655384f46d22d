"""attributes.csv: what the user says of the pictures, to slice an evaluation by."""

from pathlib import Path

import pandas as pd

from facegender.data.tables import read_table
from facegender.errors import UserError


def read_attributes(path: Path, images: pd.Index, image_column: str | None = None) -> pd.DataFrame | None:
    """Read the attributes of some images.

    Parameters
    ----------
    path
        The CSV file, one row an image. Of two rows for one image the first counts; `validate` has warned of them.
    images
        The images' names.
    image_column
        The column with the names, where it is known (validation.json states it); otherwise the column that holds the
        most of `images`.

    Returns
    -------
    The other columns as text, a row for each of `images` in their order; missing values for an image that the file does
    not list. None if there is no such file.

    Raises
    ------
    UserError
        The file lacks `image_column`, or cannot be read (see `read_table`).
    """
    if not path.exists():
        return None
    table = read_table(path)
    frame = table.frame
    if image_column is None:
        image_column = max(frame.columns, key=lambda name: int(images.isin(frame[name]).sum()))
    elif image_column not in frame.columns:
        raise UserError(table.where(), f"the column {image_column} must be there", ", ".join(frame.columns))
    return frame.drop_duplicates(image_column).set_index(image_column).reindex(images)
