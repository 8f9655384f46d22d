"""Whatever the documents name in backticks exists: files, commands and their options, parameters."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import typer.main
import yaml

from facegender.cli.app import app
from facegender.files.layout import Layout
from facegender.params.sections import Params
from tests.docs.markdown import Span, is_command, spans

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")] + sorted(ROOT.glob("docs/*.md"))
SUFFIXES = "py|md|yaml|yml|toml|lock|json|csv|parquet|html|xml|bin|npy|keras|dvc|svg|png|sh|txt"
PARAMS = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
MADE_ELSEWHERE = {
    ".venv": "made by make",
    "data.dvc": "made by `dvc add data`",
    "dvc.lock": "made by DVC",
    "~/.keras/models": "Keras's own cache",
    ".dvc/tmp/experiments": "made by a run; tests/tasks/test_experiment.py looks at it",
    ".dvc/cache": "made by DVC",
    ".dvc/config.local": "made by `dvc remote`; git ignores it",
    ".prefect/prefect.db": "made by the server",
    ".prefect/server.log": "made by the server",
    "~/.aws": "the S3 client's own",
    ".dvc/tmp/run.lock": "made by a run; tests/flows/test_lock.py looks at it",
    "data/images/00002.jpg": "drawn by the demo",
    "openvino.bin": "OpenVINO writes it beside openvino.xml",
    "retrain/weekly": "a deployment; tests/docs/test_readme.py makes and runs it",
    "incoming/": "the user's, if they want one; params.yaml names it",
    "score/nightly": "a deployment; tests/flows/test_deployments.py holds that it is there",
    "cross_validate/by-hand": "another",
    "search/by-hand": "another",
    "promote/by-hand": "another",
    "rollback/by-hand": "another",
}
LAYOUT = {
    str(value)
    for value in (getattr(Layout(), name) for name in dir(Layout) if not name.startswith("_"))
    if isinstance(value, Path)
}
SOURCE = "\n".join(file.read_text(encoding="utf-8") for file in (ROOT / "facegender").rglob("*.py"))

EVERY = [(path, span) for path in DOCUMENTS for span in spans(path)]


def ids(cases: list[tuple[Path, Span]]) -> list[str]:
    return [f"{path.name}: {span.text}" for path, span in cases]


def of_kind(pattern: str) -> list[tuple[Path, Span]]:
    """Spans that match and are no commands, each text once a document."""
    found = {
        (path, span.text): (path, span)
        for path, span in EVERY
        if re.fullmatch(pattern, span.text) and not is_command(span.text) and span.text not in MADE_ELSEWHERE
    }
    return list(found.values())


FILES = of_kind(rf"[\w./~-]*/[\w./-]*|[\w.-]+\.(?:{SUFFIXES})|Makefile")
PARAMETERS = of_kind(rf"(?:{'|'.join(PARAMS)})\.(?!(?:{SUFFIXES})$)\w+")
COMMANDS = [(path, span) for path, span in EVERY if is_command(span.text)]


@pytest.mark.parametrize(("path", "span"), FILES, ids=ids(FILES))
def test_the_file_exists(path: Path, span: Span):
    name = span.text.rstrip("/")
    kept = (ROOT / name).exists() and not name.startswith(("data/", "artifacts/"))
    spelt = re.search(rf'["/]{re.escape(Path(name).name)}["/]', SOURCE)  # what a run leaves is spelt in the code
    # a view's file is named by its number
    assert kept or name in LAYOUT or spelt or re.fullmatch(r"view_\d\d\.npy", name), f"{path.name} names {span.text}"


@pytest.mark.parametrize(("path", "span"), PARAMETERS, ids=ids(PARAMETERS))
def test_the_parameter_exists(path: Path, span: Span):
    section, key = span.text.split(".")
    assert key in PARAMS[section], f"{path.name} names {span.text}"


def test_params_yaml_names_every_parameter_with_its_default():
    assert Params.model_validate(PARAMS) == Params()
    written = {(section, key) for section, values in PARAMS.items() for key in values}
    fields = Params.model_fields.items()
    assert written == {
        (field.alias or name, key) for name, field in fields for key in field.default.__class__.model_fields
    }


@pytest.mark.parametrize(("path", "span"), COMMANDS, ids=ids(COMMANDS))
def test_the_command_exists(path: Path, span: Span):
    program, *arguments = span.text.replace('"', "").split()
    if program == "make":
        targets = re.findall(r"^([\w-]+):.*##", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE)
        assert arguments[0] in targets
    elif program == "facegender":
        root = typer.main.get_command(app)
        command = root if arguments[0].startswith("-") else root.commands[arguments[0]]  # type: ignore[attr-defined]
        options = {"--help"} | {option for parameter in command.params for option in parameter.opts}
        assert {argument for argument in arguments if argument.startswith("-")} <= options
    elif program == "dvc":
        from dvc.cli import parser

        parser.get_main_parser().parse_args(arguments)  # raises for what it does not know
    else:
        assert known_by_others(program, arguments), f"{path.name} names {span.text}"


def known_by_others(program: str, arguments: list[str]) -> bool:
    """Commands of programs that are not ours: tests/docs/test_readme.py runs README's; these are the rest."""
    if program in ("git", "source", "export", "prefect", "rm"):
        return True
    tool = Path(sys.executable).with_name(Path(program).name)
    if arguments[0] == "-m":
        command = [sys.executable, "-m", arguments[1], "--help"]
    else:
        command = [str(tool), arguments[0], "--help"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(path: Path):
    text = path.read_text(encoding="utf-8")
    links = re.findall(r"\]\(([^)\s]+)\)", text)
    headings = re.findall(r"^#+ (.*)$", text, flags=re.MULTILINE)
    within = {"#" + re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings}
    elsewhere = [link for link in links if "://" not in link and link not in within]
    assert [link for link in elsewhere if not (path.parent / link).exists()] == []


def test_the_checks_find_what_they_look_for():
    assert len(FILES) > 30
    assert len(PARAMETERS) > 10
    assert len(COMMANDS) > 20
