"""Free models and photo textures: read, kept, and seen in photos where they belong."""

from __future__ import annotations

import io
import struct
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from training import library, make_library, scenes, shapes
from training.environment import Environment
from training.gallery import SIZE, Gallery
from training.library import sweethome, wavefront, zeroad
from training.library.store import Material, Model, save_models
from training.library.tiles import save_tiles
from training.models import model, or_model
from training.render import Renderer
from training.stage import Light, Stage, View
from training.textures import Paint, PatternBank, paint

RED, BLUE, CLEAR = (255, 0, 0, 255), (0, 0, 255, 255), (0, 0, 0, 0)


def halves(left: tuple[int, ...], right: tuple[int, ...]) -> np.ndarray:
    """A picture (SIZE, SIZE, 4) of two colours."""
    picture = np.empty((SIZE, SIZE, 4), np.uint8)
    picture[:, : SIZE // 2], picture[:, SIZE // 2 :] = left, right
    return picture


def png(picture: np.ndarray) -> bytes:
    """The picture (rows, columns, 3 or 4) as a file."""
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "PNG")
    return file.getvalue()


def screen(picture: np.ndarray) -> Model:
    """A picture 4 m wide and 2 m high that stands upright and faces the photographer."""
    vertices = np.array([[-2, 0, 0], [2, 0, 0], [2, 2, 0], [-2, 2, 0]], np.float32)
    triangles = np.array([[0, 1, 2], [0, 2, 3]], np.int32)
    uv = np.array([[0, 1], [1, 1], [1, 0], [0, 0]], np.float32)[triangles]
    look = Material(np.ones(3, np.float32), picture, 0.0)
    return Model("screen", "picture", "CC0", vertices, triangles, uv, np.zeros(2, np.int32), [look])


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A library of two screens and one tile, in use."""
    pictures = halves(RED, BLUE), halves(RED, CLEAR)
    save_models(tmp_path / "models_test.npz", [screen(picture) for picture in pictures])
    grey = np.full((1, SIZE, SIZE, 3), 90, np.uint8)
    np.savez(tmp_path / "tiles.npz", pictures=grey, kinds=["wood"], metres=[1.0], sources=[""])
    library.use(tmp_path)
    yield tmp_path
    library.use(None)


@pytest.fixture(scope="module")
def bank() -> PatternBank:
    return PatternBank()


def photo_of(thing: int, bank: PatternBank) -> tuple[np.ndarray, np.ndarray]:
    """The photo and inverse depth of a screen 3 m away, and of a wall at 6 m behind it."""
    stage, source = Stage(np.random.default_rng(0)), library.active()
    assert source is not None
    ((material, vertices, triangles, uv),) = source.things["picture"][thing].parts
    look = Paint(0, 1.0, np.ones((3, 3), np.float32), picture=int(source.picture[material]), uv=uv)
    stage.add([((vertices, triangles), look)], (0, -1, 3))
    stage.add([(shapes.box(90, 90, 1), paint(stage.rng, "plain"))], (0, -45, 6.5))
    renderer = Renderer(stage, Light(np.ones(3)), bank)
    return renderer.photo(View((0, 0, 0)), 64, 48)


class TestPictures:
    def test_are_not_mirrored(self, folder: Path, bank: PatternBank) -> None:
        rgb, inverse = photo_of(0, bank)
        left, right = rgb[24, 16].astype(int), rgb[24, 48].astype(int)
        assert left[0] > left[2] + 50
        assert right[2] > right[0] + 50
        np.testing.assert_allclose(inverse[24, [16, 48]], 1 / 3, rtol=1e-3)

    def test_rays_pass_through_holes(self, folder: Path, bank: PatternBank) -> None:
        _, inverse = photo_of(1, bank)
        np.testing.assert_allclose(inverse[24, [16, 48]], (1 / 3, 1 / 6), rtol=1e-3)

    def test_far_away_only_the_mean_is_left(self) -> None:
        gallery = Gallery(halves((255, 255, 255, 255), (0, 0, 0, 255))[None])
        uv = np.random.default_rng(0).random((20, 2))
        near = gallery.sample(np.zeros(20, int), uv, np.full(20, 1e-4))
        far = gallery.sample(np.zeros(20, int), uv, np.full(20, 5.0))
        assert np.ptp(near) > 0.9
        np.testing.assert_allclose(far, np.tile(gallery.means, (20, 1)), atol=1e-6)


class TestProps:
    def test_model_has_the_size_that_was_asked_for(self, folder: Path) -> None:
        rng = np.random.default_rng(0)
        for size, expected in (((3.0, 1.0, 2.0), (3, 1, 0)), (8.0, (8, 4, 0))):
            (mesh, _look), *_ = model(rng, ("picture",), size)
            np.testing.assert_allclose(np.ptp(mesh[0], axis=0), expected, atol=1e-5)

    def test_no_model_is_larger_than_asked_for(self, folder: Path) -> None:
        rng = np.random.default_rng(0)
        assert model(rng, ("picture",), most=4.0)
        assert model(rng, ("picture",), most=3.9) is None

    def test_own_shape_where_the_library_has_none(self, folder: Path) -> None:
        make = or_model("unicorn", share=1.0)(lambda rng: [])
        assert make(np.random.default_rng(0)) == []

    def test_an_empty_library_is_as_good_as_none(self, tmp_path: Path, bank: PatternBank) -> None:
        library.use(tmp_path)
        try:
            furnished = next(iter(scenes.photos(3, bank, 64, 48, place="room")))
        finally:
            library.use(None)
        own = next(iter(scenes.photos(3, bank, 64, 48, place="room")))
        assert furnished[0].shape == own[0].shape

    def test_every_place_can_be_furnished(self, folder: Path, bank: PatternBank) -> None:
        for place in scenes.PLACES:
            stage, (light, views, *_) = scenes.build(3, place)
            inverse = Renderer(stage, light, bank).inverse_depth(views[0], 16, 12)
            assert np.isfinite(inverse).all()

    def test_paint_uses_tiles(self, folder: Path) -> None:
        rng = np.random.default_rng(0)
        assert {paint(rng, "grain").picture >= 0 for _ in range(40)} == {True, False}


class TestEnvironment:
    def test_light_comes_from_where_the_panorama_is_bright(self) -> None:
        panorama = np.full((48, 96, 3), 0.1, np.float32)
        panorama[:16] = 2.0
        around = Environment(panorama, turn=0.3, level=1.0)
        up, down = around.soft(np.array([[0, 1.0, 0], [0, -1.0, 0]]))
        assert (up > 3 * down).all()

    def test_straight_ahead_turns_to_the_right(self) -> None:
        panorama = np.zeros((48, 96, 3), np.float32)
        panorama[:, 48:56] = 1.0  # just right of the middle
        seen = Environment(panorama, 0.5, 1.0).seen(np.array([[0.2, 0, 1.0], [-0.2, 0, 1.0]]))
        assert seen[0, 0] > 0
        assert seen[1, 0] == 0


OBJ = b"""mtllib a.mtl
v 0 0 0
v 2 0 0
v 2 1 0
v 0 1 0
vt 0 0
vt 1 0
vt 1 1
vt 0 1
usemtl front
f 1/1 2/2 3/3 4/4
usemtl back
f -1 -2 -3
f 1 9 2
nonsense
"""


class TestWavefront:
    def test_polygons_become_triangles(self) -> None:
        mesh = wavefront.read_mesh(OBJ)
        assert len(mesh.triangles) == 3  # the face that names a missing vertex is left out
        assert mesh.names[mesh.material[0]] == "front"
        np.testing.assert_array_equal(mesh.triangles[2], [3, 2, 1])
        assert (mesh.corners[2] == wavefront.NONE).all()

    def test_materials(self) -> None:
        found = wavefront.read_materials(b"newmtl a b\nKd 0.1 0.2 0.3\nmap_Kd x y.png\nd 0.5\n")
        assert found["a b"].picture == "x y.png"
        assert found["a b"].opacity == 0.5
        np.testing.assert_allclose(found["a b"].diffuse, (0.1, 0.2, 0.3))


class TestSweetHome:
    def test_reads_a_catalogue(self, tmp_path: Path) -> None:
        """A board 2 m wide whose front, in the catalogue's frame, looks to +z and is red left."""
        properties = (
            "id#1=x#board\nname#1=Board\ncategory#1=Miscellaneous\nmodel#1=/a/b.obj\n"
            "width#1=200\ndepth#1=10\nheight#1=100\n"
        )
        box = (
            b"mtllib b.mtl\nv 0 0 0\nv 4 0 0\nv 4 2 0\nv 0 2 0\n"
            b"v 0 0 1\nv 4 0 1\nv 4 2 1\nv 0 2 1\n"
            b"vt 0 0\nvt 1 0\nvt 1 1\nvt 0 1\nusemtl m\nf 5/1 6/2 7/3 8/4\nf 1/1 2/1 3/1 4/1\n"
        )
        place = tmp_path / sweethome.FOLDER
        place.mkdir(parents=True)
        with zipfile.ZipFile(place / "BlendSwap-CC-0.sh3f", "w") as files:
            files.writestr(sweethome.CATALOGUE, properties)
            files.writestr("a/b.obj", box)
            files.writestr("a/b.mtl", "newmtl m\nKd 1 1 1\nmap_Kd p.png\n")
            files.writestr("a/p.png", png(halves(RED, BLUE)[..., :3]))
        (board,) = sweethome.models(tmp_path)
        assert board.licence == "CC0"
        np.testing.assert_allclose(np.ptp(board.vertices, axis=0), (2, 1, 0.1), atol=1e-5)
        front = board.vertices[board.triangles][..., 2].max(axis=1) < 0
        corners = board.vertices[board.triangles[front]].reshape(-1, 3)
        uv = board.uv[front].reshape(-1, 2)
        np.testing.assert_allclose(uv[:, 0], (corners[:, 0] > 0), atol=1e-3)
        np.testing.assert_allclose(uv[:, 1], (corners[:, 1] < 0.5), atol=1e-3)


def packed_wall() -> bytes:
    """A .pmd mesh 4 units wide, from 1 below the ground to 2 above it, where a prop may stand."""
    data = b"PSMD" + struct.pack("<3I", 3, 0, 4)
    for x, y in ((-2, -1), (2, -1), (2, 2), (-2, 2)):
        uv = (x > 0, y > 0)  # in the file v goes up
        data += struct.pack("<8f4B4f", x, y, 0, 0, 0, -1, *uv, 255, 255, 255, 255, 0, 0, 0, 0)
    data += struct.pack("<I6H", 2, 0, 1, 2, 0, 2, 3)
    data += struct.pack("<I", 0)  # bones
    return data + struct.pack("<2I3s7fB", 1, 3, b"top", 0, 2, 0, 0, 0, 0, 1, 255)


ACTOR = """<actor><group><variant frequency="1"><mesh>wall.dae</mesh>
<textures><texture file="wall.png" name="baseTex"/></textures>
<props>{}</props></variant></group><material>basic_trans.xml</material></actor>"""
PROP = '<prop actor="props/{}.xml" attachpoint="top"/>'


class TestZeroAD:
    def test_reads_the_archive(self, tmp_path: Path) -> None:
        """A wall that bears another one like it; a third is nowhere to be found."""
        place = tmp_path / zeroad.ARCHIVE
        place.parent.mkdir(parents=True)
        with zipfile.ZipFile(place, "w") as files:
            props = PROP.format("upper") + PROP.format("lost")
            files.writestr("art/actors/geology/wall.xml", ACTOR.format(props))
            files.writestr("art/actors/props/upper.xml", ACTOR.format(""))
            files.writestr("art/meshes/wall.dae.cached.pmd", packed_wall())
            files.writestr("art/textures/skins/wall.png.cached.dds", png(halves(RED, CLEAR)))
        (wall,) = zeroad.models(tmp_path)
        assert wall.group == "rock"
        assert len(wall.triangles) == 4
        np.testing.assert_allclose(np.ptp(wall.vertices, axis=0), (4 * 0.43, 4 * 0.43, 0), 1e-5)
        np.testing.assert_allclose(wall.vertices.min(axis=0), (-2 * 0.43, 0, 0), 1e-5)
        lower = wall.vertices[wall.triangles[:2]]
        np.testing.assert_array_equal(wall.uv[:2, :, 0], lower[..., 0] > 0)
        np.testing.assert_array_equal(wall.uv[:2, :, 1], lower[..., 1] == 0)
        for material in wall.material:
            np.testing.assert_array_equal(wall.materials[material].picture, halves(RED, CLEAR))


class TestTiles:
    def test_only_seamless_pictures_without_holes_and_twins(self, tmp_path: Path) -> None:
        place = tmp_path / "usr/share/games/torcs/data/textures"
        place.mkdir(parents=True)
        noise = np.random.default_rng(0).integers(40, 200, (SIZE, SIZE, 4), np.uint8)
        noise[..., 3] = 255
        holed, seam = noise[::-1].copy(), noise // 8
        holed[:40, :40, 3] = 0
        seam[..., :3] += np.arange(SIZE, dtype=np.uint8)[:, None]
        pictures = {"fine": noise, "twin": noise, "holed": holed, "seam": seam[..., :3]}
        for name, picture in pictures.items():
            (place / f"concrete-{name}.png").write_bytes(png(picture))
        save_tiles(tmp_path, tmp_path / "tiles.npz")
        found = library.Library(tmp_path)
        assert found.tiles == {"concrete": [0]}
        assert found.metres == {0: 2.0}
        assert not found.gallery.holed.any()


def test_whatever_is_missing_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """On a machine without apt-get, npm and bpy."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setitem(sys.modules, "bpy", None)
    make_library.fetch(tmp_path / "packages")
    assert "0ad-data" in capsys.readouterr().out
    make_library.convert(tmp_path / "packages", tmp_path)
    assert not list(tmp_path.glob("*.npz"))
    assert library.Library(tmp_path).tiles == {}
