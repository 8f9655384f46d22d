import pandas as pd

from facegender.evaluation.report.facts import (
    data_hash,
    data_lists,
    data_rows,
    describe_weights,
    provenance_rows,
    training_params,
    value_as_text,
)

INDEX = pd.DataFrame(
    {
        "image": ["b", "a", "t"],
        "role": ["train", "train", "test"],
        "label": ["0", "1", None],
        "sha256": ["22", None, "33"],
    }
)


def test_the_hash_is_of_the_content_not_of_its_order():
    assert data_hash(INDEX) == data_hash(INDEX.iloc[::-1])
    for column, value in (("label", "1"), ("sha256", "23"), ("image", "c")):
        changed = INDEX.copy()
        changed.loc[0, column] = value
        assert data_hash(changed) != data_hash(INDEX)


def test_counts_come_from_the_tables(case):
    rows = dict(data_rows(case.inputs.facts, case.inputs.splits["fold"], case.index["role"]))
    assert rows["Labelled images"] == "120"
    assert rows["Test images"] == "0"
    assert rows["Used for training"] == "20"
    assert rows["Used for validation"] == "100"
    assert rows["By label"] == "class 0: 66, class 1: 54"
    assert rows["Set aside (quarantine)"] == "60"
    assert rows["Groups of near-duplicates, copies included"] == "3"


def test_long_lists_are_cut_and_empty_ones_left_out(case):
    lists = {title: (lines, more) for title, lines, more in data_lists(case.inputs.facts | {"warnings": []})}
    assert lists.keys() == {"Quarantine: 60", "Groups with contradicting labels: 1"}
    lines, more = lists["Quarantine: 60"]
    assert len(lines) == 50
    assert more == 10
    assert lines[0] == "bad0.jpg (train): truncated"
    assert lists["Groups with contradicting labels: 1"][0] == ["near: a.jpg (train, class 0), b.jpg (test) and 1 more"]


def test_json_values_as_text():
    assert [value_as_text(value) for value in (1234, True, 0.5, ["a", 1], {"n": 2000})] == [
        "1,234",
        "True",
        "0.5",
        "a, 1",
        "n: 2,000",
    ]


def test_weights_are_named_without_the_machines_folders():
    assert describe_weights({"source": "/home/me/w.weights.h5", "fingerprint": "ab"}) == "w.weights.h5 (fingerprint ab)"
    assert "drawn pictures" in describe_weights({"source": "demo", "fingerprint": "ab"})


def test_a_backbone_is_named_without_the_machines_folders_and_its_width_where_there_are_several(case):
    named = {}
    for name in ("mobilenet_v2", "resnet50_v2", "/home/me/own.keras"):
        backbone = {"name": name, "alpha": 1.0, "image_size": 96}
        named[name] = dict(provenance_rows(case.inputs.provenance | {"backbone": backbone}, "hash"))["Backbone"]
    assert list(named.values()) == [
        "MobileNetV2, alpha 1.0, 96 pixels",
        "ResNet50V2, 96 pixels",
        "own.keras, 96 pixels",
    ]
    assert describe_weights({"source": "own", "fingerprint": "ab"}).startswith("those in the backbone's file")


def test_the_report_says_if_nothing_was_frozen(case):
    rows = dict(provenance_rows(case.inputs.provenance | {"cut": None}, "hash"))
    assert rows["Trained"] == "the head and 30 backbone layers, nothing frozen"
    assert rows["Data (SHA-256)"] == "hash"


def test_only_what_shaped_the_model_is_shown(case):
    shown = training_params(case.inputs.provenance)
    assert '"dropout": 0.5' in shown
    assert '"form"' not in shown
