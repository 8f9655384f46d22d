"""compose.yaml and Dockerfile keep to what docs/operations.md promises; no Docker engine is needed to see that."""

import re
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
IMAGE = r"[a-z]+:\d+\.\d+(\.\d+)?-[a-z0-9-]+"  # name, full version, distribution


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))["services"]
    return found


def test_what_is_published_is_published_on_loopback(services):
    ports = [port for service in services.values() for port in service.get("ports", [])]
    assert ports == ["127.0.0.1:4200:4200"]


def test_every_image_is_pinned(services):
    (base,) = re.findall(r"^FROM (\S+)$", (ROOT / "Dockerfile").read_text(encoding="utf-8"), flags=re.MULTILINE)
    images = {service["image"] for service in services.values()} - {"facegender:local"}
    assert [image for image in (base, *images) if not re.fullmatch(IMAGE, image)] == []
    assert "--require-hashes -r requirements.lock" in (ROOT / "Dockerfile").read_text(encoding="utf-8")
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    assert f"prefect=={version('prefect')} " in lock


def test_no_password_stands_in_a_file(services):
    for service in services.values():
        for name, value in service.get("environment", {}).items():
            if "PASSWORD" in name:
                assert value == "${POSTGRES_PASSWORD:?set it in .env}"
    assert "/.env" in (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()
    kept_out = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert {".env", ".dvc/config.local", "data", "artifacts"} <= set(kept_out)


def test_folders_and_targets_exist(services):
    for service in services.values():
        for volume in service.get("volumes", []):
            source, _, inside = volume.partition(":")
            if source.startswith("./"):
                assert inside == f"/home/facegender/checkout/{source.removeprefix('./')}"
    targets = re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert set(services["worker"]["command"][1:]) <= set(targets)
