"""The report in a real browser, opened from disk as a reader opens it."""

import os
from pathlib import Path

import numpy as np
import pytest

from tests import browser as real
from tests.browser import find_barriers, launch_chromium, needs_browser

pytestmark = needs_browser
browser = pytest.fixture(scope="module")(launch_chromium)


@pytest.fixture(scope="module")
def evaluated(evaluated: Path) -> Path:
    """The small case's folder, or the one that FACEGENDER_REPORT names, so that any run's report can be tested."""
    return Path(os.environ.get("FACEGENDER_REPORT", evaluated)).resolve()


WIDTHS = {"wide": 1280, "narrow": 360}


def opened(browser, evaluated: Path, width: int, **settings):
    page, said = real.open_page(browser, evaluated / "report.html", width, **settings)
    assert said == []
    return page


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS.values(), ids=WIDTHS)
def test_the_report_has_no_accessibility_barriers(browser, evaluated, width, scheme):
    page = opened(browser, evaluated, width, color_scheme=scheme)
    page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    assert find_barriers(page) == []
    page.close()


def test_barriers_would_be_found(browser, tmp_path):
    (tmp_path / "bad.html").write_text("<title>x</title><p style='color:#ccc'>faint</p><img src='data:,'>")
    page, _ = real.open_page(browser, tmp_path / "bad.html")
    assert {one.split()[0] for one in find_barriers(page)} == {"color-contrast", "html-has-lang", "image-alt"}
    page.close()


@pytest.mark.parametrize("width", WIDTHS.values(), ids=WIDTHS)
def test_it_opens_without_messages_and_fits_the_window(browser, evaluated, width):
    page = opened(browser, evaluated, width)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    boxes = "[...document.querySelectorAll('svg, table, img, pre')].map(e => e.getBoundingClientRect().right)"
    assert max(page.evaluate(boxes)) <= width
    assert page.evaluate("[...document.images].every(i => i.complete && i.naturalWidth > 0)")
    page.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_has_enough_contrast(browser, evaluated, scheme):
    # WCAG 2.2 AA: a contrast of 4.5 to 1 for every element with text of its own, including text in plots
    page = opened(browser, evaluated, 1280, color_scheme=scheme)
    worst = page.evaluate(CONTRASTS)
    assert worst[0]["ratio"] >= 4.5, worst[:5]
    page.close()


CONTRASTS = """() => {
  const parse = c => (c.match(/[\\d.]+/g) || [0, 0, 0, 0]).map(Number);
  const over = (top, ground) => top.slice(0, 3).map((v, i) => v * (top[3] ?? 1) + ground[i] * (1 - (top[3] ?? 1)));
  const light = rgb => rgb.map(v => v / 255).map(v => v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [.2126, .7152, .0722][i], 0);
  const ground = e => {
    const layers = [];
    for (let x = e; x; x = x.parentElement) layers.push(parse(getComputedStyle(x).backgroundColor));
    return layers.reverse().reduce((below, c) => over(c.length === 4 ? c : [...c, 1], below), [255, 255, 255]);
  };
  const found = [];
  for (const e of document.querySelectorAll('body *')) {
    const own = [...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim());
    if (!own || !e.getClientRects().length || ['STYLE', 'TITLE'].includes(e.tagName)) continue;
    const style = getComputedStyle(e);
    const colour = e.closest('svg') ? style.fill : style.color;
    const a = light(over(parse(colour), ground(e))), b = light(ground(e));
    const ratio = (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
    found.push({ratio, text: e.textContent.trim().slice(0, 40), colour});
  }
  return found.sort((x, y) => x.ratio - y.ratio);
}"""


def test_it_can_be_read_by_keyboard(browser, evaluated):
    page = opened(browser, evaluated, 1280)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the report"
    assert page.evaluate("document.activeElement.getBoundingClientRect().left") >= 0
    page.keyboard.press("Enter")
    page.wait_for_url("**#main")
    page.close()


def test_every_plot_and_table_has_a_name_in_the_accessibility_tree(browser, evaluated):
    page = opened(browser, evaluated, 1280)
    for role in ("img", "table", "navigation", "region"):
        for element in page.get_by_role(role).all():
            name = element.evaluate(
                "e => e.ariaLabel || e.alt || e.ariaLabelledByElements?.[0]?.textContent || e.caption?.textContent"
            )
            assert name, f"a {role} without a name"
    assert page.get_by_role("heading", level=1).count() == 1
    page.close()


def test_it_prints_without_navigation_and_on_white(browser, evaluated):
    page = opened(browser, evaluated, 800, color_scheme="dark")
    page.emulate_media(media="print", color_scheme="dark")
    assert not page.get_by_role("navigation").is_visible()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert len(page.pdf(format="A4")) > 20_000
    page.close()


def test_a_checkbox_shows_the_heat_maps(browser, case, tmp_path):
    case.write(tmp_path, explain=lambda files: np.ones((len(files), 7, 7), np.float32))
    page = opened(browser, tmp_path, 1280)
    heat = page.locator(".heat").first
    assert not heat.is_visible()
    page.get_by_label("Show in orange which regions supported the answer").check()
    assert heat.is_visible()
    picture = page.locator(".picture img").first
    assert heat.bounding_box() == picture.bounding_box()
    page.close()
