"""The stages before training, which a cross-validation and the trials of a search share."""

from collections.abc import Sequence
from typing import Any

from prefect.client.schemas.objects import State

from tasks.checkout import Checkout
from tasks.features import features
from tasks.split import split
from tasks.validate import validate


def run_to_features(checkout: Checkout, wait_for: Sequence[State[Any]] = ()) -> list[State[Any]]:
    """Run the stages of dvc.yaml up to `features`, after `wait_for`; return the state of each."""
    validated = validate(checkout, return_state=True, wait_for=wait_for)
    divided = split(checkout, return_state=True, wait_for=[validated])
    computed = features(checkout, return_state=True, wait_for=[validated, divided])
    return [validated, divided, computed]
