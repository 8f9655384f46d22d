"""docs/architecture.md draws the packages and the order that import-linter holds."""

import itertools
import re
import tomllib
from pathlib import Path


def read_layers(checkout: Path) -> list[set[str]]:
    """The layers of pyproject.toml, top to bottom."""
    contracts = tomllib.loads((checkout / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]
    (layers,) = (contract["layers"] for contract in contracts["contracts"] if contract.get("exhaustive"))
    return [set(layer.split(" | ")) for layer in layers]


def read_diagram(checkout: Path) -> tuple[set[str], dict[str, set[str]]]:
    """The packages that the diagram names, and its solid arrows inside facegender."""
    text = (checkout / "docs/architecture.md").read_text(encoding="utf-8")
    inside = re.search(r"subgraph facegender\n(.*?)\n  end", text, re.S)
    assert inside
    titles = dict(re.findall(r'^ +(\w+)\["([^"]+)"\]', inside[1], re.M))
    names = {name: {name} for name in titles} | {
        "folds": {"cross_validation"},
        "below": set(titles["below"].split(" · ")),
    }
    arrows: dict[str, set[str]] = {}
    for line in inside[1].splitlines():
        parts = [[name.strip() for name in part.split("&")] for part in line.split("-->")]
        for start, end in itertools.pairwise(parts):
            for name in start:
                arrows.setdefault(name, set()).update(end)
    every = set().union(*names.values())
    spelt = {key: set().union(*(names[end] for end in ends)) for key, ends in arrows.items()}
    return every, {package: ends for key, ends in spelt.items() for package in names[key]}


def test_the_diagram_names_every_package(checkout: Path) -> None:
    packages, _ = read_diagram(checkout)
    assert packages == set().union(*read_layers(checkout))


def test_its_arrows_go_to_the_layer_below(checkout: Path) -> None:
    _, arrows = read_diagram(checkout)
    layers = read_layers(checkout)
    layers[-2:] = [layers[-2] | layers[-1]]  # the diagram draws the two lowest as one
    for upper, lower in itertools.pairwise(layers):
        for package in upper:
            assert arrows[package] == lower, package
