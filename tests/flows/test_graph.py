"""The flow, dvc.yaml and the code agree on what depends on what."""

import ast
import inspect
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from facegender.files.layout import Layout
from facegender.params.stage_params import StageParams
from facegender.runtime.code_fingerprint import closure
from facegender.stages import CROSS_VALIDATION, PIPELINE, Stage

NAMES = [stage.name for stage in PIPELINE]


def in_dvc(stage: Stage) -> str:
    """A stage's name in dvc.yaml."""
    return stage.name.replace("-", "_")


def homes(checkout: Path, stage: Stage) -> set[str]:
    """The folders that hold what a stage is made of, and facegender's own files: facegender/data, …"""
    modules = [stage.function.partition(":")[0]]
    if stage.name == "train-folds":
        modules.append("facegender.cross_validation.train_fold")  # its child processes run this one
    files = set().union(*(closure(checkout, module) for module in modules))
    return {"/".join(file.parts[:2]) for file in files}


@pytest.fixture(scope="module")
def stages(checkout: Path) -> dict[str, Any]:
    return yaml.safe_load((checkout / "dvc.yaml").read_text(encoding="utf-8"))["stages"]


@pytest.fixture(scope="module")
def apart(checkout: Path) -> dict[str, Any]:
    return yaml.safe_load((checkout / "cross_validate/pipeline.yaml").read_text(encoding="utf-8"))["stages"]


def flow_edges(checkout: Path) -> list[tuple[str, set[str]]]:
    """Read (task, tasks that it waits for) from the flow's code, in the order of its lines."""
    tree = ast.parse((checkout / "flows/retrain.py").read_text(encoding="utf-8"))
    edges: list[tuple[str, set[str]]] = []
    made_by: dict[str, str] = {}
    for node in sorted(ast.walk(tree), key=lambda node: getattr(node, "lineno", 0)):
        if not (isinstance(node, ast.Assign) and isinstance(node.value, ast.Call)):
            continue
        call, target = node.value, node.targets[0]
        if not (isinstance(call.func, ast.Name) and call.func.id in ["record_data", *NAMES]):
            continue
        assert isinstance(target, ast.Name)
        made_by[target.id] = call.func.id
        waits = next((word.value for word in call.keywords if word.arg == "wait_for"), ast.List([]))
        assert isinstance(waits, ast.List)
        edges.append((call.func.id, {made_by[name.id] for name in waits.elts if isinstance(name, ast.Name)}))
    return edges


def dvc_edges(stages: dict[str, Any]) -> dict[str, set[str]]:
    """Map each stage to the stages whose outputs it depends on; `record_data` stands for data/."""
    made_by = {"data": "record_data"}
    for name, stage in stages.items():
        made_by |= {next(iter(out)): name for out in stage["outs"]}
    edges: dict[str, set[str]] = {}
    for name, stage in stages.items():
        edges[name] = {
            maker for dep in stage["deps"] for out, maker in made_by.items() if dep == out or dep.startswith(out + "/")
        }
    return edges


def test_the_flow_names_the_stages_in_their_order(checkout, stages):
    assert [name for name, _ in flow_edges(checkout)] == ["record_data", *NAMES]
    assert list(stages) == NAMES


def test_the_flow_waits_for_what_dvc_depends_on(checkout, stages):
    waits = dict(flow_edges(checkout))
    for name, makers in dvc_edges(stages).items():
        # later stages wait for record_data through the first one
        assert waits[name] - {"record_data"} == makers - {"record_data"}, name
    assert waits["validate"] == {"record_data"}


def test_the_last_step_promotes_after_every_stage(checkout):
    # dvc.yaml has no such stage: the champion outlives the pipeline's files, and experiments do not change it
    tree = ast.parse((checkout / "flows/retrain.py").read_text(encoding="utf-8"))
    bodies = {node.name: ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
    assert [name for name, body in bodies.items() if "promote(" in body] == ["finish"]
    assert "promote(checkout, return_state=True, wait_for=states[-2:])" in bodies["finish"]
    assert "finish(checkout, [recorded, *run_stages(checkout, recorded)])" in bodies["retrain"]


def test_every_flow_reports_its_failures_as_one_message(checkout):
    found = {}
    for path in sorted((checkout / "flows").glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef):
                decorators = [ast.unparse(one) for one in node.decorator_list]
                if any(one.startswith("flow(") for one in decorators):
                    found[node.name] = decorators[-1]
    assert len(found) == 6
    assert set(found.values()) == {"report_failures"}, found


@pytest.mark.parametrize("stage", [*PIPELINE, *CROSS_VALIDATION], ids=in_dvc)
def test_a_stage_depends_on_the_folders_it_is_made_of_and_no_other(checkout, stages, apart, stage):
    listed = [dep for dep in {**stages, **apart}[in_dvc(stage)]["deps"] if dep.startswith("facegender/")]
    assert listed == sorted(homes(checkout, stage))


@pytest.mark.parametrize("stage", [*PIPELINE, *CROSS_VALIDATION], ids=in_dvc)
def test_the_table_of_stages_and_dvc_name_the_same_outputs(stages, apart, stage):
    outs = [next(iter(out)) for out in {**stages, **apart}[in_dvc(stage)]["outs"]]
    assert outs == [path.as_posix() for path in stage.output_paths(Layout())]


@pytest.mark.parametrize("stage", PIPELINE, ids=in_dvc)
def test_the_table_of_stages_and_dvc_have_the_same_order(stages, stage):
    assert {name.replace("-", "_") for name in stage.after} == dvc_edges(stages)[in_dvc(stage)] - {"record_data"}


@pytest.mark.parametrize("stage", [*PIPELINE, *CROSS_VALIDATION], ids=in_dvc)
def test_every_stage_has_the_same_call_shape(stage):
    parameters = list(inspect.signature(stage.load()).parameters.values())
    assert [one.name for one in parameters][:2] == ["layout", "params"]
    assert parameters[0].annotation is Layout
    assert issubclass(parameters[1].annotation, StageParams)
    assert len(parameters) == (3 if stage.name == "train-folds" else 2)  # the command that trains one fold


def test_a_folder_of_code_holds_nothing_that_would_rerun_a_stage_for_nothing(checkout):
    # DVC leaves out what .dvcignore names; any other file that git ignores would count as a change of the code
    names = ["facegender/data/.DS_Store", "facegender/data/.split.py.swp", "facegender/data/split.py~"]
    names += ["facegender/data/__pycache__/split.cpython-311.pyc"]
    answer = subprocess.run(
        [sys.executable, "-m", "dvc", "check-ignore", *names], cwd=checkout, capture_output=True, text=True, check=False
    )
    assert answer.stdout.split() == names
    ignored = subprocess.run(
        ["git", "ls-files", "--others", "--ignored", "--exclude-standard", "facegender"],
        cwd=checkout,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    assert [name for name in ignored if "__pycache__" not in name] == []


@pytest.mark.parametrize("stage", NAMES)
def test_a_stage_is_the_command_of_its_name(stages, stage):
    assert stages[stage]["cmd"] == f"facegender {stage}"


def test_every_output_is_cached_and_stays_until_the_new_one_is_complete(stages):
    # with `cache: false`, `dvc checkout` would lose it; without `persist`, DVC deletes it before the stage runs
    for stage in stages.values():
        for out in stage["outs"]:
            assert list(out.values()) == [{"persist": True}], out


def test_every_parameter_of_dvc_yaml_is_in_params_yaml(checkout, stages):
    params = yaml.safe_load((checkout / "params.yaml").read_text(encoding="utf-8"))
    for stage in stages.values():
        for name in stage["params"]:
            value = params
            for key in name.split("."):
                assert key in value, name
                value = value[key]


def test_the_cross_validation_has_stages_of_its_own(apart):
    assert list(apart) == [in_dvc(stage) for stage in CROSS_VALIDATION]
    for name, stage in apart.items():
        assert stage["cmd"] == f"facegender {name.replace('_', '-')}"
        assert stage["wdir"] == ".."  # so that its paths equal those of dvc.yaml
        assert [list(out.values()) for out in stage["outs"]] == [[{"persist": True}]]


def test_the_number_of_folds_recomputes_no_features(stages, apart):
    named = {name for name, stage in {**stages, **apart}.items() if "cross_validate.folds" in stage["params"]}
    assert named == {"train_folds"}


def test_the_learning_rate_reruns_train_evaluate_and_submit_only(stages):
    touched = {name for name, stage in stages.items() if {"train", "train.learning_rate"} & set(stage["params"])}
    assert touched == {"train"}
    below = dvc_edges(stages)
    for name in NAMES:
        if below[name] & touched:
            touched.add(name)
    assert touched == {"train", "evaluate", "submit"}
