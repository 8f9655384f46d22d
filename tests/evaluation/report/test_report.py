import dataclasses
import itertools
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from facegender.evaluation.inputs import Extras
from facegender.evaluation.report.formats import metric, show
from facegender.evaluation.report.report import clear_gaps
from facegender.evaluation.slices import Breakdown, Slice
from facegender.statistics.accuracy_gap import Gap
from facegender.statistics.intervals import Estimate, wilson

VOID = {"meta", "link", "img", "br", "hr", "input"}


class Page(HTMLParser):
    """The elements of a page with attributes and text; `open` holds the tags that were not closed."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None], list[str]]] = []
        self.open: list[tuple[str, dict[str, str | None], list[str]]] = []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        element = (tag, dict(attrs), [])
        self.elements.append(element)
        if tag not in VOID:
            self.open.append(element)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs), []))

    def handle_endtag(self, tag):
        assert self.open[-1][0] == tag, f"</{tag}> closes <{self.open[-1][0]}>"
        self.open.pop()

    def handle_data(self, data):
        for _, _, text in self.open:
            text.append(data)

    def all(self, tag):
        return [
            (attributes, " ".join("".join(text).split())) for name, attributes, text in self.elements if name == tag
        ]


@pytest.fixture(scope="module")
def html(evaluated: Path) -> str:
    return (evaluated / "report.html").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def page(html: str) -> Page:
    return Page(html)


def test_every_tag_is_closed(page):
    assert page.open == []


def test_nothing_is_fetched_from_elsewhere(page, html):
    for tag, attributes, _ in page.elements:
        for name in ("src", "href", "xlink:href", "data", "srcset", "action"):
            target = attributes.get(name) or ""
            assert not re.match(r"(https?:)?//|file:|/", target), f"<{tag} {name}={target}>"
            if tag in ("img", "link", "script", "image", "use"):
                assert target == "" or target.startswith(("data:", "#"))
    style = "".join(text for _, text in page.all("style"))
    assert "@import" not in style
    assert "url(" not in style
    assert not page.all("script")


def test_every_number_is_that_of_metrics_json(page, metrics):
    shown = page.all("data")
    assert len(shown) > 40
    for attributes, text in shown:
        value = metric(metrics, attributes["data-metric"])
        assert attributes["value"] == str(value)
        places = [form for form in ("percent", "points", "decimal", "count") if show(value, form) == text]
        assert places, f"{attributes['data-metric']} = {value} is shown as {text}"


def test_every_metric_is_shown_with_interval_and_n(page, metrics):
    shown = {attributes["data-metric"] for attributes, _ in page.all("data")}

    def estimates(values, path=""):
        for key, value in values.items():
            if isinstance(value, dict):
                if "value" in value:
                    yield path + key
                else:
                    yield from estimates(value, f"{path}{key}.")

    in_a_sentence = ("by_chance", "worst_accuracy", "best_accuracy")  # their interval and n are elsewhere
    for name in estimates(metrics):
        assert f"{name}.value" in shown
        if not name.endswith(in_a_sentence):
            assert {f"{name}.low", f"{name}.high", f"{name}.n"} <= shown


def test_slices_are_those_of_slices_json(page, evaluated):
    slices = json.loads((evaluated / "slices.json").read_text())
    rows = [text for _, text in page.all("tr")]
    for value, figures in slices["age"].items():
        accuracy = figures["accuracy"]
        few = "" if figures["enough"] else " (few)"
        share, low, high = (show(accuracy[key], "percent") for key in ("value", "low", "high"))
        assert f"{value}{few}{accuracy['n']}{share} ({low}–{high})" in [row.replace("\n", "") for row in rows]
    assert {value: figures["enough"] for value, figures in slices["age"].items()}["70+"] is False  # 10 rows of 20


def test_headings_are_in_order(page):
    levels = [int(tag[1]) for tag, _, _ in page.elements if re.fullmatch(r"h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))


def test_landmarks_and_names_for_screen_readers(page):
    for landmark in ("header", "nav", "main", "footer"):
        assert len(page.all(landmark)) == 1
    assert page.all("html")[0][0]["lang"] == "en"
    ids = [attributes["id"] for _, attributes, _ in page.elements if attributes.get("id")]
    assert len(ids) == len(set(ids))
    for attributes, _ in page.all("section"):
        assert attributes["aria-labelledby"] in ids
    for attributes, _ in page.all("img"):
        assert attributes["alt"]
    for attributes, _ in page.all("svg"):
        assert attributes["role"] == "img"
        assert attributes["aria-label"]
    assert len(page.all("caption")) == len(page.all("table"))
    for attributes, _ in page.all("th"):
        assert attributes["scope"] in ("row", "col")
    for attributes, _ in page.all("a"):
        if attributes["href"].startswith("#"):
            assert attributes["href"][1:] in ids


def test_it_says_what_the_labels_are_and_that_validation_chose_the_epoch(html):
    assert "<em>as perceived by annotators</em>" in html
    assert "also chose which epoch to keep" in html
    assert "Not for" in html
    assert "Decisions about a person" in html


def test_names_are_escaped_in_text_and_in_links(page):
    links = {text: attributes["href"] for attributes, text in page.all("a") if "data/images" in attributes["href"]}
    assert len(links) == 54  # all 14 errors, and 20 of each other kind
    for name, target in links.items():
        number = re.fullmatch(r"face <(\d+)> & co\.png", name).group(1)
        assert target == f"../../data/images/face%20%3C{number}%3E%20%26%20co.png"


def test_the_report_of_the_demo_says_so(case, tmp_path, html):
    case.write(tmp_path, inputs=dataclasses.replace(case.inputs, facts=case.inputs.facts | {"demo": True}))
    for name, words in (("report.html", "This is the drawn demo."), ("model_card.md", "This is the drawn demo.")):
        assert words in (tmp_path / name).read_text(encoding="utf-8")
    assert "drawn demo" not in html


def test_without_a_champion_overrides_or_features_the_report_is_silent_about_them(case, tmp_path, html):
    case.write(tmp_path, extras=Extras())
    bare = (tmp_path / "report.html").read_text(encoding="utf-8")
    for words in ("Last promoted", "What <code>label_overrides.csv</code> changed", "Labels that look wrong"):
        assert words in html
        assert words not in bare
    assert "No model has been promoted before" in bare
    assert "No model has been promoted before" not in html
    assert not (tmp_path / "suspects.csv").exists()


def test_a_holdout_is_called_one(case, tmp_path):
    case.write(tmp_path, predictions=case.predictions.assign(fold=-2))
    report = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "</data> holdout faces</h2>" in report
    assert "These faces took no part in training or in choosing the epoch." in report
    assert json.loads((tmp_path / "metrics.json").read_text())["judged"] == "holdout"


def test_the_report_says_what_a_threshold_equalises(case, tmp_path):
    rule = case.params.evaluate.model_copy(update={"threshold": "equal_error(age)"})
    case.write(tmp_path, params=case.params.model_copy(update={"evaluate": rule}))
    assert "it makes the error rates by age as equal as one threshold" in (tmp_path / "report.html").read_text()


def test_the_report_says_that_weights_were_random(case, tmp_path, html):
    weights = {"weights": {"source": "none", "fingerprint": "x"}}
    case.write(tmp_path, inputs=dataclasses.replace(case.inputs, provenance=case.inputs.provenance | weights))
    assert "started without trained weights" in (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "started without trained weights" not in html


def test_the_card_has_the_same_numbers(evaluated, metrics):
    card = (evaluated / "model_card.md").read_text(encoding="utf-8")
    accuracy = metrics["accuracy"]
    low, high = show(accuracy["low"], "percent"), show(accuracy["high"], "percent")
    assert f"| accuracy | {show(accuracy['value'], 'percent')} | {low} to {high} | 100 |" in card
    assert f"| ROC AUC | {show(metrics['roc_auc']['value'], 'decimal')} |" in card
    assert "as perceived by annotators" in card
    assert "## Out of scope" in card
    assert "\n\n\n" not in card
    for line in card.splitlines():
        if line.startswith("|"):
            assert line.endswith("|")


def test_the_page_is_small(evaluated):
    assert (evaluated / "report.html").stat().st_size < 1_000_000


def breakdown(name, gap, low):
    recalls = wilson(0, 0), wilson(0, 0)
    slices = [Slice("low", wilson(60, 100), *recalls, True), Slice("high", wilson(90, 100), *recalls, True)]
    return Breakdown(name, slices, Gap(0, 1, Estimate(gap, low, 0.5, 200), Estimate(0.1, 0.0, 0.2, 200)))


def test_only_gaps_beyond_chance_are_named_widest_first():
    with_gap = [breakdown("a", 0.3, 0.0), breakdown("b", 0.1, 0.02), breakdown("c", 0.2, 0.01)]
    assert [found.name for found in clear_gaps([*with_gap, Breakdown("d", [], None)])] == ["c", "b"]


def test_the_headline_names_only_gaps_beyond_chance(html, metrics):
    clear = [name for name, found in metrics["slices"].items() if found["gap"]["low"] > 0]
    told = [name for name in metrics["slices"] if f"By {name}, accuracy differs more than chance" in html]
    assert told == clear
    assert ("No slice of the faces has a lower accuracy" in html) == (clear == [])
