"""Layer-wise learning rates: how fast each layer of the tuned part learns, and from which step, by its depth in blocks.

Both ideas are from ULMFiT (Howard and Ruder 2018, sections 3.2 and 3.3): the layers nearest to the task change first
and most. The rate falls from block to block by a constant factor, as in ELECTRA (Clark et al. 2020, table 6).
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import keras

# names of keras.applications: block_13_expand, block6a_se_reduce, conv5_block1_1_conv, stage_3_block_2_depthwise_conv,
# expanded_conv_7_project
BLOCK: Final = re.compile(r".*?block_?\d+[a-z]?|expanded_conv_\d+", re.IGNORECASE)


@dataclass(frozen=True)
class LayerRate:
    """One variable's share of the learning rate, and the optimizer's step at which it starts to change."""

    share: float = 1.0
    start: int = 0


def find_block(layer: str) -> str:
    """Return the block in a layer's name; empty for the stem and the top, whose layers belong to no block."""
    found = BLOCK.match(layer)
    return found.group() if found else ""


def measure_depths(layers: Iterable[keras.Layer], head: Iterable[keras.Layer]) -> dict[str, int]:
    """Measure the depth of every trainable variable, by its path.

    Depth 0 is the head, 1 the last block that trains, and so on. Neighbours that belong to no block count as one block:
    the last convolution and its BatchNorm; the stem.

    Parameters
    ----------
    layers
        The layers of the network that trains, from input to logit.
    head
        Those after the pooling.
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
    """Assign every variable its rate, by its path.

    A variable of depth d has the share `layer_decay` ** d. Of n blocks, the d-th from the end starts at d/n of
    `unfreeze_steps`: at first the head trains alone, and after `unfreeze_steps` everything trains.
    """
    blocks = max(depth_of.values(), default=0) or 1
    return {
        path: LayerRate(layer_decay**depth, round(depth * unfreeze_steps / blocks)) for path, depth in depth_of.items()
    }
