"""A fast reader of Wavefront OBJ and MTL files; odd lines are passed over, not refused."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

NONE = -1


@dataclass
class Mesh:
    """What an OBJ file holds, its polygons cut into fans of triangles.

    vertices: (N, 3) float32 in the file's own frame.
    uv: (U, 2) float32 as written: u right, v up.
    triangles: (M, 3) int32 rows of the vertices.
    corners: (M, 3) int32 rows of uv, -1 where a corner has none.
    material: (M,) int32 rows of `names`; names[0] is "" and stands for no material.
    libraries: the names of the MTL files.
    """

    vertices: np.ndarray
    uv: np.ndarray
    triangles: np.ndarray
    corners: np.ndarray
    material: np.ndarray
    names: list[str]
    libraries: list[str]


@dataclass
class Finish:
    """A material of an MTL file; colours are (3,) as written, pictures are file names."""

    diffuse: np.ndarray = field(default_factory=lambda: np.full(3, 0.8))
    specular: np.ndarray = field(default_factory=lambda: np.zeros(3))
    shininess: float = 0.0
    opacity: float = 1.0
    picture: str | None = None
    mask: str | None = None


def count_faces(data: bytes) -> int:
    """About how many polygons an OBJ file holds, without reading it in full."""
    return data.count(b"\nf ") + data.count(b"\nf\t")


def read_mesh(data: bytes) -> Mesh:
    """Read the text of an OBJ file."""
    places: list[bytes] = []
    uvs: list[bytes] = []
    faces: list[list[bytes]] = []
    marks: list[tuple[int, int, int]] = []  # of each face: vertices and uvs so far, material
    names, libraries, current = {"": 0}, [], 0
    for line in data.replace(b"\\\r\n", b" ").replace(b"\\\n", b" ").splitlines():
        word, _, rest = line.strip().replace(b"\t", b" ").partition(b" ")
        if word == b"v":
            places.append(rest)
        elif word == b"vt":
            uvs.append(rest)
        elif word == b"f":
            corners = rest.partition(b"#")[0].split()
            if len(corners) >= 3:
                faces.append(corners)
                marks.append((len(places), len(uvs), current))
        elif word == b"usemtl":
            current = names.setdefault(_text(rest), len(names))
        elif word == b"mtllib":
            libraries.append(_text(rest))
    vertices, uv = _numbers(places, 3), _numbers(uvs, 2)
    triangles, corners, material = _fans(faces, marks)
    good = ((triangles >= 0) & (triangles < len(vertices))).all(axis=1)
    corners[(corners < 0) | (corners >= len(uv))] = NONE
    return Mesh(
        vertices, uv, triangles[good], corners[good], material[good], list(names), libraries
    )


def read_materials(data: bytes) -> dict[str, Finish]:
    """Read the text of an MTL file: the materials by name."""
    finishes: dict[str, Finish] = {}
    finish, has_opacity = Finish(), False
    for line in data.splitlines():
        word, _, rest = line.strip().replace(b"\t", b" ").partition(b" ")
        word, text = word.lower(), _text(rest)
        numbers = _floats(text)
        if word == b"newmtl":
            finish, has_opacity = Finish(), False
            finishes[text] = finish
        elif word == b"map_kd":
            finish.picture = _file_name(text) or None
        elif word == b"map_d":
            finish.mask = _file_name(text) or None
        elif not numbers:
            continue
        elif word == b"kd":
            finish.diffuse = _colour(numbers)
        elif word == b"ks":
            finish.specular = _colour(numbers)
        elif word == b"ns":
            finish.shininess = numbers[0]
        elif word == b"d":
            finish.opacity, has_opacity = numbers[-1], True
        elif word == b"tr" and not has_opacity:
            finish.opacity = 1 - numbers[0]
    return finishes


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace").strip()


def _floats(text: str) -> list[float]:
    """The numbers in a line; none if a word is not a number."""
    try:
        return [float(word) for word in text.replace("-halo", "").split()]
    except ValueError:
        return []


def _colour(numbers: list[float]) -> np.ndarray:
    """(3,) from three numbers or one."""
    return np.array(numbers[:3] if len(numbers) >= 3 else numbers[:1] * 3, dtype=np.float64)


def _file_name(text: str) -> str:
    """The file that a map names, after its options; with forward slashes."""
    words = text.split(" ")
    while len(words) > 1 and words[0].startswith("-"):
        words = words[1:]
        while len(words) > 1 and (_floats(words[0]) or words[0] in ("", "on", "off")):
            words = words[1:]
    return " ".join(words).strip().strip('"').replace("\\", "/")


def _numbers(lines: list[bytes], columns: int) -> np.ndarray:
    """(L, columns) float32, the first numbers of each line; 0 where they are missing."""
    if not lines:
        return np.zeros((0, columns), np.float32)
    width = len(lines[0].split())
    try:
        table = np.array(b" ".join(lines).split(), dtype=np.float64)
        if width >= columns and table.size == width * len(lines):
            return table.reshape(-1, width)[:, :columns].astype(np.float32)
    except ValueError:
        pass
    table = np.zeros((len(lines), columns), np.float32)
    for row, line in enumerate(lines):
        found = _floats(_text(line))[:columns]
        table[row, : len(found)] = found
    return table


def _fans(
    faces: list[list[bytes]], marks: list[tuple[int, int, int]]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Triangles (M, 3), their rows of uv (M, 3) and their materials (M,) of the polygons."""
    counts = np.array([len(face) for face in faces], dtype=np.int64)
    so_far = np.array(marks, dtype=np.int64).reshape(-1, 3)
    pairs = _pairs([corner for face in faces for corner in face])
    behind = np.repeat(so_far[:, :2], counts, axis=0)
    pairs = np.where(pairs < 0, behind + pairs, pairs - 1)
    fan = np.maximum(counts - 2, 0)
    face = np.repeat(np.arange(len(faces)), fan)
    first = (np.cumsum(counts) - counts)[face]
    step = np.arange(len(face)) - (np.cumsum(fan) - fan)[face]
    rows = np.stack([first, first + step + 1, first + step + 2], axis=1)
    triangles, corners = (pairs[:, k][rows].astype(np.int32) for k in (0, 1))
    return triangles, corners, so_far[face, 2].astype(np.int32)


def _pairs(words: list[bytes]) -> np.ndarray:
    """(W, 2) int64 the vertex and uv numbers of corners such as 3, 3/4, 3//5, 3/4/5; 0 = none."""
    text = b" ".join(words).replace(b"//", b"/0/")
    slashes = text.count(b"/")
    try:
        numbers = np.array(text.replace(b"/", b" ").split(), dtype=np.int64)
        per_word = slashes // max(len(words), 1) + 1
        alike = all(word.count(b"/") == per_word - 1 for word in text.split())
        if alike and numbers.size == per_word * len(words):
            table = numbers.reshape(-1, per_word)[:, :2]
            return np.pad(table, ((0, 0), (0, 2 - table.shape[1])))
    except ValueError:
        pass
    return np.array([_pair(word) for word in words], dtype=np.int64).reshape(-1, 2)


def _pair(word: bytes) -> tuple[int, int]:
    parts = [*word.split(b"/"), b"", b""][:2]
    try:
        return int(parts[0]), int(parts[1] or 0)
    except ValueError:
        return 0, 0
