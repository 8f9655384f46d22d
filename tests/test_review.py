"""The review page: what stands on it, and a person's way over it, in a real browser opened from disk."""

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from facegender.cli import app
from facegender.errors import UserError
from facegender.layout import Layout
from facegender.params import EvaluateParams, SplitParams
from facegender.review import review
from facegender.split import split
from facegender.store import Manifest, RowFile, view_file

from .small_data import Data, reason

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
needs_browser = pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine")
ODD = 'odd, "name" <&>é.png'


@pytest.fixture
def data(tmp_path: Path) -> Data:
    """21 labelled noise pictures, validated and split; by their features a3 and b5 are labelled wrongly."""
    made = Data(tmp_path)
    made.draw(ODD, 90)
    made.train.append('"odd, ""name"" <&>é.png",1')
    made.run()
    split(made.layout.index, SplitParams(), made.layout.splits)
    cache(made.layout, {"a3.png", "b5.png"})
    return made


def cache(layout: Layout, wrong: set[str], views: int = 1) -> None:
    """Features that tell the classes, but for the `wrong` ones, which look like the other."""
    folder = layout.features
    folder.mkdir(exist_ok=True)
    rows = pd.read_parquet(layout.splits)[["image", "label"]]
    Manifest({}, {}, "cut", 30, [2, 2, 20], views, {}, 1, "float32").write(folder)
    rows[["image"]].to_parquet(folder / "rows.parquet")
    file = RowFile.create(view_file(folder, 0), len(rows), (2, 2, 20))
    rng = np.random.default_rng(0)
    for row, (image, label) in enumerate(rows.itertuples(index=False)):
        side = 1.0 if (label == "1") != (image in wrong) else -1.0
        file.write(row, rng.normal(side, 0.5, (2, 2, 20)))
    file.close()


def page_of(data: Data, count: int = 200) -> Path:
    review(data.layout, EvaluateParams(), count, data.layout.review)
    return data.layout.review


def content(page: Path, name: str = "content") -> Any:
    found = re.search(rf'id="{name}">(.*?)</script>', page.read_text(encoding="utf-8"), re.DOTALL)
    assert found
    return json.loads(found[1])


def test_the_page_holds_the_most_suspect_rows_with_their_neighbours(data: Data) -> None:
    page = page_of(data, count=5)
    found = content(page)
    assert {row["image"] for row in found["rows"][:2]} == {"a3.png", "b5.png"}
    assert len(found["rows"]) == 5
    first = next(row for row in found["rows"] if row["image"] == "a3.png")
    assert first["label"] == "0"
    assert first["probability"] < 0.5
    assert len(first["neighbours"]) == 6
    # a3 looks like class 1, whose only other members with another label are wrong themselves
    assert all(label == "1" or name == "a3.png" for name, label in first["neighbours"])
    pictures = content(page, "pictures")
    named = {name for row in found["rows"] for name, _ in row["neighbours"]}
    assert set(pictures["large"]) == {row["image"] for row in found["rows"]}
    assert set(pictures["small"]) == named - set(pictures["large"])  # each picture once


def test_the_page_needs_no_other_file(data: Data) -> None:
    text = page_of(data).read_text(encoding="utf-8")
    assert not re.search(r'(?:src|href)="(?!data:|#)', text)
    assert "http" not in text
    assert "as perceived by annotators" in text


def test_names_cannot_end_the_script(data: Data) -> None:
    page = page_of(data)
    assert ODD in {row["image"] for row in content(page)["rows"]}
    assert "<&>" not in page.read_text(encoding="utf-8")


def test_the_same_inputs_give_the_same_page(data: Data) -> None:
    first = page_of(data).read_bytes()
    assert page_of(data).read_bytes() == first


def test_what_is_decided_is_not_asked_again_but_carried_along(data: Data) -> None:
    key = content(page_of(data))["key"]
    assert content(page_of(data, count=3))["key"] == key  # the browser finds its decisions again
    decided = [["a3.png", "0", "flip"], ["a1.png", "0", "keep"]]
    lines = ["image,label,decision", *(",".join(row) for row in decided), ""]
    data.layout.label_overrides.write_text("\n".join(lines))
    found = content(page_of(data))
    assert found["decided"] == decided
    assert {"a3.png", "a1.png"}.isdisjoint(row["image"] for row in found["rows"])
    assert len(found["rows"]) == 19
    assert found["key"] != key  # what was saved is done with


def test_everything_is_decided(data: Data) -> None:
    names = pd.read_parquet(data.layout.splits)[["image", "label"]]
    names.assign(decision="keep").to_csv(data.layout.label_overrides, index=False)
    with pytest.raises(UserError, match=r"some rows must be left to decide about\. Received: 21 decided"):
        page_of(data)


def test_bad_overrides_are_told_before_a_page_is_made(data: Data) -> None:
    data.layout.label_overrides.write_text("image,label,decision\na3.png,0,turn\n")
    with pytest.raises(UserError, match=r"decision must be one of keep, flip, drop\. Received: 'turn'"):
        page_of(data)


@pytest.mark.parametrize(
    ("missing", "message"),
    [
        ("validation", "the data must be validated first"),
        ("splits", "the split must be made first"),
        ("features", "the features must be made first"),
    ],
)
def test_a_stage_before_has_not_run(data: Data, missing: str, message: str) -> None:
    path: Path = getattr(data.layout, missing)
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    with pytest.raises(UserError, match=message):
        page_of(data)


def test_online_mode_has_no_features(data: Data) -> None:
    cache(data.layout, set(), views=0)
    with pytest.raises(UserError, match="features must be cached to find suspect labels"):
        page_of(data)


def test_a_picture_that_has_gone(data: Data) -> None:
    (data.layout.images / "a3.png").unlink()
    with pytest.raises(UserError, match=r"images/a3\.png: an image must be as it was when `validate` read it"):
        page_of(data)
    assert not data.layout.review.exists()


def test_the_command(data: Data, tmp_path: Path) -> None:
    from typer.testing import CliRunner

    (tmp_path / "params.yaml").write_text("{}")
    folders = ["--data", str(data.layout.data), "--artifacts", str(data.layout.artifacts)]
    options = ["--params", str(tmp_path / "params.yaml"), *folders, "--rows", "4"]
    done = CliRunner().invoke(app, ["review", *options], catch_exceptions=False)
    assert done.exit_code == 0
    assert "review.html: 4 rows, " in done.output
    assert len(content(data.layout.review)["rows"]) == 4


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    arguments = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield chromium
        chromium.close()


def opened(browser: Any, file: Path, width: int = 1280, **settings: Any) -> tuple[Any, list[str]]:
    """The page, and what it says on the console or asks of a network, which should be nothing."""
    page = browser.new_page(viewport={"width": width, "height": 900}, **settings)
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: said.append(request.url) if request.url.startswith("http") else None)
    page.goto(file.as_uri())
    return page, said


@needs_browser
def test_a_person_decides_reloads_saves_and_validate_follows(data: Data, browser: Any) -> None:
    data.layout.label_overrides.write_text("image,label,decision\na1.png,0,keep\n")
    page, said = opened(browser, page_of(data))
    rows = content(data.layout.review)["rows"]
    names = [row["image"] for row in rows]
    odd = names.index(ODD)
    assert {names[0], names[1]} == {"a3.png", "b5.png"}
    page.keyboard.press("f")
    page.keyboard.press("d")
    page.get_by_role("button", name=f"Picture {odd + 1}, ").click()
    page.get_by_role("button", name=re.compile("^Keep")).click()
    assert page.locator("#counts").text_content() == "3 of 20 decided: 1 kept, 1 flipped, 1 dropped"
    assert page.locator("#saved").text_content() == "Not yet saved as a file."

    page.reload()  # a closed tab loses nothing
    assert page.locator("#counts").text_content() == "3 of 20 decided: 1 kept, 1 flipped, 1 dropped"
    assert page.locator("#place").text_content() == "3 of 20"  # the first that is undecided
    page.keyboard.press("ArrowLeft")
    assert page.get_by_role("button", name=re.compile("^Drop")).get_attribute("aria-pressed") == "true"
    page.keyboard.press("u")
    assert page.locator("#counts").text_content() == "2 of 20 decided: 1 kept, 1 flipped, 0 dropped"
    page.keyboard.press("D")

    with page.expect_download() as download:
        page.get_by_role("button", name="Save label_overrides.csv").click()
    assert download.value.suggested_filename == "label_overrides.csv"
    assert page.locator("#saved").text_content() == "Saved as a file."
    download.value.save_as(data.layout.label_overrides)
    assert said == []
    page.close()

    label_of = {row["image"]: row["label"] for row in rows}
    assert data.layout.label_overrides.read_text(encoding="utf-8").splitlines() == [
        "image,label,decision",
        "a1.png,0,keep",  # the earlier decision
        f"{names[0]},{label_of[names[0]]},flip",
        f"{names[1]},{label_of[names[1]]},drop",
        '"odd, ""name"" <&>é.png",1,keep',
    ]
    index, report = data.run()
    assert report["overrides"] == {"flipped": 1, "dropped": 1, "kept": 2}
    assert index.set_index("image")["label"][names[0]] != label_of[names[0]]
    assert reason(index, names[1]) == "dropped by label_overrides.csv"


@needs_browser
def test_the_last_decision_asks_to_save_and_keys_can_be_turned_off(data: Data, browser: Any) -> None:
    page, said = opened(browser, page_of(data, count=2))
    page.get_by_label("Decide with the keys").uncheck()
    page.keyboard.press("k")
    assert page.locator("#counts").text_content() == "0 of 2 decided: 0 kept, 0 flipped, 0 dropped"
    assert page.get_by_role("button", name="Save").is_disabled()
    page.get_by_label("Decide with the keys").check()
    page.keyboard.press("Control+d")  # a browser's own shortcut decides nothing
    page.keyboard.press("k")
    page.keyboard.press("k")
    assert page.get_by_role("status").text_content().endswith("All pictures are decided; save the file.")
    assert page.locator("#saved").text_content() == "All decided. Not yet saved as a file."
    assert page.locator("#progress").evaluate("e => e.value / e.max") == 1
    assert said == []
    page.close()


@needs_browser
@pytest.mark.parametrize("width", [1280, 800, 360])
def test_it_fits_and_every_picture_is_there(data: Data, browser: Any, width: int) -> None:
    page, said = opened(browser, page_of(data), width)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate("[...document.images].every(i => i.complete && i.naturalWidth > 0)")
    sizes = page.evaluate("[...document.querySelectorAll('button')].map(e => e.getBoundingClientRect().height)")
    assert min(sizes) >= 44  # CSS pixels, WCAG 2.5.5
    page.keyboard.press("k")
    assert page.locator("#picture").evaluate("e => e.getBoundingClientRect().top") >= 0
    assert said == []
    page.close()


@needs_browser
def test_it_can_be_read_without_seeing_it(data: Data, browser: Any) -> None:
    page, _ = opened(browser, page_of(data, count=3))
    assert page.get_by_role("heading", level=1).count() == 1
    first = content(data.layout.review)["rows"][0]
    assert page.get_by_role("img", name=f"Picture {first['image']}, labelled class {first['label']}").count() == 1
    assert page.get_by_role("progressbar", name="Pictures decided").count() == 1
    for button in page.get_by_role("button").all():
        assert button.evaluate("e => e.ariaLabel || e.textContent.trim()")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the picture"
    page.close()


@needs_browser
def test_a_browser_that_remembers_nothing_says_so(data: Data, browser: Any) -> None:
    page = browser.new_page()
    page.add_init_script("Object.defineProperty(window, 'localStorage', {get() { throw new Error('denied'); }})")
    page.goto(page_of(data, count=3).as_uri())
    assert page.get_by_text("does not let the page remember decisions").is_visible()
    page.keyboard.press("f")
    assert page.locator("#counts").text_content() == "1 of 3 decided: 0 kept, 1 flipped, 0 dropped"
    page.close()
