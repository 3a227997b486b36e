"""From what a network of a family says to a Prediction: kinds, units, sky, masks, cameras, normals.

Networks whose weights are noise only tell shapes, so most of these tests give `predict` a network
that says something known.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from unflat.core import images, pipeline
from unflat.core.camera import DEFAULT_FOV, FocalSource, Pinhole
from unflat.core.depth import catalog, models
from unflat.core.depth.prediction import Prediction
from unflat.core.depthmap import DepthKind, DepthMap
from unflat.core.errors import ModelError
from unflat.core.images import Photo
from unflat.core.points import pixel_centers
from unflat.core.settings import Settings

torch = pytest.importorskip("torch", reason="published networks need torch")
pytest.importorskip("timm", reason="published networks need timm")

from torch import Tensor, nn  # noqa: E402 - need torch

from unflat.core.depth.models import checkpoint, depth_anything, depth_pro, moge  # noqa: E402


@pytest.fixture
def photo(rgb: np.ndarray) -> Photo:
    """128 x 96."""
    return images.from_array(rgb)


def filled_with_noise(model: str) -> nn.Module:
    """A network with mild random weights, by way of a checkpoint with official names."""
    card = catalog.find(model)
    family = models.family(card)
    with checkpoint.Unfilled():
        needed = checkpoint.entries(family.build(model), family.names(model))
    generator = torch.Generator().manual_seed(0)
    state = {
        name: torch.randn(shape, generator=generator) / max(1, np.prod(shape[1:])) ** 0.5
        for name, shape in needed.items()
    }
    return models.load(card, state)


@pytest.mark.parametrize(
    ("model", "side", "kind"),
    [
        ("depth_anything_v2_vits", 70, DepthKind.INVERSE),
        ("depth_anything_v2_metric_vkitti_vits", 70, DepthKind.METRES),
        ("moge2_vits_normal", 112, DepthKind.METRES),
    ],
)
def test_a_photo_through_the_whole_network(
    model: str, side: int, kind: DepthKind, photo: Photo
) -> None:
    card = replace(catalog.find(model), input_size=side)
    network = filled_with_noise(model)
    found = models.family(card).predict(network, photo, card, "cpu", 100.0)
    assert found.depth.kind is kind
    assert found.depth.size == (photo.width, photo.height)
    assert found.depth.depth.dtype == np.float32
    assert np.ptp(found.depth.depth[found.depth.valid]) > 0
    assert (found.normals is not None) == model.endswith("normal")


def test_only_the_last_norm_of_depth_anything_3_is_coarser() -> None:
    with checkpoint.Unfilled():
        backbone = depth_anything.build("da3mono_large").backbone
    assert backbone.norm.eps == 1e-5
    assert {block.norm1.eps for block in backbone.blocks} == {1e-6}


class Sky(depth_anything.DepthAnything3):
    """Sky above a row, and ground below it at a depth."""

    def __init__(self, share: float, depth: float) -> None:
        nn.Module.__init__(self)
        self.share, self.depth = share, depth

    def forward(self, pixels: Tensor) -> dict[str, Tensor]:
        height, width = pixels.shape[-2:]
        sky = torch.zeros(1, 1, height, width)
        sky[..., : round(self.share * height), :] = 0.8
        raw = torch.where(sky > 0, 77.0, self.depth)
        return {"depth": raw, "depth_raw": raw, "sky": sky}


def test_the_sky_is_invalid_and_does_not_bend_the_skyline(photo: Photo) -> None:
    card = catalog.find("da3mono_large")
    found = depth_anything.predict(Sky(0.5, 2.5), photo, card, "cpu", None).depth
    assert found.kind is DepthKind.RELATIVE
    rows = found.valid.all(axis=1)
    assert abs(np.argmax(rows) - photo.height / 2) <= 1
    assert not found.valid[: np.argmax(rows)].any()
    np.testing.assert_allclose(found.depth[found.valid], 2.5, rtol=1e-5)


def test_where_all_is_sky_the_sky_is_kept(photo: Photo) -> None:
    card = catalog.find("da3mono_large")
    found = depth_anything.predict(Sky(1.0, 2.5), photo, card, "cpu", None).depth
    assert found.valid.all()
    np.testing.assert_allclose(found.depth, 77, rtol=1e-5)


@pytest.mark.parametrize("focal", [None, 200.0])
def test_depth_anything_3_needs_a_focal_length_for_metres(
    focal: float | None, photo: Photo
) -> None:
    card = catalog.find("da3metric_large")
    found = depth_anything.predict(Sky(0.0, 3.0), photo, card, "cpu", focal)
    known = Pinhole.from_fov(DEFAULT_FOV, photo.width, photo.height).fx if focal is None else focal
    height, width = depth_anything.pixels(photo.rgb, card).shape[1:]
    in_network = known * (width / photo.width + height / photo.height) / 2
    assert found.depth.kind is DepthKind.METRES
    assert found.focal is None
    np.testing.assert_allclose(found.depth.depth, 3 * in_network / 300, rtol=1e-5)


def test_the_far_sky_of_depth_anything_3() -> None:
    sky = torch.zeros(1, 1, 20, 20)
    sky[..., :10, :] = 0.3
    assert depth_anything.is_ground(sky).sum() == 200
    assert depth_anything.is_ground(torch.ones(20, 20)).all()  # nothing but sky
    few = torch.zeros(20, 20)
    few[0, :10] = 1
    assert depth_anything.is_ground(few).all()


class ProAnswer(nn.Module):
    """One canonical inverse depth everywhere, and a field of view."""

    def __init__(self, canonical: float, degrees: float) -> None:
        super().__init__()
        self.canonical, self.degrees = canonical, degrees

    def forward(self, pixels: Tensor) -> dict[str, Tensor]:
        assert pixels.shape == (1, 3, 1536, 1536)
        return {
            "canonical_inverse_depth": torch.full((1, 1, 1536, 1536), self.canonical),
            "fov_deg": torch.full((1, 1, 1, 1), self.degrees),
        }


def test_depth_pro_tells_metres_and_focal_length(photo: Photo) -> None:
    card = catalog.find("depth_pro")
    own = depth_pro.predict(ProAnswer(0.4, 90.0), photo, card, "cpu", None)
    assert own.focal == pytest.approx(64, rel=1e-5)
    np.testing.assert_allclose(own.depth.depth, 64 / (0.4 * 128), rtol=1e-5)
    told = depth_pro.predict(ProAnswer(0.4, 90.0), photo, card, "cpu", 256.0)
    assert told.focal == 256
    np.testing.assert_allclose(told.depth.depth, 256 / (0.4 * 128), rtol=1e-5)
    far = depth_pro.predict(ProAnswer(0.0, 90.0), photo, card, "cpu", None)
    np.testing.assert_allclose(far.depth.depth, 1e4, rtol=1e-5)


def test_crops_of_depth_pro_join_where_they_were_cut() -> None:
    for steps, side in ((5, 1536), (3, 768)):
        where = torch.arange(side * side, dtype=torch.float32).reshape(1, 1, side, side)
        pixels = torch.cat([where.expand(1, 3, -1, -1), where.expand(1, 3, -1, -1) + 0.5])
        crops = depth_pro._crops(pixels, steps)
        assert crops.shape == (2 * steps * steps, 3, 384, 384)
        joined = depth_pro._joined(crops[..., ::16, ::16], steps)
        assert torch.equal(joined, pixels[..., ::16, ::16])


class MogeAnswer(nn.Module):
    """The points of a wavy wall but for a shift and a scale, with a hole, and normals to it."""

    def __init__(self, camera: Pinhole, shift: float, scale: float) -> None:
        super().__init__()
        width, height = camera.size
        u, v = np.broadcast_arrays(*pixel_centers(width, height))
        self.z = (3 + np.sin(u / 9) + np.cos(v / 7)).astype(np.float32)
        points = camera.unproject(u, v, self.z) / np.float32(scale)
        points[..., 2] -= shift
        mask = np.full((height, width), 0.9, np.float32)
        mask[:20, :30] = 0.4
        normals = np.zeros((height, width, 3), np.float32)
        normals[..., 2] = np.where(u < 64, -1, 1)  # half of them the wrong way
        arrays = {"points": points, "normal": normals, "mask": mask}
        self.found = {name: torch.from_numpy(value)[None] for name, value in arrays.items()}
        self.found["metric_scale"] = torch.tensor([scale])

    def forward(self, pixels: Tensor, tokens: int) -> dict[str, Tensor]:
        assert (pixels.shape[1], tokens) == (3, 3600)
        assert 0 <= pixels.min() < pixels.max() <= 1
        return self.found


@pytest.mark.parametrize("focal", [None, 150.0])
def test_moge_tells_metres_focal_length_and_normals(focal: float | None, photo: Photo) -> None:
    camera = Pinhole.from_focal(150, photo.width, photo.height)
    network = MogeAnswer(camera, shift=0.2, scale=1.7)
    found = moge.predict(network, photo, catalog.find("moge2_vits_normal"), "cpu", focal)
    assert found.focal == pytest.approx(150, rel=1e-4)
    assert found.depth.kind is DepthKind.METRES
    assert not found.depth.valid[:20, :30].any()
    assert found.depth.valid.sum() == photo.width * photo.height - 600
    seen = found.depth.valid
    np.testing.assert_allclose(found.depth.depth[seen], network.z[seen], rtol=1e-3)
    assert found.normals is not None
    assert np.isnan(found.normals[~seen]).all()
    np.testing.assert_allclose(np.linalg.norm(found.normals[seen], axis=-1), 1, atol=1e-5)
    np.testing.assert_allclose(found.normals[50, 10], [0, 0, -1], atol=1e-6)
    u, v = np.broadcast_arrays(*pixel_centers(photo.width, photo.height))
    rays = camera.unproject(u, v, np.ones_like(network.z))
    assert np.einsum("ijk,ijk->ij", found.normals, rays)[seen].max() < 1e-3


def test_a_photo_in_which_nothing_has_depth_is_told(photo: Photo) -> None:
    network = MogeAnswer(Pinhole.from_focal(150, photo.width, photo.height), 0, 1)
    network.found["mask"] = network.found["mask"] * 0
    with pytest.raises(ModelError, match="no depth"):
        moge.predict(network, photo, catalog.find("moge2_vits_normal"), "cpu", None)


@pytest.mark.parametrize(
    ("fov", "expected", "source"),
    [(None, 111.0, FocalSource.MODEL), (90.0, 64.0, FocalSource.USER)],
)
def test_the_pipeline_tells_the_model_the_camera_and_takes_its_answer(
    fov: float | None,
    expected: float,
    source: FocalSource,
    photo: Photo,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told: list[float | None] = []
    normals = np.zeros((photo.height, photo.width, 3), np.float32)
    normals[..., 0] = 1

    def estimate(
        _photo: Photo,
        _model: str,
        _device: str,
        _progress: object,
        focal: float | None,
        _precision: str,
        _tiles: int,
        _known_only: bool,
    ) -> Prediction:
        told.append(focal)
        z = np.ones((photo.height, photo.width), np.float32)
        depth = DepthMap.from_array(z, DepthKind.METRES)
        return Prediction(depth, "cpu", 111.0 if focal is None else focal, normals)

    monkeypatch.setattr(pipeline.estimator, "estimate", estimate)
    result = pipeline.reconstruct(photo, Settings(fov=fov))
    assert told == [None if fov is None else pytest.approx(64)]
    assert result.camera.fx == pytest.approx(expected)
    assert result.camera.source is source
    assert result.points is not None
    np.testing.assert_array_equal(result.points.normals[0], [1, 0, 0])
