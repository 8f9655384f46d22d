"""Peer: cleanvision with all of its default checks. Argument: images.

cleanvision stops at the first picture that Pillow cannot decode. So, as its users do, this script lets Pillow fill up
truncated files and leaves out all other undecodable ones.
"""

import json
import sys
from pathlib import Path

from cleanvision import Imagelab
from PIL import Image, ImageFile, UnidentifiedImageError

ImageFile.LOAD_TRUNCATED_IMAGES = True


def is_picture(path: Path) -> bool:
    try:
        with Image.open(path):
            return True
    except (UnidentifiedImageError, OSError):
        return False


if __name__ == "__main__":  # cleanvision starts processes that import this file
    pictures = [str(path) for path in sorted(Path(sys.argv[1]).rglob("*")) if path.is_file() and is_picture(path)]
    lab = Imagelab(filepaths=pictures)
    lab.find_issues(verbose=False)
    print(json.dumps({"n": len(lab.issues)}))
