"""The processes that read images: what they find, read ahead, and how they end."""

import io
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from facegender.data.reader_pool import Readers
from facegender.data.reader_process import ImageFolder
from facegender.data.reader_protocol import (
    DIGEST,
    SIDE,
    Images,
    Limits,
    receive_images,
    receive_names,
    send_images,
    send_names,
)
from facegender.errors import UserError
from facegender.params.sections import ValidateParams
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


def test_a_fault_of_ours_in_one_is_no_mistake_of_the_users(
    data: Data, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(
        "facegender.data.reader_pool.PROGRAM", "import sys; sys.stdin.buffer.read(1); raise KeyError('odd')"
    )
    with (
        Readers(data.layout.images, ValidateParams()) as readers,
        pytest.raises(RuntimeError, match="ended with exit code 1; its own message stands above"),
    ):
        list(readers.read([(0, NAMES)]))
    assert "KeyError: 'odd'" in capfd.readouterr().err


def test_the_block_ends_them_whatever_they_do(data: Data) -> None:
    with Readers(data.layout.images, ValidateParams()) as readers:
        processes = list(readers._processes)
        assert processes
        assert all(process.poll() is None for process in processes)
    assert all(process.returncode == -signal.SIGKILL for process in processes)


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
    assert not alive(process.pid)


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
    deadline = time.monotonic() + 20
    while alive(process.pid) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not alive(process.pid)


def alive(group: int) -> bool:
    """Whether a process of a group is there."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def test_they_import_little() -> None:
    heavy = "{'numpy', 'pandas', 'pyarrow', 'pydantic', 'tensorflow'}"
    program = f"import sys, facegender.data.reader_process; print({heavy} & set(sys.modules))"
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ran.stdout == "set()\n"


def test_the_asking_process_starts_them_before_it_imports_what_weighs() -> None:
    heavy = "{'numpy', 'pandas', 'pyarrow', 'PIL', 'tensorflow'}"
    program = f"import sys, facegender.cli.app, facegender.data.validate; print({heavy} & set(sys.modules))"
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ran.stdout == "set()\n"


def test_a_message_comes_through_as_it_was_and_half_a_message_is_noticed() -> None:
    images = Images.blank(["a.jpg", "gr\u00fc\u00df.jpg", "no unicode \udcff.jpg"])
    images.width[1], images.mode[1], images.reasons[2] = 224, "RGB", "the file is missing"
    images.digests[:2], images.thumbnails[-1:] = b"\x00\xff", b"\n"
    images = images._replace(outside=(2, "/elsewhere"))
    pipe = io.BytesIO()
    send_images(pipe, images)
    send_names(pipe, images.names)
    pipe.seek(0)
    assert receive_images(pipe) == images
    assert receive_names(pipe) == images.names
    for size in (0, 5, 40, len(pipe.getvalue()) // 2):
        with pytest.raises(EOFError):
            receive_images(io.BytesIO(pipe.getvalue()[:size]))
