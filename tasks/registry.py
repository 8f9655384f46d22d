"""The registry of promoted models: versions and the champion are annotated git tags, as GTO writes and reads them.

model@v1.2.0 names a commit beside the user's branch, which nothing checks out: the files of git as they were when the
model was promoted, with the dvc.lock, data.dvc and params.yaml that made it. Whoever has the tag has data, code and
parameters of the model, and DVC's cache or remote has its files. model#champion#3 says which version serves.
"""

import json
import os
import subprocess
import tempfile
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import yaml

from facegender.errors import UserError
from facegender.files.atomic import atomic_folder
from tasks.checkout import Checkout
from tasks.dvc_stage import dvc

ARTIFACT: Final = "model"
STAGE: Final = "champion"
RECORD: Final = "champion.json"  # in the tagged commit, and with the champion's files
FIRST: Final = "v1.0.0"
FOLDERS: Final = ("model", "evaluation")  # of artifacts/, which make up a champion
NOBODY: Final = {"NAME": "facegender", "EMAIL": "facegender@localhost"}  # where git knows no name for its user


@dataclass(frozen=True)
class Version:
    """One promoted model.

    Attributes
    ----------
    name
        Such as v1.2.0.
    commit
        That the tag names.
    since
        When it was registered.
    champion
        It serves now.
    served
        It is or was the champion.
    record
        champion.json: what made the model, and how it was judged.
    """

    name: str
    commit: str
    since: datetime
    champion: bool
    served: bool
    record: dict[str, Any]


@dataclass(frozen=True)
class Made:
    """What dvc.lock and data.dvc say of the files in artifacts/: DVC's hashes."""

    model: str
    evaluation: str
    data: str


def refuse_without_git(root: Path) -> None:
    """Raise UserError where there is no repository with a commit to hang a tag on."""
    if git(root, "rev-parse", "--verify", "--quiet", "HEAD^{commit}", check=False):
        return
    remedy = "Make it one with a first commit: git init && git add --all && git commit -m 'First commit'."
    raise UserError(
        str(root), "versions of the champion are tags of git, so this must be a git repository", None, remedy
    )


def versions(checkout: Checkout) -> list[Version]:
    """All promoted models, the newest version first."""
    from gto import api  # imported late: it takes seconds
    from gto.versions import SemVer

    refuse_without_git(checkout.root)
    if not git(checkout.root, "tag", "--list", f"{ARTIFACT}@*"):  # GTO knows no artifact without versions
        return []
    served = {event["commit"] for event in api.history(str(checkout.root), ARTIFACT) if event["event"] == "assignment"}
    found = [
        Version(
            row["version"],
            row["commit_hexsha"],
            row["created_at"],
            any(stage["stage"] == STAGE for stage in row["stages"]),
            row["commit_hexsha"] in served,
            json.loads(git(checkout.root, "show", f"{row['commit_hexsha']}:{RECORD}")),
        )
        for row in api.show(str(checkout.root), ARTIFACT)
    ]
    return sorted(found, key=lambda version: SemVer(version.name), reverse=True)


def champion_of(known: list[Version]) -> Version | None:
    """The one that serves; None where no model has been promoted."""
    return next((version for version in known if version.champion), None)


def made(root: Path) -> Made:
    """The hashes of what artifacts/ holds, once every stage is up to date."""
    lock = yaml.safe_load((root / "dvc.lock").read_text(encoding="utf-8"))
    data = yaml.safe_load((root / "data.dvc").read_text(encoding="utf-8"))
    outs = {out["path"]: out["md5"] for stage in lock["stages"].values() for out in stage["outs"]}
    return Made(outs["artifacts/model"], outs["artifacts/evaluation"], data["outs"][0]["md5"])


def is_demo(checkout: Checkout) -> bool:
    """Whether the model in artifacts/ was made from the drawn demo."""
    return bool(json.loads(checkout.files.validation.read_text(encoding="utf-8"))["demo"])


def register(checkout: Checkout, known: list[Version], what: Made, decision: dict[str, Any]) -> Version:
    """Make the model in artifacts/ a version; it does not serve yet.

    A version that was registered by a run that was killed before it could serve is taken up again.
    """
    from gto import api
    from gto.versions import SemVer

    waiting = next((version for version in known if version.record["model"] == what.model), None)
    if waiting is not None:
        return waiting
    name = SemVer(known[0].name).bump_minor().version if known else FIRST
    metrics = json.loads((checkout.files.evaluation / "metrics.json").read_text(encoding="utf-8"))
    record = {
        "version": name,
        "code": git(checkout.root, "rev-parse", "HEAD"),
        "data": what.data,
        "model": what.model,
        "evaluation": what.evaluation,
        "demo": is_demo(checkout),
        "judged": metrics["judged"],
        "accuracy": metrics["accuracy"],
        "decision": decision,
    }
    commit = snapshot(checkout.root, record)
    accuracy = metrics["accuracy"]
    api.register(
        str(checkout.root),
        ARTIFACT,
        commit,
        version=name,
        message=f"{metrics['judged']} accuracy {accuracy['value']:.3f} (n = {accuracy['n']}), data {what.data}",
    )
    return next(version for version in versions(checkout) if version.name == name)


def snapshot(root: Path, record: dict[str, Any]) -> str:
    """A commit of the tracked files as they are, with what DVC knows of the model; branch, index and files stay.

    A temporary index takes the place of the user's own.
    """
    with tempfile.TemporaryDirectory(dir=root / ".dvc" / "tmp") as folder:
        path = Path(folder) / RECORD
        path.write_text(json.dumps(record, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        variables = {"GIT_INDEX_FILE": str(Path(folder) / "index")}
        git(root, "read-tree", "HEAD", variables=variables)
        git(root, "add", "--update", variables=variables)
        git(root, "add", "--force", "dvc.lock", "data.dvc", "params.yaml", variables=variables)
        blob = git(root, "hash-object", "-w", str(path))
        git(root, "update-index", "--add", "--cacheinfo", f"100644,{blob},{RECORD}", variables=variables)
        tree = git(root, "write-tree", variables=variables)
        return git(
            root, "commit-tree", tree, "-p", "HEAD", "-m", f"{ARTIFACT} {record['version']}", variables=identity(root)
        )


def serve(checkout: Checkout, version: Version) -> None:
    """Make a version the champion: first by its tag, then its files; `settle` ends what a kill leaves between them."""
    assign(checkout, version)
    place(checkout, version)


def assign(checkout: Checkout, version: Version) -> None:
    """The tag that makes a version the champion, where it is not."""
    from gto import api

    if not version.champion:  # force: again, after another
        api.assign(str(checkout.root), ARTIFACT, STAGE, version=version.name, force=True)


def settle(checkout: Checkout, serving: Version | None) -> None:
    """Bring the champion's files to what the tags say: after a kill, in a fresh clone, after a fetch of tags."""
    if serving is None:
        return
    path = checkout.files.champion / RECORD
    if not path.is_file() or json.loads(path.read_text(encoding="utf-8"))["commit"] != serving.commit:
        place(checkout, serving)


def place(checkout: Checkout, version: Version) -> None:
    """Put a version's files into artifacts/champion/, out of DVC's cache or remote, whole or not at all.

    Raises
    ------
    UserError
        They are in neither.
    """
    with atomic_folder(checkout.files.champion) as folder:
        for name in FOLDERS:
            command = ["get", ".", f"artifacts/{name}", "--rev", version.commit, "--out", str(folder / name)]
            code, said = dvc(checkout, *command)
            if code != 0 and (remote := dvc(checkout, "config", "core.remote"))[0] == 0:
                # the version's own configuration may not know the remote of today
                code, said = dvc(checkout, *command, "--force", "--remote", remote[1].strip())
            if code != 0:
                errors = [line for line in said.splitlines() if line.startswith("ERROR")]
                raise UserError(
                    f"{ARTIFACT} {version.name}",
                    "its files must be in DVC's cache or in a remote",
                    errors[0] if errors else None,
                    "Share them from where they are (dvc push --all-tags) and try again, or roll back to another "
                    "version: python -m flows.champion list.",
                )
        record = {**version.record, "commit": version.commit}
        (folder / RECORD).write_text(json.dumps(record, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def identity(root: Path) -> dict[str, str]:
    """Environment variables with a name to commit under, where the user has not told git one."""
    if git(root, "var", "GIT_COMMITTER_IDENT", check=False):
        return {}
    return {f"GIT_{who}_{what}": value for who in ("AUTHOR", "COMMITTER") for what, value in NOBODY.items()}


def git(root: Path, *arguments: str, variables: dict[str, str] | None = None, check: bool = True) -> str:
    """The output of a git command; without `check` that of a failed one is empty."""
    answer = subprocess.run(
        ["git", *arguments],
        cwd=root,
        env={**os.environ, **(variables or {})},
        capture_output=True,
        text=True,
        check=check,
    )
    return answer.stdout.strip() if answer.returncode == 0 else ""
