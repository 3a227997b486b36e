"""The built-in network: numpy against torch, sizes, damaged weights, cancelling, enlarging."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from unflat.core.depth.builtin.layers import convolve, resize_bilinear, shrink_area
from unflat.core.depth.builtin.network import LOOKS, WEIGHTS, BuiltinNetwork, working_size
from unflat.core.depth.builtin.plan import (
    CONVOLUTIONS,
    PLAN,
    STRIDE,
    WORKING_PIXELS,
    Resize,
)
from unflat.core.depth.builtin.upsample import upsample_guided
from unflat.core.errors import WeightsError

Tensors = dict[str, np.ndarray]


def multiplications(width: int, height: int) -> int:
    """Multiply-adds of one pass over an input of this size, without the resizing."""
    sizes = {"input": (height, width)}
    total = 0
    for step in PLAN:
        if isinstance(step, Resize):
            sizes[step.target] = sizes[step.like]
            continue
        rows, columns = (-(-side // step.stride) for side in sizes[step.source])
        sizes[step.target] = rows, columns
        total += rows * columns * step.inputs * step.outputs * step.size**2
    return total


def random_tensors(seed: int = 0) -> Tensors:
    """Weights of the right shapes that keep numbers near one."""
    rng = np.random.default_rng(seed)
    tensors: Tensors = {}
    for conv in CONVOLUTIONS:
        gain = (2 / np.prod(conv.weight_shape[1:])) ** 0.5
        weight = rng.normal(0, gain, conv.weight_shape)
        tensors[f"{conv.name}.weight"] = weight.astype(np.float32)
        tensors[f"{conv.name}.bias"] = rng.normal(0, 0.1, conv.outputs).astype(np.float32)
    return tensors


@pytest.fixture(scope="module")
def network() -> BuiltinNetwork:
    return BuiltinNetwork.load()


class TestLayers:
    def test_convolution_by_hand(self) -> None:
        image = np.arange(9, dtype=np.float32).reshape(1, 3, 3)
        weight = np.zeros((1, 1, 3, 3), np.float32)
        weight[0, 0, 1, 2] = 1.0  # each pixel becomes its right neighbour
        result = convolve(image, weight, np.array([10], np.float32))
        np.testing.assert_array_equal(result[0], [[11, 12, 10], [14, 15, 10], [17, 18, 10]])

    def test_stride_keeps_the_even_pixels(self) -> None:
        image = np.arange(20, dtype=np.float32).reshape(1, 4, 5)
        weight = np.zeros((1, 1, 3, 3), np.float32)
        weight[0, 0, 1, 1] = 1.0
        result = convolve(image, weight, np.zeros(1, np.float32), stride=2)
        np.testing.assert_array_equal(result, image[:, ::2, ::2])

    def test_resizing_keeps_a_slope(self) -> None:
        slope = np.tile(np.arange(8, dtype=np.float32) + 0.5, (1, 4, 1))
        large = resize_bilinear(slope, 4, 16)
        np.testing.assert_allclose(large[0, 0, 2:-2], (np.arange(16) + 0.5)[2:-2] / 2, rtol=1e-6)

    @pytest.mark.parametrize("size", [(3, 7), (5, 5), (10, 14), (1, 1), (20, 30)])
    def test_shrinking_keeps_the_mean(self, size: tuple[int, int]) -> None:
        image = np.random.default_rng(0).random((10, 14, 3), dtype=np.float32)
        small = shrink_area(image, *size)
        assert small.shape == (*size, 3)
        if size[0] <= 10:
            np.testing.assert_allclose(small.mean(axis=(0, 1)), image.mean(axis=(0, 1)), rtol=1e-5)


class TestParity:
    @pytest.mark.parametrize("shipped", [False, True])
    def test_numpy_and_torch_agree(self, shipped: bool) -> None:
        torch = pytest.importorskip("torch", reason="torch is needed to compare with")
        functional = torch.nn.functional
        from unflat.core.depth.builtin.plan import PLAN, Conv

        tensors = random_tensors()
        if shipped:
            with np.load(WEIGHTS) as stored:
                tensors = {name: stored[name].astype(np.float32) for name in stored.files}
        image = np.random.default_rng(1).uniform(-1, 1, (5, 64, 96)).astype(np.float32)
        ours = BuiltinNetwork(tensors).run(image)
        registers = {"input": torch.from_numpy(image)[None]}
        for step in PLAN:
            source = registers[step.source]
            if isinstance(step, Conv):
                weight = torch.from_numpy(tensors[f"{step.name}.weight"])
                bias = torch.from_numpy(tensors[f"{step.name}.bias"])
                value = functional.conv2d(source, weight, bias, step.stride, step.size // 2)
                value = value if step.add is None else value + registers[step.add]
                registers[step.target] = value.relu() if step.relu else value
            else:
                size = registers[step.like].shape[2:]
                registers[step.target] = functional.interpolate(source, size, mode="bilinear")
        theirs = registers["inverse"][0, 0].numpy()
        scale = np.abs(theirs).max()
        np.testing.assert_allclose(ours / scale, theirs / scale, atol=1e-4)

    def test_cheap_enough(self) -> None:
        assert multiplications(256, 192) < 1.2e9
        # Every photo is looked at in the mirror too.
        looks = (multiplications(round(256 * look), round(192 * look)) for look in LOOKS)
        assert 2 * sum(looks) < 12e9


class TestPredict:
    @pytest.mark.parametrize("size", [(16, 16), (300, 400), (427, 640), (300, 4000), (640, 75)])
    def test_any_size(self, network: BuiltinNetwork, size: tuple[int, int]) -> None:
        rgb = np.random.default_rng(0).random((*size, 3), dtype=np.float32)
        inverse = network.predict(rgb)
        width, height = working_size(size[1], size[0])
        assert inverse.shape == (round(max(LOOKS) * height), round(max(LOOKS) * width))
        assert inverse.dtype == np.float32
        assert np.isfinite(inverse).all()
        assert upsample_guided(inverse, rgb).shape == size

    @pytest.mark.parametrize("size", [(16, 16), (4000, 300), (300, 4000), (1920, 1080), (9, 90000)])
    def test_working_size(self, size: tuple[int, int]) -> None:
        width, height = working_size(*size)
        assert width % STRIDE == height % STRIDE == 0
        assert width * height <= 1.35 * WORKING_PIXELS

    def test_same_photo_same_depth(self, network: BuiltinNetwork) -> None:
        rgb = np.random.default_rng(0).random((60, 80, 3), dtype=np.float32)
        np.testing.assert_array_equal(network.predict(rgb), network.predict(rgb))

    def test_mirrored_photo_mirrored_depth(self, network: BuiltinNetwork) -> None:
        rgb = np.random.default_rng(0).random((192, 256, 3), dtype=np.float32)
        straight, swapped = network.predict(rgb), network.predict(rgb[:, ::-1])
        np.testing.assert_allclose(straight, swapped[:, ::-1], atol=1e-4 * np.abs(straight).max())

    def test_progress_rises_to_one(self, network: BuiltinNetwork) -> None:
        seen: list[float] = []
        network.predict(np.zeros((64, 64, 3), np.float32), seen.append)
        assert seen == sorted(seen)
        assert len(seen) > 20
        assert seen[-1] == 1.0

    def test_cancels_at_once(self, network: BuiltinNetwork) -> None:
        seen: list[float] = []

        def stop(fraction: float) -> None:
            seen.append(fraction)
            if fraction > 0.2:
                raise InterruptedError

        with pytest.raises(InterruptedError):
            network.predict(np.zeros((64, 64, 3), np.float32), stop)
        assert seen[-1] < 0.3


class TestWeights:
    def test_small_enough_to_ship(self) -> None:
        assert WEIGHTS.stat().st_size < 18e6

    def test_missing_file(self, tmp_path: Path) -> None:
        with pytest.raises(WeightsError, match="missing"):
            BuiltinNetwork.load(tmp_path / "none.npz")

    @pytest.mark.parametrize("content", [b"", b"PK\x03\x04 but not really", b"x" * 1000])
    def test_damaged_file(self, tmp_path: Path, content: bytes) -> None:
        path = tmp_path / "weights.npz"
        path.write_bytes(content)
        with pytest.raises(WeightsError, match="can't be read"):
            BuiltinNetwork.load(path)

    def test_truncated_file(self, tmp_path: Path) -> None:
        path = tmp_path / "weights.npz"
        path.write_bytes(WEIGHTS.read_bytes()[:100_000])
        with pytest.raises(WeightsError, match="can't be read"):
            BuiltinNetwork.load(path)

    def test_pickled_objects_are_refused(self, tmp_path: Path) -> None:
        path = tmp_path / "weights.npz"
        np.savez(path, head=np.array([{}], dtype=object))
        with pytest.raises(WeightsError, match="can't be read"):
            BuiltinNetwork.load(path)

    def test_a_single_array_is_refused(self, tmp_path: Path) -> None:
        path = tmp_path / "weights.npz"
        with path.open("wb") as stream:
            np.save(stream, np.zeros(3))
        with pytest.raises(WeightsError, match="can't be read"):
            BuiltinNetwork.load(path)

    def test_missing_tensor(self) -> None:
        tensors = random_tensors()
        del tensors["head.bias"]
        with pytest.raises(WeightsError, match=r"head\.bias"):
            BuiltinNetwork(tensors)

    def test_left_over_tensor(self) -> None:
        with pytest.raises(WeightsError, match="another network"):
            BuiltinNetwork(random_tensors() | {"tail.bias": np.zeros(1, np.float32)})

    @pytest.mark.parametrize(
        "wrong", [np.zeros((2,), np.float32), np.zeros((1,), np.int32), np.float32(0)]
    )
    def test_wrong_shape_or_type(self, wrong: np.ndarray) -> None:
        with pytest.raises(WeightsError, match=r"head\.bias"):
            BuiltinNetwork(random_tensors() | {"head.bias": np.asarray(wrong)})

    @pytest.mark.parametrize("value", [np.nan, np.inf])
    def test_not_finite(self, value: float) -> None:
        tensors = random_tensors()
        tensors["down1.weight"][0, 0, 0, 0] = value
        with pytest.raises(WeightsError, match="not finite"):
            BuiltinNetwork(tensors)


def step_edge(width: int = 320, height: int = 240, at: int = 170) -> np.ndarray:
    """A photo (height, width, 3): dark left of column `at`, bright right of it."""
    rgb = np.full((height, width, 3), 0.2, np.float32)
    rgb[:, at:] = 0.8
    return rgb


class TestUpsample:
    def test_constant_stays(self) -> None:
        rgb = np.random.default_rng(0).random((90, 131, 3), dtype=np.float32)
        large = upsample_guided(np.full((24, 32), 3.5, np.float32), rgb)
        np.testing.assert_array_equal(large, np.full((90, 131), 3.5, np.float32))

    @pytest.mark.parametrize("size", [(16, 16), (100, 37), (481, 640), (30, 33)])
    def test_exact_size_and_range(self, size: tuple[int, int]) -> None:
        rng = np.random.default_rng(1)
        inverse = rng.normal(size=(32, 64)).astype(np.float32)
        large = upsample_guided(inverse, rng.random((*size, 3), dtype=np.float32))
        assert large.shape == size
        assert large.dtype == np.float32
        assert large.min() >= inverse.min()
        assert large.max() <= inverse.max()

    def test_soft_step_snaps_to_the_photo_edge(self) -> None:
        rgb = step_edge()
        x = (np.arange(64) + 0.5) / 64 * 320
        ramp = np.clip((x - 170) / 40 + 0.5, 0, 1).astype(np.float32)  # 40 photo pixels wide
        inverse = np.tile(ramp, (48, 1))
        plain = resize_bilinear(inverse[None], 240, 320)[0]
        guided = upsample_guided(inverse, rgb)
        jump = guided[:, 171] - guided[:, 168]
        assert (jump > 0.5).all()
        assert (jump > 4 * (plain[:, 171] - plain[:, 168])).all()
        truth = np.where(np.arange(320) < 170, 0.0, 1.0)
        assert np.abs(guided - truth).mean() < np.abs(plain - truth).mean()

    def test_texture_is_not_printed_on_a_slope(self) -> None:
        rng = np.random.default_rng(2)
        rgb = rng.random((240, 320, 3), dtype=np.float32)
        rgb[:, ::16] = 1.0
        v, u = np.mgrid[0:48, 0:64]
        inverse = (0.02 * v + 0.003 * u).astype(np.float32)
        large = upsample_guided(inverse, rgb)
        y, x = np.mgrid[0:240, 0:320]
        plane = 0.02 * ((y + 0.5) / 5 - 0.5) + 0.003 * ((x + 0.5) / 5 - 0.5)
        inner = np.s_[25:-25, 25:-25]
        assert np.abs(large - plane)[inner].max() < 0.002 * np.ptp(plane)
