"""Quarantine: which images are excluded, why, and how many may be.

A training row is quarantined if

- a person dropped it, or it has no name, no label, or contradicting labels for one name;
- its file is missing, cannot be decoded, or is outside the limits of params.yaml;
- its file is byte for byte the same as one with another label. One of the labels is wrong, nobody knows which, and in
  the validation set each such pair would be one certain error.

Near copies with different labels stay, because two pictures of one moment can show two people. They are listed, and
`split` keeps them on one side. Training images that recur in the test set stay too, and are listed.
"""

import numpy as np

from facegender.data.arrays import RowNumbers
from facegender.data.image_findings import Findings
from facegender.data.label_overrides import DROPPED
from facegender.data.rows import Listing, format_examples
from facegender.errors import UserError
from facegender.params.sections import ValidateParams


def find_reasons(listing: Listing, findings: Findings, copies: RowNumbers, params: ValidateParams) -> dict[int, str]:
    """Find the reason for each quarantined row, by row. A fault of the file takes precedence over one of its label.

    Parameters
    ----------
    copies
        int64 (n,): from `find_exact_copies`.
    """
    names = listing.frame["image"]
    in_train = (listing.frame["role"] == "train").to_numpy()
    reasons = dict(findings.reasons)
    # a small test picture is scored all the same: a poor guess is better than the fallback
    small = findings.decoded & in_train & (np.minimum(findings.width, findings.height) < params.min_side)
    for row in np.flatnonzero(small).tolist():
        size = f"{findings.width[row]}x{findings.height[row]}"
        reasons[row] = f"{size} pixels, less than min_side = {params.min_side}"
    reasons = listing.reasons | reasons

    usable = in_train & findings.decoded
    usable[list(reasons)] = False
    labels = listing.frame["label"].cat.codes.to_numpy()
    first = np.full((2, len(labels)), -1)  # per label: the first usable row of each set of copies
    for label in (0, 1):
        rows = np.flatnonzero(usable & (labels == label))[::-1]
        first[label, copies[rows]] = rows  # the last assignment wins: reversed, that is the first row
    contradicting = (first[0] >= 0) & (first[1] >= 0)
    for row in np.flatnonzero(usable & contradicting[copies]).tolist():
        other = first[1 - labels[row], copies[row]]
        reasons[row] = f"the same file as {names.iloc[other]}, which has another label"
    return dict(sorted(reasons.items()))


def refuse_too_many(listing: Listing, reasons: dict[int, str], params: ValidateParams, unlisted: list[str]) -> None:
    """Stop if too large a share of the training rows is quarantined.

    Parameters
    ----------
    reasons
        From `find_reasons`.
    unlisted
        Some files that no row names; one of them is shown if files are missing.

    Raises
    ------
    UserError
        More than `params.max_quarantined` of the training rows cannot be used. The message counts the five most
        frequent reasons.
    """
    names = listing.frame["image"]
    trained = int((listing.frame["role"] == "train").sum())
    # what a person dropped is a decision, not a fault that the limit should warn of
    bad = [(reason, names.iloc[row]) for row, reason in reasons.items() if row < trained and reason != DROPPED]
    bad += [(reason, reason.split(":")[0]) for reason in listing.unnamed]
    rows = trained + len(listing.unnamed)
    share = len(bad) / rows
    if share <= params.max_quarantined:
        return
    kinds: dict[str, list[str]] = {}
    for reason, name in bad:
        kinds.setdefault(_generalise_reason(reason), []).append(name)
    frequent = sorted(kinds.items(), key=lambda item: (-len(item[1]), item[0]))[:5]
    counts = "; ".join(f"{kind}: {len(some)} ({format_examples(some)})" for kind, some in frequent)
    received = f"{len(bad)} ({share:.1%}): {counts}"
    remedy = "Fix the files or rows, or raise validate.max_quarantined in params.yaml."
    if unlisted and "the file is missing" in kinds:
        remedy += f" The folder has files that no row names, such as {unlisted[0]}. Do the names match?"
    expected = f"at most {params.max_quarantined:.1%} of the {rows} training rows may be unusable"
    raise UserError("train.csv", expected, received, remedy)


def _generalise_reason(reason: str) -> str:
    """Remove from a reason what differs from picture to picture."""
    for kind in ("listed with contradicting labels", "no label", "the same file as another, with another label"):
        if reason.startswith(kind[:16]):
            return kind
    if reason.endswith("no image name"):
        return "no image name"
    if " pixels, " in reason or " bytes, " in reason:
        return reason.split(", ", 1)[1]
    return reason.split(" (")[0]
