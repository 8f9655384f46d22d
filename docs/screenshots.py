"""Take the documents' pictures of the Prefect UI, with the last promotion of this checkout.

Only the drawn demo is shown, so that no picture shows a person. First run `make deploy` and `make worker`, then
retrain/weekly, then change params.yaml (train.epochs, for example) and run it again. Then:

python docs/screenshots.py

docs/report-faces.png is the top of artifacts/evaluation/report.html of a run on real faces, where no face is shown.
"""

import json
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.request import Request, urlopen

from PIL import Image
from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import tasks  # noqa: E402, F401 - finds the server of this checkout

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
COLOURS = 128  # of a palette, which makes the files a quarter as large


def main() -> None:
    """Write every picture to docs/."""
    if not (ROOT / "data/demo.json").exists():
        sys.exit("data/ must hold the drawn demo: pictures of people have no place in the documents.")
    api = os.environ.get("PREFECT_API_URL") or sys.exit("No server is running: start one with `make deploy`.")
    ui = api.removesuffix("/api")
    run = last_run(api)
    shown = {key: f"{ui}/artifacts/artifact/{artifact(api, run['id'], key)}" for key in ("plots", "summary")}
    pictures: dict[str, tuple[str, Callable[[Page], None], int, int]] = {
        "prefect-run.png": (f"{ui}/runs/flow-run/{run['id']}", wait_for_graph, 1120, 560),
        "prefect-artifacts.png": (f"{ui}/runs/flow-run/{run['id']}", open_artifacts, 1280, 1120),
        "prefect-plots.png": (shown["plots"], wait_for_pictures, 1120, 980),
        "prefect-summary.png": (shown["summary"], wait_for_summary, 1120, 580),
        "prefect-form.png": (f"{ui}/deployments/deployment/{run['deployment_id']}/run", wait_for_form, 1120, 680),
    }
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        for name, (url, ready, width, height) in pictures.items():
            page = browser.new_page(viewport={"width": width, "height": height}, device_scale_factor=2)
            page.goto(url)
            ready(page)
            page.wait_for_timeout(1500)  # for what moves to come to rest
            save(page, ROOT / "docs" / name)
            page.close()
        browser.close()


def ask(api: str, path: str, body: object) -> Any:
    """An answer of the server's API."""
    request = Request(f"{api}{path}", json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urlopen(request, timeout=60) as answer:
        return json.load(answer)


def last_run(api: str) -> dict[str, Any]:
    """The last run of retrain/weekly in which a model was trained, and promoted after another."""
    filters = {
        "flows": {"name": {"any_": ["retrain"]}},
        "flow_runs": {"state": {"name": {"any_": ["Completed"]}}},
        "task_runs": {"name": {"like_": "promote"}, "state": {"name": {"any_": ["Completed"]}}},
        "sort": "START_TIME_DESC",
    }
    runs: list[dict[str, Any]] = [run for run in ask(api, "/flow_runs/filter", filters) if run["deployment_id"]]
    after_another = (run for run in runs if "is the champion, after" in run["state"]["message"])
    found: dict[str, Any] | None = next(after_another, None)
    return found or sys.exit("There is no run of a deployment that has promoted a model after another: see above.")


def artifact(api: str, run: str, key: str) -> str:
    """The id of an artifact of the run."""
    found = ask(api, "/artifacts/filter", {"artifacts": {"flow_run_id": {"any_": [run]}, "key": {"any_": [key]}}})
    return str(found[0]["id"])


def wait_for_graph(page: Page) -> None:
    """The graph of tasks is drawn on a canvas."""
    page.wait_for_selector("canvas", timeout=60_000)
    page.wait_for_timeout(3000)


def open_artifacts(page: Page) -> None:
    """The cards of the run's artifacts."""
    tab = page.get_by_text("Artifacts", exact=True).last
    tab.click()
    page.get_by_text("Quarantined rows").first.wait_for(timeout=60_000)
    wait_for_graph(page)  # above the tabs, which it moves
    tab.evaluate("element => element.scrollIntoView({block: 'start'})")
    page.mouse.move(0, 0)  # or what is below it is framed


def wait_for_pictures(page: Page) -> None:
    """The plots, as pictures that have really been decoded."""
    page.wait_for_function("[...document.images].filter(image => image.naturalWidth > 200).length > 5", timeout=60_000)


def wait_for_summary(page: Page) -> None:
    """The headline of a Markdown artifact."""
    page.get_by_text("champion:").first.wait_for(timeout=60_000)


def wait_for_form(page: Page) -> None:
    """The form of the run's parameters."""
    page.get_by_text("Hours per stage").first.wait_for(timeout=60_000)


def save(page: Page, path: Path) -> None:
    """A screenshot with few colours."""
    with TemporaryDirectory() as folder:
        raw = Path(folder) / "raw.png"
        page.screenshot(path=raw)
        Image.open(raw).convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE).save(path, optimize=True)


if __name__ == "__main__":
    main()
