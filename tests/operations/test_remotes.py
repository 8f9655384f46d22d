"""Data and models are pushed to a remote, a folder or a real S3 server, and pulled in another clone."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
import yaml
from moto.server import ThreadedMotoServer

from tests.operations.production import PATIENCE_S, Production
from tests.small_checkout import environment

pytestmark = pytest.mark.timeout(3 * PATIENCE_S)

KEY, SECRET = "AKIAEXAMPLEKEY", "a-secret-access-key-5c1d"
DOCUMENT = Path(__file__).resolve().parents[2] / "docs/operations.md"
PULL = re.compile(r"^```yaml\n(pull:.*?)^```$", re.MULTILINE | re.DOTALL)
FILES = (
    "artifacts/model/model.keras",
    "artifacts/submission.csv",
    "artifacts/evaluation/report.html",
    "data/train.csv",
)


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    """Start an S3 server with an empty bucket; yield its address."""
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    _, port = server.get_host_and_port()
    url = f"http://127.0.0.1:{port}"
    client = boto3.client(
        "s3", endpoint_url=url, aws_access_key_id=KEY, aws_secret_access_key=SECRET, region_name="us-east-1"
    )
    client.create_bucket(Bucket="faces")
    client.close()
    yield url
    server.stop()


@pytest.fixture(scope="module")
def committed(trained: Production) -> Production:
    """A checkout whose dvc.lock and data.dvc are committed after the run, as in the README."""
    someone = ["-c", "user.name=Someone", "-c", "user.email=someone@example.org"]
    trained.call("git", "add", "data.dvc", "dvc.lock", "params.yaml")
    trained.call("git", *someone, "commit", "--allow-empty", "-q", "-m", "Retrain")
    return trained


def there_and_back(site: Production, clone: Path, url: str, *settings: tuple[str, str]) -> str:
    """Run `dvc push` in the checkout and `dvc pull` in a fresh clone; return DVC's whole output."""
    site.call("git", "clone", "-q", str(site.root), str(clone))
    said = []
    for root, command in ((site.root, "push"), (clone, "pull")):
        lines = [["remote", "add", "--local", "--force", "--default", "storage", url]]
        lines += [["remote", "modify", "--local", "storage", name, value] for name, value in settings]
        for arguments in [*lines, [command, "-v"]]:
            line = [sys.executable, "-m", "dvc", *arguments]
            done = subprocess.run(
                line, cwd=root, env=environment(root), capture_output=True, text=True, check=False, timeout=PATIENCE_S
            )
            assert done.returncode == 0, done.stdout + done.stderr
            said.append(done.stdout + done.stderr)
    for name in FILES:
        assert (clone / name).read_bytes() == (site.root / name).read_bytes(), name
    status = subprocess.run(
        [sys.executable, "-m", "dvc", "status"],
        cwd=clone,
        env=environment(clone),
        capture_output=True,
        text=True,
        check=True,
    )
    assert "up to date" in status.stdout
    return "".join(said)


def test_a_folder(committed, tmp_path):
    there_and_back(committed, tmp_path / "clone", str(tmp_path / "team"))
    assert (tmp_path / "team/files/md5").is_dir()


def test_s3_whose_credentials_stay_out_of_repository_and_logs(committed, s3, tmp_path):
    clone = tmp_path / "clone"
    settings = (("endpointurl", s3), ("access_key_id", KEY), ("secret_access_key", SECRET), ("region", "us-east-1"))
    said = there_and_back(committed, clone, "s3://faces/facegender", *settings)
    assert SECRET not in said
    for root in (committed.root, clone):
        assert SECRET in (root / ".dvc/config.local").read_text(encoding="utf-8")
        tracked = subprocess.run(
            ["git", "grep", "--untracked", "-I", SECRET, "--", ":!tests"], cwd=root, capture_output=True, check=False
        )
        assert tracked.returncode == 1, tracked.stdout  # git grep found nothing in tracked or untracked files


def test_a_deployment_that_fetches_code_and_data_by_itself(committed, tmp_path):
    site, folder = committed, tmp_path / "another-machine/facegender"
    folder.mkdir(parents=True)
    there_and_back(site, tmp_path / "clone", str(tmp_path / "team"))
    # as in docs/operations.md, but with this Python's packages instead of a new .venv
    documented = yaml.safe_load(PULL.search(DOCUMENT.read_text(encoding="utf-8"))[1])
    text = yaml.safe_dump(documented).replace("/srv/facegender", str(folder))
    text = text.replace("https://git.example.org/team/facegender.git", str(site.root))
    remote = f"{sys.executable} -m dvc remote add --local --force --default storage {tmp_path / 'team'}"
    text = text.replace("make .venv/.ready", remote).replace(".venv/bin/dvc", f"{sys.executable} -m dvc")
    deployment = {"name": "elsewhere", "entrypoint": "flows/retrain.py:retrain", "work_pool": {"name": "local"}}
    (tmp_path / "prefect.yaml").write_text(text + yaml.safe_dump({"name": "facegender", "deployments": [deployment]}))
    deploy = [sys.executable, "-m", "tasks", "prefect", "--no-prompt", "deploy", "--all", "--prefect-file"]
    site.call(*deploy, str(tmp_path / "prefect.yaml"))
    try:
        run = site.begin("retrain/elsewhere")
        assert site.ended(run)["state_type"] == "COMPLETED", site.log(run)
    finally:
        site.api(f"/deployments/{site.deployment('retrain/elsewhere')}", method="DELETE")
    stages = {name: state for name, state in site.tasks(run).items() if name != "promote"}
    assert set(stages.values()) == {"Cached"}, stages
    for name in FILES:
        assert (folder / name).read_bytes() == (site.root / name).read_bytes(), name
