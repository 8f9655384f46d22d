"""What the artifacts on a run's page share."""

import base64
from pathlib import Path
from typing import Final

PERCEIVED: Final = "Labels are gender as perceived by annotators."
TABLE_ROWS: Final = 1000  # a longer table slows the page; the stage's own file has every row


def embed_picture(picture: Path) -> str:
    """Return an SVG or PNG file as a data URL: a browser cannot read files on the machine that ran the flow."""
    kind = {".svg": "svg+xml", ".png": "png"}[picture.suffix]
    return f"data:image/{kind};base64,{base64.b64encode(picture.read_bytes()).decode()}"
