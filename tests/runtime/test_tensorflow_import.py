"""How TensorFlow is imported."""

import gc
import subprocess
import sys

import pytest

from facegender.runtime.tensorflow_import import hide_modules, pause_garbage_collection


def test_modules_are_hidden_only_within_and_only_where_nobody_has_them_yet() -> None:
    sys.modules.pop("this", None)
    with hide_modules("this", "sys"):
        with pytest.raises(ImportError):
            import this  # noqa: F401
        import sys as again

        assert again is sys
    assert "this" not in sys.modules


def test_tensorflow_comes_without_what_keras_imports_for_its_galleries() -> None:
    program = """
import sys
from facegender.runtime.tensorflow_import import import_tensorflow
import_tensorflow()
print([name for name in ("sklearn", "matplotlib") if name in sys.modules])
import matplotlib.pyplot, sklearn.metrics
"""
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (result.returncode, result.stdout) == (0, "[]\n"), result.stderr


def test_what_was_imported_is_never_looked_through_again() -> None:
    try:
        with pause_garbage_collection():
            assert not gc.isenabled()
            module = {name: [name] for name in map(str, range(1000))}
        assert gc.isenabled()
        assert gc.get_freeze_count() > 1000
        assert not any(found is module for found in gc.get_objects())
        with pytest.raises(ImportError), pause_garbage_collection():
            raise ImportError
        assert gc.isenabled()
    finally:
        gc.unfreeze()
