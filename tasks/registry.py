"""The registry of promoted models: versions and champion are annotated git tags, in the form that GTO reads and writes.

The tag model@v1.2.0 names a commit beside the user's branch, which nothing checks out. The commit holds git's files as
they were at the promotion, with the dvc.lock, data.dvc and params.yaml that made the model. So whoever has the tag has
the code, data and parameters of the model, and DVC's cache or remote has its files. The tag model#champion#3 says which
version is the champion.
"""

import json
import tempfile
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import yaml

from facegender.errors import UserError
from facegender.files.atomic import atomic_folder
from facegender.files.json_files import read_json, write_json
from tasks.checkout import Checkout
from tasks.dvc_stage import run_dvc
from tasks.git import run_git

ARTIFACT: Final = "model"
STAGE: Final = "champion"
RECORD: Final = "champion.json"  # in the tagged commit, and with the champion's files
FIRST: Final = "v1.0.0"
FOLDERS: Final = ("model", "evaluation")  # of artifacts/, which make up a champion
NOBODY: Final = {"NAME": "facegender", "EMAIL": "facegender@localhost"}  # if git has no name for its user


@dataclass(frozen=True)
class Version:
    """One promoted model.

    Attributes
    ----------
    name
        Such as v1.2.0.
    commit
        The commit that the tag names.
    since
        When it was registered.
    champion
        It is the champion now.
    served
        It is or was the champion.
    record
        champion.json: what made the model, and its accuracy.
    """

    name: str
    commit: str
    since: datetime
    champion: bool
    served: bool
    record: dict[str, Any]


@dataclass(frozen=True)
class Hashes:
    """DVC's hashes of a model's files, as in dvc.lock and data.dvc."""

    model: str
    evaluation: str
    data: str


def require_commit(root: Path) -> None:
    """Raise UserError if `root` is no git repository with a commit, which a tag needs."""
    if run_git(root, "rev-parse", "--verify", "--quiet", "HEAD^{commit}", check=False):
        return
    remedy = "Make it one with a first commit: git init && git add --all && git commit -m 'First commit'."
    raise UserError(str(root), "versions of the champion are git tags, so this must be a git repository", None, remedy)


def list_versions(checkout: Checkout) -> list[Version]:
    """List all promoted models, the newest version first."""
    from gto import api  # imported late: it takes seconds
    from gto.versions import SemVer

    root = checkout.root
    require_commit(root)
    if not run_git(root, "tag", "--list", f"{ARTIFACT}@*"):  # GTO refuses an artifact without versions
        return []
    served = {event["commit"] for event in api.history(str(root), ARTIFACT) if event["event"] == "assignment"}
    found = [
        Version(
            row["version"],
            row["commit_hexsha"],
            row["created_at"],
            any(stage["stage"] == STAGE for stage in row["stages"]),
            row["commit_hexsha"] in served,
            json.loads(run_git(root, "show", f"{row['commit_hexsha']}:{RECORD}")),
        )
        for row in api.show(str(root), ARTIFACT)
    ]
    return sorted(found, key=lambda version: SemVer(version.name), reverse=True)


def find_champion(known: list[Version]) -> Version | None:
    """Find the champion; None if no model has been promoted."""
    return next((version for version in known if version.champion), None)


def read_hashes(root: Path) -> Hashes:
    """Read the hashes of what artifacts/ holds; every stage must be up to date."""
    lock = yaml.safe_load((root / "dvc.lock").read_text(encoding="utf-8"))
    data = yaml.safe_load((root / "data.dvc").read_text(encoding="utf-8"))
    outs = {out["path"]: out["md5"] for stage in lock["stages"].values() for out in stage["outs"]}
    return Hashes(outs["artifacts/model"], outs["artifacts/evaluation"], data["outs"][0]["md5"])


def is_demo(checkout: Checkout) -> bool:
    """Return whether the model in artifacts/ was made from the drawn demo."""
    return bool(read_json(checkout.files.validation)["demo"])


def register(checkout: Checkout, known: list[Version], model: Hashes, decision: dict[str, Any]) -> Version:
    """Make the model in artifacts/ a version; it is not the champion yet.

    If an earlier run registered this model and was killed before it became the champion, that version is returned.
    """
    from gto import api
    from gto.versions import SemVer

    waiting = next((version for version in known if version.record["model"] == model.model), None)
    if waiting is not None:
        return waiting
    name = SemVer(known[0].name).bump_minor().version if known else FIRST
    metrics = read_json(checkout.files.evaluation / "metrics.json")
    record = {
        "version": name,
        "code": run_git(checkout.root, "rev-parse", "HEAD"),
        "data": model.data,
        "model": model.model,
        "evaluation": model.evaluation,
        "demo": is_demo(checkout),
        "judged": metrics["judged"],
        "accuracy": metrics["accuracy"],
        "decision": decision,
    }
    commit = commit_snapshot(checkout.root, record)
    accuracy = metrics["accuracy"]
    api.register(
        str(checkout.root),
        ARTIFACT,
        commit,
        version=name,
        message=f"{metrics['judged']} accuracy {accuracy['value']:.3f} (n = {accuracy['n']}), data {model.data}",
    )
    return next(version for version in list_versions(checkout) if version.name == name)


def commit_snapshot(root: Path, record: dict[str, Any]) -> str:
    """Commit the tracked files as they are, with DVC's files of the model and the record; return the commit's hash.

    The user's branch, index and files stay as they are: a temporary index replaces the user's.
    """
    with tempfile.TemporaryDirectory(dir=root / ".dvc" / "tmp") as folder:
        path = Path(folder) / RECORD
        write_json(path, record)
        variables = {"GIT_INDEX_FILE": str(Path(folder) / "index")}
        run_git(root, "read-tree", "HEAD", variables=variables)
        run_git(root, "add", "--update", variables=variables)
        run_git(root, "add", "--force", "dvc.lock", "data.dvc", "params.yaml", variables=variables)
        blob = run_git(root, "hash-object", "-w", str(path))
        run_git(root, "update-index", "--add", "--cacheinfo", f"100644,{blob},{RECORD}", variables=variables)
        tree = run_git(root, "write-tree", variables=variables)
        message = f"{ARTIFACT} {record['version']}"
        return run_git(root, "commit-tree", tree, "-p", "HEAD", "-m", message, variables=find_identity(root))


def find_identity(root: Path) -> dict[str, str]:
    """Return environment variables with a name to commit under; none if git knows the user's."""
    if run_git(root, "var", "GIT_COMMITTER_IDENT", check=False):
        return {}
    return {f"GIT_{who}_{what}": value for who in ("AUTHOR", "COMMITTER") for what, value in NOBODY.items()}


def serve(checkout: Checkout, version: Version) -> None:
    """Make a version the champion: first its tag, then its files. After a kill in between, see `restore_champion`."""
    assign_champion(checkout, version)
    fetch_files(checkout, version)


def assign_champion(checkout: Checkout, version: Version) -> None:
    """Tag a version as the champion if it is not yet."""
    from gto import api

    if not version.champion:  # force: it may have been the champion before
        api.assign(str(checkout.root), ARTIFACT, STAGE, version=version.name, force=True)


def restore_champion(checkout: Checkout, champion: Version | None) -> None:
    """Fetch the files of the tagged champion if they are missing: after a kill, in a fresh clone, with new tags."""
    if champion is None:
        return
    path = checkout.files.champion / RECORD
    if not path.is_file() or read_json(path)["commit"] != champion.commit:
        fetch_files(checkout, champion)


def fetch_files(checkout: Checkout, version: Version) -> None:
    """Put a version's files into artifacts/champion/, from DVC's cache or remote: all of them or none.

    Raises
    ------
    UserError
        The files are in neither.
    """
    with atomic_folder(checkout.files.champion) as folder:
        for name in FOLDERS:
            command = ["get", ".", f"artifacts/{name}", "--rev", version.commit, "--out", str(folder / name)]
            code, said = run_dvc(checkout, *command)
            if code != 0 and (remote := run_dvc(checkout, "config", "core.remote"))[0] == 0:
                # the configuration in the version's commit may lack today's remote
                code, said = run_dvc(checkout, *command, "--force", "--remote", remote[1].strip())
            if code != 0:
                errors = [line for line in said.splitlines() if line.startswith("ERROR")]
                raise UserError(
                    f"{ARTIFACT} {version.name}",
                    "its files must be in DVC's cache or in a remote",
                    errors[0] if errors else None,
                    "Push them from the machine that has them (dvc push --all-tags) and try again, or roll back to "
                    "another version: python -m flows.champion list.",
                )
        write_json(folder / RECORD, {**version.record, "commit": version.commit})
