"""Groups of duplicates: exact copies, and near copies that were re-encoded, resized or recoloured.

Near copies are found in two steps. First a 64-bit perceptual hash, the signs of low frequencies, proposes pairs (Zauner
2010, "Implementation and Benchmarking of Perceptual Image Hash Functions", section 3.2.1). But portraits resemble each
other in their low frequencies. So each pair is then confirmed on what the hash ignores: the correlation of the two
thumbnails without their lowest frequencies.
"""

import math
from collections.abc import Callable, Iterator
from itertools import combinations, pairwise

import numpy as np
import numpy.typing as npt

from facegender.data.arrays import Hashes, RowMask, RowNumbers, Thumbnails
from facegender.data.reader_protocol import SIDE

FLAT_HASH = np.uint64(0)  # the hash of a picture without structure; any other hash has 32 bits set
MIN_CONTRAST = 1.0  # standard deviation in grey levels of 255; with less, the signs in the hash are noise
HASHED_AT_ONCE = 256  # thumbnails, each of which takes 16 times its size while it is hashed
COARSE = 4  # lowest frequencies per side, left out when a pair is confirmed
PAIRS_AT_ONCE = 4096  # pairs confirmed together

_POSITIONS = np.arange(SIDE)
# rows of the orthonormal DCT-II
_COSINES = np.sqrt(2 / SIDE) * np.cos(np.pi / SIDE * np.outer(_POSITIONS, _POSITIONS + 0.5))
_COSINES[0] /= np.sqrt(2)
_COSINES = _COSINES.astype(np.float32)


def perceptual_hashes(thumbnails: Thumbnails) -> Hashes:
    """Hash uint8 (n, 32, 32) grey thumbnails to uint64 (n,): which of 8x8 low frequencies lie above their median.

    The first row and column of frequencies are left out, as in Zauner: they encode brightness and gradients. A picture
    without structure gets the hash 0.
    """
    hashes = np.empty(len(thumbnails), np.uint64)
    for start in range(0, len(thumbnails), HASHED_AT_ONCE):
        part = slice(start, start + HASHED_AT_ONCE)
        hashes[part] = _hash_batch(thumbnails[part])
    return hashes


def _hash_batch(thumbnails: Thumbnails) -> Hashes:
    low = _COSINES[1:9]
    frequencies = (low @ thumbnails.astype(np.float32) @ low.T).reshape(len(thumbnails), 64)
    median = np.partition(frequencies, (31, 32), axis=1)[:, 31:33].mean(axis=1, keepdims=True)
    above = frequencies > median
    hashes = np.packbits(above, axis=1, bitorder="little").view("<u8")[:, 0].astype(np.uint64)
    pixels = thumbnails.reshape(len(thumbnails), SIDE * SIDE)
    # if two of n pixels differ by r, the standard deviation is at least r / sqrt(2 n). That settles most pictures;
    # computing it exactly for all would take as long as everything else
    unsure = np.flatnonzero(np.ptp(pixels, axis=1) < MIN_CONTRAST * SIDE * math.sqrt(2) + 1)
    hashes[unsure[pixels[unsure].std(axis=1) < MIN_CONTRAST]] = FLAT_HASH
    return hashes


def fine_correlation(first: Thumbnails, second: Thumbnails) -> npt.NDArray[np.float32]:
    """Correlate uint8 (n, 32, 32) pairs without their 4x4 lowest frequencies: Pearson's r, float32 (n,), -1..1."""
    a, b = _fine_frequencies(first), _fine_frequencies(second)
    norm = np.sqrt((a * a).sum(axis=1) * (b * b).sum(axis=1))
    correlation: npt.NDArray[np.float32] = (a * b).sum(axis=1) / np.maximum(norm, 1e-6)
    return correlation


def _fine_frequencies(thumbnails: Thumbnails) -> npt.NDArray[np.float32]:
    # the DCT is orthonormal, so frequencies correlate as the pixels do
    frequencies: npt.NDArray[np.float32] = _COSINES @ thumbnails.astype(np.float32) @ _COSINES.T
    frequencies[:, :COARSE, :COARSE] = 0
    return frequencies.reshape(len(thumbnails), -1)


def find_near_pairs(hashes: Hashes, bits: int) -> Iterator[tuple[RowNumbers, RowNumbers]]:
    """Find all pairs of rows of distinct uint64 `hashes` that differ in 1..`bits` bits.

    The search is exact, by the pigeonhole principle. Cut the 64 bits into bits + k bands: two hashes that differ in
    `bits` bits agree on at least k whole bands. So sort the rows by each choice of k bands: every such pair lies in one
    run of equal keys (Manku et al. 2007, "Detecting near-duplicates for web crawling", section 3). Memory is O(n).

    Yields
    ------
    Blocks of pairs, as two arrays int64 (m,). A pair may come twice.

    Examples
    --------
    >>> for first, second in find_near_pairs(np.array([0b0000, 0b0001, 0b0111], np.uint64), bits=1):
    ...     print(sorted({*first.tolist(), *second.tolist()}))
    [0, 1]
    """
    if bits == 0 or len(hashes) < 2:
        return
    keep = _choose_agreeing_bands(len(hashes), bits)
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


def _choose_agreeing_bands(n: int, bits: int) -> int:
    """Choose the cheapest k: a larger k means more tables to sort, a smaller one longer runs of equal keys."""

    def cost(k: int) -> float:
        # real hashes cluster: about eight times as many share a key as random ones would
        run = n / 2 ** (64 * k / (bits + k)) * 8
        return math.comb(bits + k, k) * n * (10.0 + run)

    return min(range(1, 5), key=cost)


def _band_masks(bands: int) -> list[int]:
    edges = [64 * band // bands for band in range(bands + 1)]
    return [(1 << high) - (1 << low) for low, high in pairwise(edges)]


def find_exact_copies(digests: npt.NDArray[np.void], readable: RowMask) -> RowNumbers:
    """Find, for each row, the first row with the same bytes: int64 (n,). A row that is not `readable` gets itself.

    Parameters
    ----------
    digests
        void32 (n,): SHA-256 of each file.
    readable
        bool (n,): True where the file is a picture that can be decoded.
    """
    first_copy = np.arange(len(digests))
    rows = np.flatnonzero(readable)
    start = digests.view("<u8").reshape(-1, 4)[rows, 0]  # sorting 8 bytes of 32 takes a quarter of the memory
    _, first, copy_of = np.unique(start, return_index=True, return_inverse=True)
    first_copy[rows] = rows[first[copy_of]]
    copies = np.flatnonzero(first_copy != np.arange(len(digests)))
    same_start_only = copies[digests[copies] != digests[first_copy[copies]]]
    first_copy[same_start_only] = same_start_only
    return first_copy


def group_duplicates(
    copies: RowNumbers, hashes: Hashes, bits: int, correlation: float, thumbnails: Callable[[RowNumbers], Thumbnails]
) -> RowNumbers:
    """Number the groups of duplicates.

    Parameters
    ----------
    copies
        int64 (n,), from `find_exact_copies`.
    hashes
        uint64 (n,), from `perceptual_hashes`. Rows with the hash 0 have no near copies, only exact ones.
    bits, correlation
        Two pictures are near copies if at most `bits` bits of their hashes differ and their `fine_correlation` is at
        least `correlation`.
    thumbnails
        Returns uint8 (m, 32, 32) for m ascending rows.

    Returns
    -------
    int64 (n,): group of each row, 0 for that of the first row, then counting up in order of appearance.
    """
    rows = np.arange(len(hashes))
    exact = np.flatnonzero(copies != rows)
    edges = [(copies[exact], exact)]
    distinct = rows[(copies == rows) & (hashes != FLAT_HASH)]
    for pairs in _batch_pairs(_candidate_pairs(hashes, distinct, bits)):
        same = _confirm_pairs(pairs, correlation, thumbnails)
        edges.append((pairs[same, 0], pairs[same, 1]))
    first, second = (np.concatenate(ends) for ends in zip(*edges, strict=True))
    return _connected_components(len(hashes), first, second)


def _candidate_pairs(hashes: Hashes, rows: RowNumbers, bits: int) -> Iterator[tuple[RowNumbers, RowNumbers]]:
    """Yield pairs of `rows` whose hashes differ in at most `bits` bits, enough to connect all near copies."""
    order = rows[np.argsort(hashes[rows], kind="stable")]
    starts = np.flatnonzero(np.r_[True, hashes[order][1:] != hashes[order][:-1]]) if len(order) else order
    heads = order[starts]
    # Pair pictures that share a hash only with the first and the previous one: a thousand are then not a million pairs
    head_of = np.repeat(heads, np.diff(np.r_[starts, len(order)]))
    other = order != head_of
    yield head_of[other], order[other]
    yield order[:-1][other[1:]], order[1:][other[1:]]
    for first, second in find_near_pairs(hashes[heads], bits):
        yield heads[first], heads[second]


def _batch_pairs(pairs: Iterator[tuple[RowNumbers, RowNumbers]], size: int = PAIRS_AT_ONCE) -> Iterator[RowNumbers]:
    """Join small blocks of pairs and cut large ones: int64 (m, 2) with m about `size`, without repeated pairs."""
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


def _confirm_pairs(pairs: RowNumbers, correlation: float, thumbnails: Callable[[RowNumbers], Thumbnails]) -> RowMask:
    rows, position = np.unique(pairs, return_inverse=True)
    pictures = thumbnails(rows)
    position = position.reshape(pairs.shape)
    return fine_correlation(pictures[position[:, 0]], pictures[position[:, 1]]) >= correlation


def _connected_components(n: int, first: RowNumbers, second: RowNumbers) -> RowNumbers:
    """Number the connected components in the order of their first rows: int64 (n,).

    Each root hooks onto its smallest neighbour, then the trees are flattened. Same result as
    scipy.sparse.csgraph.connected_components, whose import alone takes longer than this with 100,000 rows.
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
