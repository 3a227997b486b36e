"""The scene generator: repeatable, and its depth is the geometry's."""

from __future__ import annotations

import numpy as np
import pytest

from training import scenes, shapes
from training.render import UNKNOWN, Renderer
from training.stage import Light, Stage, View
from training.textures import PatternBank, paint


@pytest.fixture(scope="module")
def bank() -> PatternBank:
    return PatternBank()


def stage_with(*meshes: shapes.Mesh) -> Stage:
    """A stage with these meshes, all painted at random."""
    stage = Stage(np.random.default_rng(0))
    stage.add([(mesh, paint(stage.rng)) for mesh in meshes])
    return stage


LIGHT = Light(ambient=np.ones(3))


class TestScenes:
    @pytest.mark.parametrize("place", list(scenes.PLACES))
    def test_every_place_gives_photos(self, bank: PatternBank, place: str) -> None:
        for seed in range(8):
            for rgb, inverse in scenes.photos(seed, bank, 64, 48, 1, place):
                assert rgb.shape == (48, 64, 3)
                assert rgb.dtype == np.uint8
                assert inverse.shape == (48, 64)
                assert inverse.dtype == np.float32
                assert np.isfinite(inverse).all()
                assert ((inverse >= 0) | (inverse == UNKNOWN)).all()
                return
        pytest.fail(f"no useful view of {place} in eight scenes")

    def test_same_seed_same_photo(self, bank: PatternBank) -> None:
        first, again = (list(scenes.photos(4, bank, 64, 48)) for _ in range(2))
        assert first
        for (rgb, inverse), (rgb2, inverse2) in zip(first, again, strict=True):
            np.testing.assert_array_equal(rgb, rgb2)
            np.testing.assert_array_equal(inverse, inverse2)

    def test_other_seed_other_photo(self, bank: PatternBank) -> None:
        first = next(iter(scenes.photos(4, bank, 64, 48, place="room")))
        other = next(iter(scenes.photos(5, bank, 64, 48, place="room")))
        assert not np.array_equal(first[1], other[1])

    def test_things_in_the_studio_stand_before_something(self, bank: PatternBank) -> None:
        """Without a library there are no panoramas, so a wall it is."""
        for seed in range(12):
            for _, inverse in scenes.photos(seed, bank, 32, 24, 1, "studio"):
                assert (inverse > 0).mean() > 0.9


class TestDepth:
    def test_wall(self, bank: PatternBank) -> None:
        wall = shapes.box(50, 50, 1, (0, -25, 4.5))  # its front is at z = 4
        inverse = Renderer(stage_with(wall), LIGHT, bank).inverse_depth(View((0, 0, 0)), 64, 48)
        np.testing.assert_allclose(inverse, 0.25, rtol=1e-5)

    def test_floor(self, bank: PatternBank) -> None:
        """On a floor 1.5 m below a level camera, 1/z = (v - cy) / (f * 1.5)."""
        floor = shapes.box(900, 1, 900, (0, -2.5, 0))
        renderer = Renderer(stage_with(floor), LIGHT, bank)
        inverse = renderer.inverse_depth(View((0, 0, 0), fov=np.pi / 2), 64, 48)
        rows = (np.arange(48) + 0.5 - 24) / (32 * 1.5)
        np.testing.assert_allclose(inverse[30:], np.tile(rows[30:, None], 64), rtol=1e-4)
        assert (inverse[:24] == 0).all()

    def test_directions(self, bank: PatternBank) -> None:
        """Yaw turns to the right, pitch looks down: things move left and up in the photo."""
        ball = shapes.ellipsoid(0.5, 0.5, 0.5, (0, 0, 5))
        renderer = Renderer(stage_with(ball), LIGHT, bank)

        def centre(view: View) -> np.ndarray:
            return np.argwhere(renderer.inverse_depth(view, 64, 48) > 0).mean(axis=0)

        row, column = centre(View((0, 0, 0)))
        assert centre(View((0, 0, 0), yaw=0.2))[1] < column - 3
        assert centre(View((0, 0, 0), pitch=0.2))[0] < row - 3

    def test_shapes_have_their_sizes(self) -> None:
        for mesh, size in (
            (shapes.box(1, 2, 3), (1, 2, 3)),
            (shapes.cylinder(0.5, 2), (1, 2, 1)),
            (shapes.ellipsoid(1, 2, 3), (2, 4, 6)),
            (shapes.prism([(0, 0), (2, 0), (1, 1)], 0.5), (2, 1, 0.5)),
        ):
            np.testing.assert_allclose(np.ptp(mesh[0], axis=0), size, atol=0.05)
            assert mesh[1].max() < len(mesh[0])
