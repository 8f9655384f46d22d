"""How TensorFlow is imported."""

import subprocess
import sys

import pytest

from facegender.quiet import unavailable


def test_modules_are_hidden_only_within_and_only_where_nobody_has_them_yet() -> None:
    sys.modules.pop("this", None)
    with unavailable("this", "sys"):
        with pytest.raises(ImportError):
            import this  # noqa: F401
        import sys as again

        assert again is sys
    assert "this" not in sys.modules


def test_tensorflow_comes_without_what_keras_imports_for_its_galleries() -> None:
    program = """
import sys
from facegender.quiet import import_tensorflow
import_tensorflow()
print([name for name in ("sklearn", "matplotlib") if name in sys.modules])
import matplotlib.pyplot, sklearn.metrics
"""
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (result.returncode, result.stdout) == (0, "[]\n"), result.stderr
