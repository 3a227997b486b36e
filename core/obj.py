"""TriangleMesh -> Wavefront OBJ with its MTL, in glTF's frame: y up, looking down -z, metres."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from . import frames
from ._version import __version__
from .arrays import AnyArray
from .mesh import TriangleMesh

_ROWS = 50_000  # lines at a time: a few megabytes of text


def encode(mesh: TriangleMesh, material_file: str) -> Iterator[bytes]:
    """The chunks of a .obj file that takes its material "photo" from `material_file`."""
    yield f"# made by Unflat {__version__}\nmtllib {material_file}\nusemtl photo\n".encode()
    yield from _lines("v %.7g %.7g %.7g\n", frames.to_gltf(mesh.vertices))
    yield from _lines("vt %.7g %.7g\n", frames.uv_to_blender(mesh.uv))  # v upwards
    corners = np.repeat(mesh.triangles + 1, 2, axis=1)  # position and texture have one number
    yield from _lines("f %d/%d %d/%d %d/%d\n", corners)


def encode_material(texture_file: str) -> bytes:
    """A .mtl file whose material "photo" shows a picture by its own light."""
    return f"newmtl photo\nKa 1 1 1\nKd 1 1 1\nillum 0\nmap_Kd {texture_file}\n".encode()


def _lines(form: str, rows: AnyArray) -> Iterator[bytes]:
    for begin in range(0, len(rows), _ROWS):
        part = rows[begin : begin + _ROWS]
        yield (form * len(part) % tuple(part.ravel().tolist())).encode()
