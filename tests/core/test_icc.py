"""Our colour conversion beside Little CMS, by way of Pillow; and what is no profile for it."""

from __future__ import annotations

import io
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageCms

from unflat.core import icc

P3 = [[0.51512, 0.29198, 0.15710], [0.24120, 0.69225, 0.06657], [-0.00105, 0.04189, 0.78407]]
ADOBE = [[0.60974, 0.20528, 0.14919], [0.31111, 0.62567, 0.06322], [0.01947, 0.06087, 0.74457]]
WHITE = (0.9642, 1.0, 0.8249)


def fixed(*numbers: float) -> bytes:
    return struct.pack(f">{len(numbers)}i", *(round(65536 * number) for number in numbers))


def parametric(form: int, *numbers: float) -> bytes:
    return b"para\0\0\0\0" + struct.pack(">HH", form, 0) + fixed(*numbers)


def table(*values: int) -> bytes:
    return b"curv\0\0\0\0" + struct.pack(f">I{len(values)}H", len(values), *values)


def profile(matrix: list[list[float]], curve: bytes) -> bytes:
    """A display profile of version 4 with these primaries and one curve for all channels."""
    curve += b"\0" * (-len(curve) % 4)
    text = "A test".encode("utf-16-be")
    words = b"mluc\0\0\0\0" + struct.pack(">II4sII", 1, 12, b"enUS", len(text), 28) + text
    tags = {b"wtpt": b"XYZ \0\0\0\0" + fixed(*WHITE), b"desc": words, b"cprt": words}
    for name, column in zip(b"rgb", zip(*matrix, strict=True), strict=True):
        tags[b"%cXYZ" % name] = b"XYZ \0\0\0\0" + fixed(*column)
        tags[b"%cTRC" % name] = curve
    start, listed, body = 128 + 4 + 12 * len(tags), b"", b""
    for name, tag in tags.items():
        listed += struct.pack(">4sII", name, start + len(body), len(tag))
        body += tag + b"\0" * (-len(tag) % 4)
    head = struct.pack(">I4sI4s4s4s", start + len(body), b"\0\0\0\0", 0x04300000, b"mntr", b"RGB ",
                       b"XYZ ")  # fmt: skip
    head += struct.pack(">6H", 2026, 1, 1, 0, 0, 0) + b"acsp" + b"\0" * 28 + fixed(*WHITE)
    return head.ljust(128, b"\0") + struct.pack(">I", len(tags)) + listed + body


SRGB_CURVE = parametric(3, 2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)
CURVES = {
    "sRGB": SRGB_CURVE,
    "with offsets": parametric(4, 2.2, 0.9, 0.1, 0.4, 0.1, 0.001, 0.002),
    "power": parametric(0, 1.8),
    "power with a foot": parametric(1, 2.0, 0.95, 0.05),
    "power above a floor": parametric(2, 2.0, 0.95, 0.04, 0.002),
    "gamma": table(round(256 * 563 / 256)),
    "straight": table(),
    "table": table(*(round(65535 * (k / 63) ** 2) for k in range(64))),
}


@pytest.fixture(scope="module")
def colours() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (70, 50, 3), np.uint8)


@pytest.mark.parametrize("matrix", [P3, ADOBE], ids=["P3", "Adobe"])
@pytest.mark.parametrize("curve", CURVES)
def test_as_little_cms(matrix: list[list[float]], curve: str, colours: np.ndarray) -> None:
    data = profile(matrix, CURVES[curve])
    source = ImageCms.ImageCmsProfile(io.BytesIO(data))
    truth = ImageCms.profileToProfile(
        Image.fromarray(colours),
        source,
        ImageCms.createProfile("sRGB"),
        outputMode="RGB",
        # Else it would lift a black that is none to black, which no photo's profile needs.
        renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
    )
    found = icc.to_srgb(colours, data)
    assert found is not None
    off = np.abs(found.astype(int) - np.asarray(truth))
    assert off.max() <= 2
    assert off.mean() < 0.1
    deep = icc.to_srgb(colours.astype(np.uint16) * 257, data)
    assert deep is not None
    np.testing.assert_allclose(deep / 257, found, atol=0.51)


def test_alpha_stays(colours: np.ndarray) -> None:
    rgba = np.dstack([colours, colours[..., 0]])
    found = icc.to_srgb(rgba, profile(P3, SRGB_CURVE))
    assert found is not None
    np.testing.assert_array_equal(found[..., 3], rgba[..., 3])
    assert np.abs(found[..., :3].astype(int) - colours).max() > 20


def test_srgb_by_any_name_is_left_alone(colours: np.ndarray) -> None:
    for data in (
        ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes(),
        profile([[0.43607, 0.38506, 0.14307], [0.22249, 0.71687, 0.06061],
                 [0.01392, 0.09708, 0.71410]], SRGB_CURVE),
    ):  # fmt: skip
        assert icc.to_srgb(colours, data) is None


@given(st.binary(max_size=40), st.integers(0, 900), st.booleans())
def test_damaged_profiles_change_nothing_or_the_colours(junk: bytes, at: int, cut: bool) -> None:
    data = profile(P3, SRGB_CURVE)
    data = data[:at] + junk + (b"" if cut else data[at + len(junk) :])
    pixels = np.zeros((2, 2, 3), np.uint8)
    found = icc.to_srgb(pixels, data)
    assert found is None or (found.shape, found.dtype) == (pixels.shape, pixels.dtype)


@pytest.mark.parametrize("kind", ["LAB", "XYZ"])
def test_other_kinds_of_profiles(kind: str, colours: np.ndarray) -> None:
    data = ImageCms.ImageCmsProfile(ImageCms.createProfile(kind)).tobytes()
    assert icc.to_srgb(colours, data) is None
