"""Peer: cleanvision with all of its default checks. Argument: images."""

import json
import sys

from cleanvision import Imagelab

if __name__ == "__main__":  # cleanvision starts processes that import this file
    lab = Imagelab(data_path=sys.argv[1])
    lab.find_issues(verbose=False)
    print(json.dumps({"n": len(lab.issues)}))
