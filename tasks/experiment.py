"""A run with changed parameters: a DVC experiment in a workspace of its own, apart from the checkout's files."""

import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import yaml
from prefect.artifacts import create_markdown_artifact
from pydantic import JsonValue

from facegender.errors import UserError
from facegender.params.presets import flatten_params
from facegender.params.reading import validate_params
from facegender.params.writing import merge_changes, write_params
from tasks.artifacts import PERCEIVED
from tasks.checkout import Checkout
from tasks.command import find_disk_error
from tasks.dvc_stage import run_dvc
from tasks.git import run_git

WORKSPACES = Path(".dvc/tmp/experiments")
PIPELINE = ("data.dvc", "dvc.yaml")
AUTHOR = {"user.name": "facegender", "user.email": "facegender@localhost"}  # of experiments, if git knows no user
NAME_LENGTH = 60  # letters of an experiment's name that its parameters may take


def check_changes(root: Path, changes: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    """Check changed parameters and return them as params.yaml would hold them: "5" becomes 5.

    Raises
    ------
    UserError
        A parameter does not exist, or its value is not allowed.
    """
    values = yaml.safe_load((root / "params.yaml").read_text(encoding="utf-8")) or {}
    known = flatten_params(validate_params(merge_changes(values, changes), "changed parameters"))
    return {name: known[name] for name in changes}


def make_workspace(checkout: Checkout, changes: Mapping[str, JsonValue]) -> Checkout:
    """Copy the checkout as it is, uncommitted files included, with the changed parameters and the same DVC cache.

    `save_experiment` removes the copy. After a failure or a cancel it stays until the next experiment, which resumes
    its unfinished work if the parameters are the same.

    Raises
    ------
    UserError
        The checkout has no commit to compare an experiment with.
    """
    root = checkout.root
    if not checkout.commit:
        raise UserError(str(root), "an experiment needs a git commit to be compared with", None, "Commit first.")
    folder = root / WORKSPACES / slugify(changes)
    kept = folder.with_suffix(".resume")
    unfinished = checkout.files.resume.relative_to(root)
    if (folder / unfinished).is_dir() and not kept.exists():
        (folder / unfinished).rename(kept)
    for other in (root / WORKSPACES).glob("*"):
        if other != kept:
            shutil.rmtree(other)
    run_git(root, "clone", "--quiet", "--shared", str(root), str(folder))
    for key, value in AUTHOR.items():
        if not run_git(root, "config", key, check=False):
            run_git(folder, "config", key, value)
    copy_uncommitted(root, folder)
    write_params(folder / "params.yaml", changes)
    apart = replace(checkout, root=folder, up_to_date=False)
    require_dvc(checkout, apart, "config", "--local", "cache.dir", run_dvc(checkout, "cache", "dir")[1])
    require_dvc(checkout, apart, "checkout", "--quiet", "--allow-missing", *PIPELINE)
    if checkout.files.champion.is_dir():
        apart.files.champion.symlink_to(checkout.files.champion)  # the stage evaluate compares with it
    if kept.exists():
        apart.files.resume.parent.mkdir(exist_ok=True)
        kept.rename(apart.files.resume)
    return apart


def save_experiment(checkout: Checkout, apart: Checkout, subject: str, run: str, number: str) -> str:
    """Save the finished experiment in the checkout, where `dvc exp show` lists it, and remove its workspace.

    Parameters
    ----------
    subject
        Beginning of the experiment's name.
    run, number
        Name and id of the Prefect run, for the experiment's commit message.

    Returns
    -------
    str
        The experiment's name.
    """
    name = f"{subject}-{number[:8]}"
    message = f"{run}, Prefect run {number}"
    require_dvc(checkout, apart, "exp", "save", "--name", name, "--message", message, *PIPELINE)
    baseline = run_git(checkout.root, "rev-parse", "HEAD")
    reference = f"refs/exps/{baseline[:2]}/{baseline[2:]}/{name}"
    run_git(checkout.root, "fetch", "--quiet", str(apart.root), f"{reference}:{reference}")
    shutil.rmtree(apart.root)
    return name


def publish(name: str, changes: Mapping[str, JsonValue], headline: str) -> None:
    """Create an artifact of the experiment."""
    rows = "\n".join(f"| `{parameter}` | `{value}` |" for parameter, value in changes.items())
    create_markdown_artifact(
        markdown=f"# Experiment `{name}`\n\n{headline}\n\n| changed parameter | value |\n|---|---|\n{rows}\n\n"
        f"`dvc exp show` compares experiments; `dvc exp apply {name}` adopts this one, with model and report.\n\n"
        f"{PERCEIVED}",
        key="experiment",
        description=f"Experiment {name}",
    )


def slugify(changes: Mapping[str, JsonValue]) -> str:
    """Reduce the changes to what a git reference and a folder's name allow: "train-epochs-5"."""
    text = "-".join(f"{name}-{value}" for name, value in changes.items())
    words = "".join(
        letter if (letter.isascii() and letter.isalnum()) or letter == "_" else " " for letter in text
    ).split()
    return "-".join(words)[:NAME_LENGTH].strip("-")


def copy_uncommitted(root: Path, folder: Path) -> None:
    """Copy the files that differ from the last commit, without those that git ignores."""
    changed = run_git(root, "diff", "--name-only", "-z", "HEAD").split("\0")
    new = run_git(root, "ls-files", "-z", "--others", "--exclude-standard").split("\0")
    for name in filter(None, changed + new):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        if (root / name).is_file():
            shutil.copy2(root / name, folder / name)
        else:
            (folder / name).unlink(missing_ok=True)


def require_dvc(checkout: Checkout, apart: Checkout, *arguments: str) -> None:
    """Run DVC in the workspace; if it fails, raise UserError for a full disk and RuntimeError for a bug of ours."""
    code, said = run_dvc(apart, *arguments)
    if code != 0 and (disk_error := find_disk_error(said.splitlines())) is not None:
        raise disk_error
    if code != 0:
        raise RuntimeError(
            f"`dvc {' '.join(arguments)}` for an experiment of {checkout.root} ended with {code}:\n{said}"
        )
