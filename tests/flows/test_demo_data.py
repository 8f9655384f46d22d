"""data.dvc in the repository records the data that `facegender demo` draws."""

import shutil
import subprocess
import sys
from pathlib import Path

from facegender.demo import draw
from tasks.checkout import Checkout
from tasks.dvc_stage import read_status


def test_data_dvc_records_the_demo(checkout: Path, tmp_path: Path):
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    subprocess.run([sys.executable, "-m", "dvc", "init", "-q"], cwd=tmp_path, check=True)
    shutil.copy2(checkout / "data.dvc", tmp_path)
    (tmp_path / ".gitignore").write_text("/data/\n")
    draw(tmp_path / "data", images=600, seed=2026)
    assert read_status(Checkout(tmp_path), "data.dvc") == {"data.dvc": [{"changed outs": {"data": "not in cache"}}]}
