"""The processes that read images: what they find, read ahead, and how they end."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from facegender.data.reader_pool import MOST, Readers
from facegender.data.reader_process import ImageFolder
from facegender.data.reader_protocol import DIGEST, SIDE, Limits
from facegender.errors import UserError, translate_os_error
from facegender.params.sections import ValidateParams
from facegender.runtime.cores import usable_cores
from tests.small_data import Data

NAMES = [f"a{number}.png" for number in range(10)]


def test_they_find_what_one_finds_here(data: Data) -> None:
    here = ImageFolder(str(data.layout.images), Limits(10**6, 10**6))
    requests = [(place, NAMES[place : place + 3]) for place in range(0, 10, 3)]
    with Readers(data.layout.images, ValidateParams()) as readers:
        found = dict(readers.read(requests))
    assert found == {place: here.read(names) for place, names in requests}
    assert len(found[9].names) == 1
    assert len(found[9].thumbnails) == SIDE * SIDE
    assert len(found[9].digests) == DIGEST


def test_until_they_are_asked_they_read_ahead_each_file_once(data: Data) -> None:
    (data.layout.images / "sub").mkdir()
    data.draw("sub/c.png", 90)
    (data.layout.images / ".hidden").write_bytes(b"")
    (data.layout.images / "link.png").symlink_to("a0.png")
    for wait in (0.5, 2, 8, 30):  # seconds, by how busy the machine is
        with Readers(data.layout.images, ValidateParams()) as readers:
            time.sleep(wait)
            ahead = readers.ahead()
        names = [name for images in ahead for name in images.names]
        if len(names) == 24:
            break
    assert sorted(names) == sorted([*NAMES, *(f"b{n}.png" for n in range(10)), *(f"t{n}.png" for n in range(4))])
    here = ImageFolder(str(data.layout.images), Limits(10**6, 10**6))
    assert ahead == [here.read(images.names) for images in ahead]


def test_what_no_row_names_is_read_ahead_and_let_go(data: Data, monkeypatch: pytest.MonkeyPatch) -> None:
    data.draw("unlisted.png", 91)
    (data.layout.images / "broken.png").write_bytes(b"no picture")
    begin = Readers.__enter__

    def slow_start(readers: Readers) -> Readers:
        begin(readers)
        time.sleep(1)
        return readers

    index, report = data.run()
    before = data.outputs()
    monkeypatch.setattr(Readers, "__enter__", slow_start)
    data.run()
    assert data.outputs() == before
    assert report["counts"]["files_without_a_row"] == 2
    assert len(index) == 24


def test_of_several_links_out_of_the_folder_the_first_row_is_named(data: Data, tmp_path: Path) -> None:
    secret = data.draw("secret.png", 70).rename(tmp_path / "secret.png")
    for number in (150, 3, 149, 77):
        (data.layout.images / f"c{number:03}.png").symlink_to(secret)
    data.train += [f"c{number:03}.png,1" for number in range(200)]
    assert data.error().startswith("images/c003.png: an image must lie in the images folder itself")


def test_one_that_is_killed_is_told_as_such(data: Data) -> None:
    with Readers(data.layout.images, ValidateParams()) as readers:
        readers._processes[0].kill()
        with pytest.raises(UserError, match=r"one was ended by SIGKILL. Is there enough memory\? Run it again\."):
            list(readers.read([(0, NAMES)] * 20))


def test_a_fault_of_ours_in_one_is_no_mistake_of_the_users(data: Data) -> None:
    with Readers(data.layout.images, ValidateParams()) as readers:
        with pytest.raises(ValueError, match="embedded null byte") as raised:
            list(readers.read([(0, ["a\0b.png"])]))
        assert "reader_process.py" in str(raised.value.__cause__)  # the worker's own traceback
        assert translate_os_error(raised.value) is None


def test_names_that_are_no_unicode_come_through(data: Data) -> None:
    names = ["grüß.png", "no unicode \udcff.png", "missing.png"]
    for name in names[:2]:
        (data.layout.images / NAMES[0]).rename(data.layout.images / name)
        data.draw(NAMES[0], 5)
    with Readers(data.layout.images, ValidateParams()) as readers:
        ((_, images),) = readers.read([(0, names)])
    assert images.names == names
    assert images.reasons == {2: "the file is missing"}


def test_the_block_ends_them_whatever_they_do(data: Data) -> None:
    with Readers(data.layout.images, ValidateParams()) as readers:
        processes = list(readers._processes)
        assert len(processes) == min(usable_cores(), MOST)
        assert all(process.is_alive() for process in processes)
    assert all(process.exitcode == -signal.SIGKILL for process in processes)


def test_an_interrupt_of_the_whole_group_is_answered_by_the_asking_process_alone(data: Data) -> None:
    program = "\n".join(
        (
            "import signal, sys, time; from pathlib import Path",
            "from facegender.params.sections import ValidateParams; from facegender.data.reader_pool import Readers",
            "signal.signal(signal.SIGINT, signal.default_int_handler)  # in a shell's background it is ignored",
            "with Readers(Path(sys.argv[1]), ValidateParams()): print('begun', flush=True); time.sleep(60)",
        )
    )
    command = [sys.executable, "-c", program, str(data.layout.images)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, start_new_session=True) as process:
        assert process.stdout
        assert process.stdout.readline() == "begun\n"
        os.killpg(process.pid, signal.SIGINT)
        _, complaint = process.communicate(timeout=60)
    assert process.returncode == -signal.SIGINT
    assert complaint.count("Traceback") == 1
    assert ends(process.pid)


def test_when_the_asking_process_is_killed_they_end(data: Data) -> None:
    program = "\n".join(
        (
            "import os, sys; from pathlib import Path",
            "from facegender.params.sections import ValidateParams; from facegender.data.reader_pool import Readers",
            "with Readers(Path(sys.argv[1]), ValidateParams()): os.kill(os.getpid(), 9)",
        )
    )
    process = subprocess.Popen([sys.executable, "-c", program, str(data.layout.images)], start_new_session=True)
    assert process.wait(60) == -signal.SIGKILL  # and not an error of its own, before it had started any
    assert ends(process.pid)


def ends(group: int) -> bool:
    """Whether all processes of a group end within 20 s; multiprocessing's resource tracker is the last, by moments."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.1)
    return False


def test_they_import_little() -> None:
    heavy = "{'numpy', 'pandas', 'pyarrow', 'pydantic', 'tensorflow'}"
    # a spawned process imports the main module too, which is the command's
    modules = "facegender.cli.app, facegender.data.reader_pool, facegender.data.reader_process"
    program = f"import sys, {modules}; print({heavy} & set(sys.modules))"
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ran.stdout == "set()\n"


def test_the_asking_process_starts_them_before_it_imports_what_weighs() -> None:
    heavy = "{'numpy', 'pandas', 'pyarrow', 'PIL', 'tensorflow'}"
    program = f"import sys, facegender.cli.app, facegender.data.validate; print({heavy} & set(sys.modules))"
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ran.stdout == "set()\n"
