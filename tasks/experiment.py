"""One run with changed parameters: a DVC experiment, in a workspace of its own beside the checkout's files."""

import shutil
import subprocess
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
from tasks.checkout import Checkout
from tasks.dvc_stage import dvc, of_the_disk

WORKSPACES = Path(".dvc/tmp/experiments")
PIPELINE = ("data.dvc", "dvc.yaml")
AUTHOR = {"user.name": "facegender", "user.email": "facegender@localhost"}  # of experiments, where git knows nobody
NAME_LENGTH = 60  # letters of the parameters in an experiment's name


def check(root: Path, changes: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    """The changes as params.yaml would hold them: "5" becomes 5.

    Raises
    ------
    UserError
        There is no such parameter, or it cannot have this value.
    """
    values = yaml.safe_load((root / "params.yaml").read_text(encoding="utf-8")) or {}
    known = flatten_params(validate_params(merge_changes(values, changes), "changed parameters"))
    return {name: known[name] for name in changes}


def workspace(checkout: Checkout, changes: Mapping[str, JsonValue]) -> Checkout:
    """A copy of the checkout as it stands, committed or not, with the changed parameters and DVC's cache in common.

    `save` removes it. After a failure or a cancel it stays until the next experiment, which goes on with its unfinished
    work where the parameters are the same.

    Raises
    ------
    UserError
        The checkout has no commit that an experiment could be compared with.
    """
    root = checkout.root
    if not checkout.commit:
        raise UserError(str(root), "an experiment needs a git commit to be compared with", None, "Commit first.")
    folder = root / WORKSPACES / slug(changes)
    kept = folder.with_suffix(".resume")
    unfinished = checkout.files.resume.relative_to(root)
    if (folder / unfinished).is_dir() and not kept.exists():
        (folder / unfinished).rename(kept)
    for other in (root / WORKSPACES).glob("*"):
        if other != kept:
            shutil.rmtree(other)
    git(root, "clone", "--quiet", "--shared", str(root), str(folder))
    for key, value in AUTHOR.items():
        if subprocess.run(["git", "config", key], cwd=root, capture_output=True, check=False).returncode != 0:
            git(folder, "config", key, value)
    copy_uncommitted(root, folder)
    write_params(folder / "params.yaml", changes)
    apart = replace(checkout, root=folder, up_to_date=False)
    succeed(checkout, apart, "config", "--local", "cache.dir", dvc(checkout, "cache", "dir")[1])
    succeed(checkout, apart, "checkout", "--quiet", "--allow-missing", *PIPELINE)
    if checkout.files.champion.is_dir():
        apart.files.champion.symlink_to(checkout.files.champion)  # evaluate compares with it
    if kept.exists():
        apart.files.resume.parent.mkdir(exist_ok=True)
        kept.rename(apart.files.resume)
    return apart


def save(checkout: Checkout, apart: Checkout, subject: str, run: str, number: str) -> str:
    """Hand the finished experiment to the checkout, where `dvc exp show` lists it; remove its workspace; its name.

    Parameters
    ----------
    subject
        What the name begins with.
    run, number
        Name and id of the Prefect run, which the experiment's commit names.
    """
    name = f"{subject}-{number[:8]}"
    message = f"{run}, Prefect run {number}"
    succeed(checkout, apart, "exp", "save", "--name", name, "--message", message, *PIPELINE)
    baseline = git(checkout.root, "rev-parse", "HEAD")
    reference = f"refs/exps/{baseline[:2]}/{baseline[2:]}/{name}"
    git(checkout.root, "fetch", "--quiet", str(apart.root), f"{reference}:{reference}")
    shutil.rmtree(apart.root)
    return name


def publish(name: str, changes: Mapping[str, JsonValue], headline: str) -> None:
    """The experiment on the run's page."""
    rows = "\n".join(f"| `{parameter}` | `{value}` |" for parameter, value in changes.items())
    create_markdown_artifact(
        markdown=f"# Experiment `{name}`\n\n{headline}\n\n| changed parameter | value |\n|---|---|\n{rows}\n\n"
        f"`dvc exp show` compares it with the others; `dvc exp apply {name}` takes it over, with model and report.\n\n"
        "Labels are gender as perceived by annotators.",
        key="experiment",
        description=f"Experiment {name}",
    )


def slug(changes: Mapping[str, JsonValue]) -> str:
    """The changes as letters that a git reference and a folder may have: "train.epochs-5"."""
    text = "-".join(f"{name}-{value}" for name, value in changes.items())
    words = "".join(
        letter if (letter.isascii() and letter.isalnum()) or letter == "_" else " " for letter in text
    ).split()
    return "-".join(words)[:NAME_LENGTH].strip("-")


def copy_uncommitted(root: Path, folder: Path) -> None:
    """What differs from the last commit, without what git ignores."""
    changed = git(root, "diff", "--name-only", "-z", "HEAD").split("\0")
    new = git(root, "ls-files", "-z", "--others", "--exclude-standard").split("\0")
    for name in filter(None, changed + new):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        if (root / name).is_file():
            shutil.copy2(root / name, folder / name)
        else:
            (folder / name).unlink(missing_ok=True)


def git(root: Path, *arguments: str) -> str:
    """What git says."""
    command = ["git", *arguments]
    return subprocess.run(command, cwd=root, capture_output=True, text=True, check=True).stdout.strip("\n")


def succeed(checkout: Checkout, apart: Checkout, *arguments: str) -> None:
    """Run DVC in the workspace; anything but success is a full disk, or a bug of ours."""
    code, said = dvc(apart, *arguments)
    if code != 0 and (told := of_the_disk(said.splitlines())) is not None:
        raise told
    if code != 0:
        raise RuntimeError(
            f"`dvc {' '.join(arguments)}` for an experiment of {checkout.root} ended with {code}:\n{said}"
        )
