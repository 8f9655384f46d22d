"""Array types of this package."""

import numpy as np
import numpy.typing as npt

Hashes = npt.NDArray[np.uint64]  # (n,), one perceptual hash each
RowMask = npt.NDArray[np.bool_]  # (n,), one per row
RowNumbers = npt.NDArray[np.int64]  # (m,) or (m, 2), positions of rows
Thumbnails = npt.NDArray[np.uint8]  # (n, 32, 32), grey
