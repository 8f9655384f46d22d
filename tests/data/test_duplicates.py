"""The search for near copies against a brute-force one; hash and confirmation on noise and on real faces."""

import io
import os
import time
from itertools import combinations
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image
from scipy.fft import dctn, idctn
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from facegender.data.duplicates import (
    FLAT_HASH,
    Hashes,
    RowNumbers,
    Thumbnails,
    _connected_components,
    find_exact_copies,
    find_near_pairs,
    fine_correlation,
    group_duplicates,
    perceptual_hashes,
)
from facegender.pictures.decode import open_grey


def thumbnails(n: int, seed: int = 0) -> Thumbnails:
    return np.random.default_rng(seed).integers(0, 256, (n, 32, 32), dtype=np.uint8)


def test_the_hash_is_that_of_scipys_dct() -> None:
    picture = thumbnails(1)[0]
    low = dctn(picture.astype(float), norm="ortho")[1:9, 1:9].ravel()
    expected = sum(1 << bit for bit, value in enumerate(low) if value > np.median(low))
    assert perceptual_hashes(picture[None]).tolist() == [expected]


def test_the_hash_ignores_brightness() -> None:
    picture = thumbnails(1) // 2
    assert perceptual_hashes(picture) == perceptual_hashes(picture + 60)


def test_half_of_the_bits_are_set() -> None:
    assert set(np.bitwise_count(perceptual_hashes(thumbnails(50))).tolist()) == {32}


def test_flat_pictures_have_the_hash_0() -> None:
    flat = np.full((2, 32, 32), 200, np.uint8)
    flat[1, 0, 0] = 201
    assert perceptual_hashes(flat).tolist() == [0, 0]


def test_fine_correlation() -> None:
    picture = thumbnails(1) // 2
    assert fine_correlation(picture, picture + 60)[0] == pytest.approx(1, abs=1e-5)
    assert fine_correlation(picture, 255 - picture)[0] == pytest.approx(-1, abs=1e-5)
    assert abs(fine_correlation(picture, thumbnails(1, seed=1))[0]) < 0.15  # 1,008 free numbers: 5 sigma is 0.16
    assert fine_correlation(picture * 0, picture)[0] == 0


def make_hashes(n: int, bits: int) -> Hashes:
    """Draw random hashes; after every 20th comes one that differs in `bits` bits, then one that differs in one more."""
    rng = np.random.default_rng(bits)
    hashes = rng.integers(0, 2**64, n, dtype=np.uint64)
    for row in range(0, n - 2, 20):
        for offset, flips in ((1, bits), (2, bits + 1)):
            mask = sum(1 << int(bit) for bit in rng.choice(64, flips, replace=False))
            hashes[row + offset] = hashes[row] ^ np.uint64(mask)
    return hashes


@pytest.mark.parametrize("bits", [0, 1, 4, 10, 12])
def test_near_pairs_are_those_of_a_brute_force_search(bits: int) -> None:
    hashes = np.unique(make_hashes(400, bits))
    expected = {
        (a, b) for a, b in combinations(range(len(hashes)), 2) if (int(hashes[a]) ^ int(hashes[b])).bit_count() <= bits
    }
    found = {
        (min(a, b), max(a, b)) for one, two in find_near_pairs(hashes, bits) for a, b in zip(one, two, strict=True)
    }
    assert found == expected
    assert len(expected) >= (20 if bits else 0)


def test_fewer_than_two_hashes_have_no_near_pairs() -> None:
    assert list(find_near_pairs(np.zeros(0, np.uint64), 4)) == []
    assert list(find_near_pairs(np.ones(1, np.uint64), 4)) == []


def test_a_hundred_thousand_hashes_take_seconds() -> None:
    hashes = np.unique(make_hashes(100_000, 10))
    start = time.process_time()
    pairs = sum(len(first) for first, _ in find_near_pairs(hashes, 10))
    assert time.process_time() - start < 30  # about 3 s on one core of 2025
    assert pairs >= 5_000  # one planted for each 20 rows


def test_exact_copies() -> None:
    digests = np.array([b"b" * 32, b"a" * 32, b"b" * 32, b"a" * 32, b"\0" * 32, b"\0" * 32], "V32")
    readable = np.array([True, True, True, False, False, False])
    assert find_exact_copies(digests, readable).tolist() == [0, 1, 0, 3, 4, 5]


def test_digests_that_share_only_their_start_are_not_copies() -> None:
    digests = np.array([b"a" * 8 + b"b" * 24, b"a" * 8 + b"c" * 24], "V32")
    assert find_exact_copies(digests, np.ones(2, np.bool_)).tolist() == [0, 1]


def test_components_are_scipys() -> None:
    rng = np.random.default_rng(3)
    first, second = rng.integers(0, 500, (2, 300))
    expected = connected_components(coo_array((np.ones(300), (first, second)), shape=(500, 500)), directed=False)[1]
    found = _connected_components(500, first, second)
    assert len(np.unique(found)) == expected.max() + 1
    assert len(np.unique(np.stack([found, expected]), axis=1).T) == expected.max() + 1
    assert found[np.sort(np.unique(found, return_index=True)[1])].tolist() == list(range(expected.max() + 1))


def test_components_of_a_long_chain() -> None:
    shuffled = np.random.default_rng(0).permutation(10_000)
    assert _connected_components(10_000, shuffled[:-1], shuffled[1:]).max() == 0


def group(
    pictures: Thumbnails, digests: list[int] | None = None, bits: int = 10, correlation: float = 0.8
) -> RowNumbers:
    n = len(pictures)
    content = np.array([number.to_bytes(32) for number in digests or range(1, n + 1)], "V32")
    copies = find_exact_copies(content, np.ones(n, np.bool_))
    return group_duplicates(copies, perceptual_hashes(pictures), bits, correlation, lambda rows: pictures[rows])


def test_groups_are_numbered_in_order_of_appearance() -> None:
    a, b, c = thumbnails(3) // 2
    assert group(np.stack([a, b, a + 9, c, b + 5])).tolist() == [0, 1, 0, 2, 1]


def test_exact_copies_share_a_group_even_without_a_hash() -> None:
    flat = np.zeros((3, 32, 32), np.uint8)
    assert group(flat, [1, 2, 1]).tolist() == [0, 1, 0]  # flat pictures are not near copies of each other


def test_pairs_with_different_detail_are_not_confirmed() -> None:
    """Equal low frequencies but different detail give equal hashes and two groups."""
    rng = np.random.default_rng(0)
    frequencies = rng.normal(0, 150, (2, 32, 32))
    frequencies[:, :9, :9] = rng.normal(0, 500, (9, 9))
    pictures = np.clip(128 + 0.5 * idctn(frequencies, axes=(1, 2), norm="ortho"), 0, 255).astype(np.uint8)
    assert np.bitwise_count(np.bitwise_xor(*perceptual_hashes(pictures))) <= 12
    assert group(pictures, bits=12).tolist() == [0, 1]
    assert group(pictures, bits=12, correlation=0.0).tolist() == [0, 0]


def test_pictures_with_the_same_hash_are_not_all_compared() -> None:
    """30,000 recoloured copies of one picture would make 450 million pairs."""
    picture = thumbnails(1)[0]
    thumbnails_read = 0

    def read(rows: RowNumbers) -> Thumbnails:
        nonlocal thumbnails_read
        thumbnails_read += len(rows)
        return np.broadcast_to(picture, (len(rows), 32, 32))

    n = 30_000
    groups = group_duplicates(np.arange(n), np.full(n, perceptual_hashes(picture[None])[0]), 10, 0.8, read)
    assert groups.max() == 0
    assert thumbnails_read < 5 * n


def test_flat_pictures_are_never_compared() -> None:
    def read(rows: RowNumbers) -> Thumbnails:
        raise AssertionError("flat pictures are not compared")

    assert group_duplicates(np.arange(1000), np.full(1000, FLAT_HASH), 10, 0.8, read).tolist() == list(range(1000))


def _faces() -> Path:
    root = Path(__file__).resolve().parents[2]
    return Path(os.environ.get("FACEGENDER_FACES", root / "../shared/faces"))


def _thumbnail(content: bytes) -> npt.NDArray[np.uint8]:
    return np.asarray(open_grey(content)[0].resize((32, 32), Image.Resampling.BILINEAR, reducing_gap=1.0))


def test_edited_copies_of_real_faces_are_found() -> None:
    """Re-encoded, resized, darkened and greyed copies are found; 40 different faces are not taken for copies."""
    if not _faces().is_dir():
        pytest.skip(f"no faces at {_faces()}; set FACEGENDER_FACES")
    files = sorted((_faces() / "images").iterdir())[:40]
    pictures = [_thumbnail(file.read_bytes()) for file in files]
    for file in files[:10]:
        with Image.open(file) as face:
            for edited in (face.resize((180, 180)), face.point(lambda value: value * 0.7), face.convert("L")):
                content = io.BytesIO()
                edited.save(content, "JPEG", quality=60)
                pictures.append(_thumbnail(content.getvalue()))
    groups = group(np.stack(pictures), correlation=0.82)
    assert groups[:40].tolist() == list(range(40))
    assert groups[40:].tolist() == np.repeat(np.arange(10), 3).tolist()
