"""The review page as a person uses it, opened from disk in a real browser."""

import re
from typing import Any

import pytest

from tests.browser import find_barriers, launch_chromium, needs_browser, open_page
from tests.review.pages import ODD, read_content, write_page
from tests.small_data import Data, reason

pytestmark = needs_browser
browser = pytest.fixture(scope="module")(launch_chromium)


def test_decisions_survive_a_reload_and_validate_applies_the_saved_file(data: Data, browser: Any) -> None:
    data.layout.label_overrides.write_text("image,label,decision\na1.png,0,keep\n")
    page, said = open_page(browser, write_page(data))
    rows = read_content(data.layout.review)["rows"]
    names = [row["image"] for row in rows]
    odd = names.index(ODD)
    assert {names[0], names[1]} == {"a3.png", "b5.png"}
    page.keyboard.press("f")
    page.keyboard.press("d")
    page.get_by_role("button", name=f"Picture {odd + 1}, ").click()
    page.get_by_role("button", name=re.compile("^Keep")).click()
    assert page.locator("#counts").text_content() == "3 of 20 decided: 1 kept, 1 flipped, 1 dropped"
    assert page.locator("#saved").text_content() == "Not yet saved as a file."

    page.reload()  # decisions survive a closed tab
    assert page.locator("#counts").text_content() == "3 of 20 decided: 1 kept, 1 flipped, 1 dropped"
    assert page.locator("#place").text_content() == "3 of 20"  # the first undecided picture
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


def test_after_the_last_decision_the_page_asks_to_save_and_keys_can_be_turned_off(data: Data, browser: Any) -> None:
    page, said = open_page(browser, write_page(data, count=2))
    page.get_by_label("Use the keys").uncheck()
    page.keyboard.press("k")
    assert page.locator("#counts").text_content() == "0 of 2 decided: 0 kept, 0 flipped, 0 dropped"
    assert page.get_by_role("button", name="Save").is_disabled()
    page.get_by_label("Use the keys").check()
    page.keyboard.press("Control+d")  # a shortcut of the browser is not a decision
    page.keyboard.press("k")
    page.keyboard.press("k")
    assert page.get_by_role("status").text_content().endswith("All pictures are decided; save the file.")
    assert page.locator("#saved").text_content() == "All decided. Not yet saved as a file."
    assert page.locator("#progress").evaluate("e => e.value / e.max") == 1
    assert said == []
    page.close()


@pytest.mark.parametrize("width", [1280, 800, 360])
def test_the_page_fits_its_width_and_shows_every_picture(data: Data, browser: Any, width: int) -> None:
    page, said = open_page(browser, write_page(data), width)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate("[...document.images].every(i => i.complete && i.naturalWidth > 0)")
    sizes = page.evaluate("[...document.querySelectorAll('button')].map(e => e.getBoundingClientRect().height)")
    assert min(sizes) >= 44  # CSS pixels, WCAG 2.5.5
    page.keyboard.press("k")
    assert page.locator("#picture").evaluate("e => e.getBoundingClientRect().top") >= 0
    assert said == []
    page.close()


def test_a_screen_reader_finds_headings_pictures_and_names(data: Data, browser: Any) -> None:
    page, _ = open_page(browser, write_page(data, count=3))
    assert page.get_by_role("heading", level=1).count() == 1
    first = read_content(data.layout.review)["rows"][0]
    assert page.get_by_role("img", name=f"Picture {first['image']}, labelled class {first['label']}").count() == 1
    assert page.get_by_role("progressbar", name="Pictures decided").count() == 1
    for button in page.get_by_role("button").all():
        assert button.evaluate("e => e.ariaLabel || e.textContent.trim()")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the picture"
    page.close()


def test_without_storage_the_page_warns(data: Data, browser: Any) -> None:
    page = browser.new_page()
    page.add_init_script("Object.defineProperty(window, 'localStorage', {get() { throw new Error('denied'); }})")
    page.goto(write_page(data, count=3).as_uri())
    assert page.get_by_text("does not let the page store decisions").is_visible()
    page.keyboard.press("f")
    assert page.locator("#counts").text_content() == "1 of 3 decided: 0 kept, 1 flipped, 0 dropped"
    page.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 360])
def test_the_page_has_no_accessibility_barriers(data: Data, browser: Any, width: int, scheme: str) -> None:
    page, said = open_page(browser, write_page(data, count=3), width, color_scheme=scheme)
    assert find_barriers(page) == []
    page.keyboard.press("f")  # a decided row has other colours
    assert find_barriers(page) == []
    assert said == []
    page.close()
