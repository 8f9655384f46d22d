"""Peer: a loop that decodes each image in full with Pillow and hashes its file. Argument: images."""

import json
import sys
from hashlib import sha256
from pathlib import Path

from PIL import Image

hashes = {}
for path in sorted(Path(sys.argv[1]).iterdir()):
    try:
        with Image.open(path) as picture:
            picture.load()
    except OSError:
        continue
    hashes[path.name] = sha256(path.read_bytes()).hexdigest()
print(json.dumps({"n": len(hashes)}))
