"""Which block a layer belongs to, its depth, and the rate that this gives its variables."""

import keras
import pytest

from facegender.network.backbone import choose_cut, load_backbone
from facegender.network.classifier import build_classifier
from facegender.training.layer_rates import LayerRate, assign_rates, find_block, measure_depths
from tests.small_training import params_with


@pytest.mark.parametrize(
    ("layer", "block"),
    [
        ("block_13_expand", "block_13"),
        ("block6a_se_reduce", "block6a"),
        ("conv5_block1_1_conv", "conv5_block1"),
        ("convnext_tiny_stage_3_block_2_depthwise_conv", "convnext_tiny_stage_3_block_2"),
        ("expanded_conv_7_project", "expanded_conv_7"),
        ("expanded_conv_project", ""),
        ("Conv_1_bn", ""),
    ],
)
def test_the_block_of_a_layer(layer: str, block: str) -> None:
    assert find_block(layer) == block


def test_depth_grows_from_the_head_block_by_block() -> None:
    params = params_with(train={"batch_norm": "training"})
    backbone = load_backbone(params.backbone, "none", 1)
    classifier = build_classifier(params.backbone, backbone, choose_cut(backbone, 30), params.train, cached=True)
    found = measure_depths(classifier.tuned.layers, classifier.head.layers)
    assert set(found) == {variable.path for variable in classifier.tuned.trainable_variables}
    assert found["logit/kernel"] == found["logit/bias"] == 0
    assert found["Conv_1/kernel"] == found["Conv_1_bn/gamma"] == 1
    assert {found[f"block_16_{part}/kernel"] for part in ("expand", "depthwise", "project")} == {2}
    # the last 30 layers begin with a BatchNorm of block 13; blocks 14, 15 and 16 follow
    assert (found["block_14_expand/kernel"], found["block_13_project_BN/gamma"], max(found.values())) == (4, 5, 5)


def test_depth_over_the_whole_backbone() -> None:
    params = params_with(train={"mode": "online", "fine_tune_layers": "all"})
    backbone = load_backbone(params.backbone, "none", 1)
    classifier = build_classifier(params.backbone, backbone, choose_cut(backbone, "all"), params.train, cached=False)
    found = measure_depths(classifier.tuned.layers, classifier.head.layers)
    # Conv_1, blocks 16 to 1, and as one block the stem: Conv1 and the first block, whose layers have no number
    assert found["block_1_expand/kernel"] == 17
    assert found["Conv1/kernel"] == found["expanded_conv_project/kernel"] == 18


def test_rates_by_hand() -> None:
    found = assign_rates({"logit": 0, "last": 1, "before": 2}, layer_decay=0.5, unfreeze_steps=10)
    assert found == {"logit": LayerRate(1.0, 0), "last": LayerRate(0.5, 5), "before": LayerRate(0.25, 10)}
    assert assign_rates({"logit": 0}, 0.5, 10) == {"logit": LayerRate(1.0, 0)}  # nothing of the backbone trains
    assert set(assign_rates({"logit": 0, "last": 1}, 1.0, 0).values()) == {LayerRate(1.0, 0)}


def test_neighbours_without_a_block_count_as_one_block() -> None:
    image = keras.Input((4,))
    hidden = keras.layers.Dense(3, name="first")(image)
    hidden = keras.layers.Dense(3, name="second")(hidden)
    model = keras.Model(image, keras.layers.Dense(1, name="logit")(hidden))
    found = measure_depths(model.layers, [model.get_layer("logit")])
    depth_of = {"logit": 0, "second": 1, "first": 1}
    expected = {f"{layer}/{part}": depth for layer, depth in depth_of.items() for part in ("kernel", "bias")}
    assert found == expected
