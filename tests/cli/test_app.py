"""The `facegender` command: its help, one message for a user's mistake, and `facegender doctor`."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from facegender.cli.doctor import Finding, _check_disk, _check_params, _check_prefect_api, _check_weights, as_rich
from facegender.files.layout import Layout
from facegender.stages import STAGES


def run(*arguments: str, cwd: Path, **environment: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "facegender", *arguments],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2]), **environment},
    )


def test_help_names_every_stage_and_the_meaning_of_the_labels(tmp_path: Path) -> None:
    shown = run("--help", cwd=tmp_path)
    assert shown.returncode == 0
    assert all(f" {stage} " in shown.stdout for stage in STAGES)
    assert "perceived by annotators" in " ".join(shown.stdout.split())


@pytest.mark.parametrize("stage", STAGES)
def test_the_help_of_a_stage_lists_its_options(stage: str, tmp_path: Path) -> None:
    shown = run(stage, "--help", cwd=tmp_path)
    assert {"--params", "--data", "--artifacts"} <= set(shown.stdout.split())


@pytest.mark.parametrize("command", [*list(STAGES)[1:], "review", "search"])
def test_a_command_without_its_inputs_names_the_stage_to_run(command: str, tmp_path: Path) -> None:
    (tmp_path / "params.yaml").touch()
    shown = run(command, cwd=tmp_path)
    assert shown.returncode == 2
    assert "the stage validate writes it. Received: nothing. Run `facegender validate`" in shown.stderr
    assert "Traceback" not in shown.stderr
    assert [file.name for file in tmp_path.iterdir()] == ["params.yaml"]


def test_help_imports_nothing_heavy(tmp_path: Path) -> None:
    heavy = ("tensorflow", "pandas", "openvino", "sklearn")
    code = f"import sys, facegender.cli.app; print([name for name in {heavy} if name in sys.modules])"
    shown = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2]
    )
    assert shown.stdout.strip() == "[]"


def test_predict_imports_nothing_heavy(tmp_path: Path) -> None:
    heavy = ("tensorflow", "keras", "pandas", "sklearn", "scipy", "matplotlib")
    modules = "facegender.decision.decision, facegender.scoring.predict"
    code = f"import sys, {modules}; print([name for name in {heavy} if name in sys.modules])"
    shown = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2]
    )
    assert shown.stdout.strip() == "[]"


def test_a_users_mistake_is_one_message_one_event_and_exit_code_2(tmp_path: Path) -> None:
    (tmp_path / "params.yaml").write_text("train: {epoch: 3}")
    shown = run("split", cwd=tmp_path, FACEGENDER_EVENTS=str(tmp_path / "events"))
    assert shown.returncode == 2
    assert shown.stderr.strip() == "Error: params.yaml, train.epoch: no such parameter. Check its spelling."
    assert json.loads((tmp_path / "events").read_text()) == {
        "kind": "error",
        "message": "params.yaml, train.epoch: no such parameter. Check its spelling.",
    }


def test_version(tmp_path: Path) -> None:
    assert run("--version", cwd=tmp_path).stdout.startswith("facegender 0.")


def test_doctor_on_parameters(tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    path.write_text("backbone: {weights: gone.h5}")
    assert _check_params(path).level == "good"
    assert _check_weights(path, Layout(tmp_path)) == Finding(
        *("missing", "Backbone weights", "gone.h5 does not exist"), "Correct backbone.weights in params.yaml."
    )
    path.write_text("nonsense: 1")
    assert _check_params(path).level == "missing"
    assert _check_weights(path, Layout(tmp_path)).level == "note"


def test_doctor_on_backbones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "params.yaml"
    monkeypatch.setattr("facegender.cli.doctor.KERAS_MODELS", tmp_path)

    def found(name: str, weights: str = "auto") -> tuple[str, str]:
        path.write_text(f"backbone: {{name: {name}, weights: {weights}}}")
        finding = _check_weights(path, Layout(tmp_path / "data"))
        return finding.level, finding.found

    assert found("densenet121") == ("note", "DenseNet121: ImageNet, will be downloaded in the first run")
    (tmp_path / "densenet121_weights_tf_dim_ordering_tf_kernels_notop.h5").touch()
    level, text = found("densenet121")
    assert (level, text.startswith("DenseNet121: ImageNet, ")) == ("good", True)
    assert found("densenet121", "none") == ("good", "DenseNet121: random")
    level, text = found("densenet121", "demo")
    assert (level, "demo weights exist for mobilenet_v2 only" in text) == ("missing", True)
    own = tmp_path / "own.keras"
    assert found(str(own)) == ("missing", f"{own} does not exist")
    own.touch()
    assert found(str(own)) == ("good", "own.keras: from the .keras file")


def test_doctor_on_a_prefect_api_that_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    assert _check_prefect_api().level == "good"
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:9/api")
    assert _check_prefect_api().level == "missing"


def test_the_table_has_a_row_for_each_finding() -> None:
    assert as_rich([_check_disk()]).row_count == 1


def test_doctor_suggests_a_fix_for_missing_data(tmp_path: Path) -> None:
    (tmp_path / "params.yaml").write_text("")
    shown = run("doctor", cwd=tmp_path, COLUMNS="200")
    assert shown.returncode == 1
    assert "facegender demo" in shown.stdout
    assert "Python" in shown.stdout
