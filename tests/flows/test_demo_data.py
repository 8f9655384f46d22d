"""data.dvc in the repository is the data that `facegender demo` draws."""

import shutil
import subprocess
import sys
from pathlib import Path

from facegender.demo import draw
from tasks.checkout import Checkout
from tasks.dvc_stage import status


def test_the_demo_is_what_data_dvc_says(checkout: Path, tmp_path: Path):
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    subprocess.run([sys.executable, "-m", "dvc", "init", "-q"], cwd=tmp_path, check=True)
    shutil.copy2(checkout / "data.dvc", tmp_path)
    (tmp_path / ".gitignore").write_text("/data/\n")
    draw(tmp_path / "data", images=600, seed=2026)
    assert status(Checkout(tmp_path), "data.dvc") == {"data.dvc": [{"changed outs": {"data": "not in cache"}}]}
