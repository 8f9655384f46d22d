"""Groups of pictures that show the same: exact copies, and near ones that were re-encoded, resized or recoloured.

Near copies are found in two looks. A 64-bit perceptual hash proposes pairs: the signs of low frequencies (Zauner 2010,
"Implementation and Benchmarking of Perceptual Image Hash Functions", section 3.2.1). Portraits are alike in their low
frequencies, though, so each pair is confirmed on what the hash leaves aside: the correlation of two thumbnails without
their lowest frequencies.
"""

import math
from collections.abc import Callable, Iterator
from itertools import combinations, pairwise

import numpy as np
import numpy.typing as npt

from facegender.data.reader_protocol import SIDE

FLAT = np.uint64(0)  # the hash of a picture without structure; any other has 32 bits set
MIN_CONTRAST = 1.0  # grey levels of 255, standard deviation: below, the hash's signs are noise
HASHED_AT_ONCE = 256  # thumbnails, which take 16 times as much while it is done
COARSE = 4  # frequencies a side left out of the second look

Hashes = npt.NDArray[np.uint64]
RowNumbers = npt.NDArray[np.int64]
Thumbnails = npt.NDArray[np.uint8]

_POSITION = np.arange(SIDE)
# Rows of the orthonormal DCT-II
_COSINES = np.sqrt(2 / SIDE) * np.cos(np.pi / SIDE * np.outer(_POSITION, _POSITION + 0.5))
_COSINES[0] /= np.sqrt(2)
_COSINES = _COSINES.astype(np.float32)


def perceptual_hashes(thumbnails: Thumbnails) -> Hashes:
    """uint64 (n,) of uint8 (n, 32, 32) grey thumbnails: which of 8x8 low frequencies lie above their median.

    The first row and column of frequencies are left out, as in Zauner: they tell brightness and gradients. A picture
    without structure gets the hash 0.
    """
    hashes = np.empty(len(thumbnails), np.uint64)
    for start in range(0, len(thumbnails), HASHED_AT_ONCE):
        part = slice(start, start + HASHED_AT_ONCE)
        hashes[part] = _perceptual_hashes(thumbnails[part])
    return hashes


def _perceptual_hashes(thumbnails: Thumbnails) -> Hashes:
    low = _COSINES[1:9]
    frequencies = (low @ thumbnails.astype(np.float32) @ low.T).reshape(len(thumbnails), 64)
    median = np.partition(frequencies, (31, 32), axis=1)[:, 31:33].mean(axis=1, keepdims=True)
    above = frequencies > median
    hashes = np.packbits(above, axis=1, bitorder="little").view("<u8")[:, 0].astype(np.uint64)
    pixels = thumbnails.reshape(len(thumbnails), SIDE * SIDE)
    # two pixels alone that are r apart make a deviation of r / sqrt(2 n): most need no closer look, which takes as long
    # as all the rest
    unsure = np.flatnonzero(np.ptp(pixels, axis=1) < MIN_CONTRAST * SIDE * math.sqrt(2) + 1)
    hashes[unsure[pixels[unsure].std(axis=1) < MIN_CONTRAST]] = FLAT
    return hashes


def fine_correlation(first: Thumbnails, second: Thumbnails) -> npt.NDArray[np.float32]:
    """float32 (n,), -1..1: Pearson correlation of uint8 (n, 32, 32) pairs without their 4x4 lowest frequencies."""
    a, b = _fine(first), _fine(second)
    norm = np.sqrt((a * a).sum(axis=1) * (b * b).sum(axis=1))
    correlation: npt.NDArray[np.float32] = (a * b).sum(axis=1) / np.maximum(norm, 1e-6)
    return correlation


def _fine(thumbnails: Thumbnails) -> npt.NDArray[np.float32]:
    # Orthonormal: frequencies correlate as the pixels do
    frequencies: npt.NDArray[np.float32] = _COSINES @ thumbnails.astype(np.float32) @ _COSINES.T
    frequencies[:, :COARSE, :COARSE] = 0
    return frequencies.reshape(len(thumbnails), -1)


def near_pairs(hashes: Hashes, bits: int) -> Iterator[tuple[RowNumbers, RowNumbers]]:
    """All pairs of rows of distinct uint64 `hashes` that differ in 1..`bits` bits, in blocks; a pair may come twice.

    Exact, by the pigeonhole principle: cut 64 bits into bits + k bands; two hashes that differ in `bits` bits agree on
    at least k whole bands. So for every choice of k bands, the rows sorted by these bands hold each such pair in one
    run of equal keys (Manku et al. 2007, "Detecting near-duplicates for web crawling", section 3). Memory is O(n).
    """
    if bits == 0 or len(hashes) < 2:
        return
    keep = _bands_to_agree(len(hashes), bits)
    masks = _band_masks(bits + keep)
    for choice in combinations(masks, keep):
        keys = hashes & np.bitwise_or.reduce(np.array(choice, np.uint64))
        order = np.argsort(keys)
        keys, ordered = keys[order], hashes[order]
        first = np.arange(len(keys))
        for step in range(1, len(keys)):
            first = first[: np.searchsorted(first, len(keys) - step)]
            first = first[keys[first] == keys[first + step]]
            if not len(first):
                break
            near = first[np.bitwise_count(ordered[first] ^ ordered[first + step]) <= bits]
            if len(near):
                yield order[near], order[near + step]


def _bands_to_agree(n: int, bits: int) -> int:
    """The k that costs least: more tables to sort against longer runs of equal keys to compare."""

    def cost(k: int) -> float:
        run = (
            n / 2 ** (64 * k / (bits + k)) * 8
        )  # real hashes crowd: about eight times as many as random ones share a key
        return math.comb(bits + k, k) * n * (10.0 + run)

    return min(range(1, 5), key=cost)


def _band_masks(bands: int) -> list[int]:
    edges = [64 * band // bands for band in range(bands + 1)]
    return [(1 << high) - (1 << low) for low, high in pairwise(edges)]


def exact_copies(digests: npt.NDArray[np.void], readable: npt.NDArray[np.bool_]) -> RowNumbers:
    """int64 (n,): for each row the first row with the same bytes; a row that is not `readable` is its own."""
    first_copy = np.arange(len(digests))
    rows = np.flatnonzero(readable)
    start = digests.view("<u8").reshape(-1, 4)[rows, 0]  # sorting 8 bytes of 32 takes a quarter of the memory
    _, first, copy_of = np.unique(start, return_index=True, return_inverse=True)
    first_copy[rows] = rows[first[copy_of]]
    repeats = np.flatnonzero(first_copy != np.arange(len(digests)))
    alike = repeats[digests[repeats] != digests[first_copy[repeats]]]
    first_copy[alike] = alike
    return first_copy


def group(
    copies: RowNumbers, hashes: Hashes, bits: int, correlation: float, thumbnails: Callable[[RowNumbers], Thumbnails]
) -> RowNumbers:
    """Number the groups of pictures that show the same.

    Parameters
    ----------
    copies
        int64 (n,), as of `exact_copies`.
    hashes
        uint64 (n,), as of `perceptual_hashes`. Rows with the hash 0 have no near copies, only exact ones.
    bits, correlation
        A pair is near where at most `bits` bits differ and the `fine_correlation` is at least `correlation`.
    thumbnails
        Gives uint8 (m, 32, 32) for m ascending rows.

    Returns
    -------
    int64 (n,): 0 for the first row's group, then counting up in the order in which groups appear.
    """
    rows = np.arange(len(hashes))
    repeats = np.flatnonzero(copies != rows)
    edges = [(copies[repeats], repeats)]
    distinct = rows[(copies == rows) & (hashes != FLAT)]
    for pairs in _blocks(_candidates(hashes, distinct, bits)):
        same = _confirmed(pairs, correlation, thumbnails)
        edges.append((pairs[same, 0], pairs[same, 1]))
    return _components(len(hashes), np.concatenate([a for a, _ in edges]), np.concatenate([b for _, b in edges]))


def _candidates(hashes: Hashes, rows: RowNumbers, bits: int) -> Iterator[tuple[RowNumbers, RowNumbers]]:
    order = rows[np.argsort(hashes[rows], kind="stable")]
    starts = np.flatnonzero(np.r_[True, hashes[order][1:] != hashes[order][:-1]]) if len(order) else order
    heads = order[starts]
    # Pictures of one hash: each with the first and with the one before, so that a thousand of them are no million pairs
    head_of = np.repeat(heads, np.diff(np.r_[starts, len(order)]))
    other = order != head_of
    yield head_of[other], order[other]
    yield order[:-1][other[1:]], order[1:][other[1:]]
    for first, second in near_pairs(hashes[heads], bits):
        yield heads[first], heads[second]


def _blocks(pairs: Iterator[tuple[RowNumbers, RowNumbers]], size: int = 4096) -> Iterator[RowNumbers]:
    """int64 (m, 2) arrays of about `size` rows or, where one piece is larger, cut to it."""
    waiting: list[RowNumbers] = []
    count = 0
    for first, second in pairs:
        if not len(first):
            continue
        waiting.append(np.stack([np.minimum(first, second), np.maximum(first, second)], axis=1))
        count += len(first)
        if count >= size:
            joined = np.unique(np.concatenate(waiting), axis=0)
            waiting, count = [], 0
            for start in range(0, len(joined), size):
                yield joined[start : start + size]
    if waiting:
        yield np.unique(np.concatenate(waiting), axis=0)


def _confirmed(
    pairs: RowNumbers, correlation: float, thumbnails: Callable[[RowNumbers], Thumbnails]
) -> npt.NDArray[np.bool_]:
    rows, position = np.unique(pairs, return_inverse=True)
    pictures = thumbnails(rows)
    position = position.reshape(pairs.shape)
    return fine_correlation(pictures[position[:, 0]], pictures[position[:, 1]]) >= correlation


def _components(n: int, first: RowNumbers, second: RowNumbers) -> RowNumbers:
    """Number the connected components by their first rows: each root hooks onto its least neighbour, then flattens.

    As scipy.sparse.csgraph.connected_components, whose import alone takes longer than this with 100,000 rows.
    """
    root = np.arange(n)
    while True:
        least = np.minimum(root[first], root[second])
        hooked = root.copy()
        np.minimum.at(hooked, root[first], least)
        np.minimum.at(hooked, root[second], least)
        while not np.array_equal(hooked, hooked[hooked]):
            hooked = hooked[hooked]
        if np.array_equal(hooked, root):
            return np.unique(root, return_inverse=True)[1].astype(np.int64)
        root = hooked
