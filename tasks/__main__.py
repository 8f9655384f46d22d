"""`python -m tasks COMMAND ...` runs any command with Prefect's settings for this checkout."""

import os
import sys
from pathlib import Path

os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
os.execvp(sys.argv[1], sys.argv[1:])  # importing this package has set the variables
