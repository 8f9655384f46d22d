"""How fast each layer of the tuned part learns, and from when on: by its distance from the head, in blocks.

Both ideas are of ULMFiT (Howard and Ruder 2018, sections 3.2 and 3.3): the layers nearest to the task change first and
most. The share falls from block to block by one factor, as in ELECTRA (Clark et al. 2020, table 6).
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import keras

# keras.applications: block_13_expand, block6a_se_reduce, conv5_block1_1_conv, stage_3_block_2_depthwise_conv,
# expanded_conv_7_project
BLOCK: Final = re.compile(r".*?block_?\d+[a-z]?|expanded_conv_\d+", re.IGNORECASE)


@dataclass(frozen=True)
class LayerRate:
    """Of one variable: the share of the learning rate that it has, and the optimizer's step from which on it moves."""

    share: float = 1.0
    start: int = 0


def find_block(layer: str) -> str:
    """The block that a layer's name puts it in; empty for stem and top, whose layers belong to none."""
    found = BLOCK.match(layer)
    return found.group() if found else ""


def measure_depths(layers: Iterable[keras.Layer], head: Iterable[keras.Layer]) -> dict[str, int]:
    """Distance from the head of every variable that trains, by its path.

    0 is the head, 1 the last block that has something to train, and so on. Neighbours that belong to no block count as
    one: the last convolution and its BatchNorm; the stem.

    Parameters
    ----------
    layers
        Of the network that trains, from input to logit.
    head
        Those of them behind the pooling.
    """
    in_head = {layer.name for layer in head}
    found: dict[str, int] = {}
    depth, block = 0, None
    for layer in reversed(list(layers)):
        if layer.name in in_head or not layer.trainable_variables:
            found |= {variable.path: 0 for variable in layer.trainable_variables}
            continue
        if find_block(layer.name) != block:
            depth, block = depth + 1, find_block(layer.name)
        found |= {variable.path: depth for variable in layer.trainable_variables}
    return found


def assign_rates(depth_of: dict[str, int], layer_decay: float, unfreeze_steps: int) -> dict[str, LayerRate]:
    """The pace of every variable, by its path.

    A variable of depth d has the share `layer_decay` ** d. Of n blocks the d-th from the end starts at d/n of
    `unfreeze_steps`, so that the head alone begins, and everything moves from there on.
    """
    blocks = max(depth_of.values(), default=0) or 1
    return {
        path: LayerRate(layer_decay**depth, round(depth * unfreeze_steps / blocks)) for path, depth in depth_of.items()
    }
