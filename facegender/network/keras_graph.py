"""The graph of a functional Keras model: which operation reads which.

Keras has no public access to it. Its private `_inbound_nodes`, `_keras_history`, `_functional` and `_run_through_graph`
are used here and nowhere else. An operation is a layer, or a sum, product and the like between layers.
"""

from collections.abc import Callable
from typing import Any

import keras


def list_inputs(operation: Any) -> list[str]:
    """Return the names of the operations whose outputs an operation reads."""
    return [find_producer(tensor) for tensor in operation._inbound_nodes[0].input_tensors]


def find_producer(tensor: keras.KerasTensor) -> str:
    """Return the name of the operation that computes a symbolic tensor."""
    name: str = tensor._keras_history.operation.name
    return name


def list_arguments(operation: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Return the positional and the keyword arguments that an operation is called with, symbolic tensors included."""
    arguments = operation._inbound_nodes[0].arguments
    return arguments.args, arguments.kwargs


def count_calls(operation: Any) -> int:
    """Return at how many places an operation is called."""
    return len(operation._inbound_nodes)


def replace_operations(
    model: keras.Model, tensor: keras.KerasTensor, replace: Callable[[Any], Callable[..., Any]]
) -> keras.KerasTensor:
    """Run a symbolic tensor through a model's graph, calling `replace(operation)` in the place of each operation."""
    graph = model._functional if isinstance(model, keras.Sequential) else model
    return graph._run_through_graph(tensor, operation_fn=replace)
