"""What tasks and results look like on the wire."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, fields, is_dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unflat.bridge import results
from unflat.bridge.arrays import ArrayFolder
from unflat.bridge.codec import from_wire, to_wire
from unflat.bridge.messages import ProtocolError
from unflat.bridge.rpc_errors import RemoteError, from_error, to_error
from unflat.bridge.tasks import TASKS, Generate
from unflat.core import errors, reconstruct
from unflat.core.camera import Pinhole
from unflat.core.depthmap import DepthKind
from unflat.core.pipeline import Result
from unflat.core.settings import Output, Settings


@dataclass(frozen=True)
class Bag:
    number: float
    pair: tuple[int, str]
    many: tuple[float, ...]
    kind: DepthKind | None
    place: Path | Pinhole | None
    table: dict[str, float]
    data: bytes


def there_and_back(value: Any, folder: ArrayFolder) -> Any:
    message = json.loads(json.dumps(to_wire(value, folder.write), allow_nan=False))
    return from_wire(type(value), message, folder.map)


def equal(a: Any, b: Any) -> bool:
    if is_dataclass(a):
        return type(a) is type(b) and all(
            equal(getattr(a, f.name), getattr(b, f.name)) for f in fields(a)
        )
    if isinstance(a, np.ndarray):
        return a.dtype == b.dtype and np.array_equal(a, b, equal_nan=a.dtype.kind == "f")
    return type(a) is type(b) and (a == b or (isinstance(a, float) and math.isnan(a)))


@given(
    st.builds(
        Bag,
        st.floats(),
        st.tuples(st.integers(-(2**53), 2**53), st.text(max_size=5)),
        st.lists(st.floats(), max_size=3).map(tuple),
        st.sampled_from([None, *DepthKind]),
        st.sampled_from([None, Path("a b/ü.jpg"), Pinhole(1.0, 2.0, 3.0, 4.0, 5, 6)]),
        st.dictionaries(st.text(max_size=4), st.floats(), max_size=3),
        st.just(b""),
    )
)
def test_all_kinds_of_fields(bag: Bag) -> None:
    message = json.loads(json.dumps(to_wire(bag, lambda array: "w1.npy"), allow_nan=False))
    found = from_wire(Bag, message, lambda name, dtype: np.empty(0, dtype))
    assert repr(found) == repr(bag)


def test_a_result_with_everything(photo_file: Path, tmp_path: Path) -> None:
    outputs = frozenset(Output) - {Output.SURFACE}
    made = reconstruct(photo_file, Settings(outputs=outputs, level=True))
    assert equal(there_and_back(made, ArrayFolder(tmp_path, "w")), made)


def test_results_that_blender_would_crash_on_are_refused(photo_file: Path) -> None:
    made = reconstruct(photo_file, Settings(outputs=frozenset({"layers", "points", "detail"})))
    results.check(made)
    mesh, cloud, depth = made.mesh, made.points, made.depth
    bad_meshes = [
        replace(mesh, triangles=mesh.triangles + len(mesh.vertices)),
        replace(mesh, triangles=-mesh.triangles - 1),
        replace(mesh, vertices=mesh.vertices[:-1]),
        replace(mesh, vertices=mesh.vertices.reshape(-1)),
        replace(mesh, vertices=mesh.vertices * np.float32(np.nan)),
        replace(mesh, uv=mesh.uv[1:]),
    ]
    bad = [replace(made, mesh=bad_mesh) for bad_mesh in bad_meshes]
    bad += [replace(made, background=replace(made.background, mesh=m)) for m in bad_meshes]
    bad += [
        replace(made, photo=replace(made.photo, rgb=made.photo.rgb[0])),
        replace(made, photo=replace(made.photo, rgb=made.photo.rgb[:-1])),
        replace(made, depth=replace(depth, depth=depth.depth[:, 1:])),
        replace(made, depth=replace(depth, valid=depth.valid.reshape(-1))),
        replace(made, points=replace(cloud, colors=cloud.colors[1:])),
        replace(made, points=replace(cloud, positions=cloud.positions[:, :2])),
        replace(made, detail=replace(made.detail, normals=made.detail.normals[..., 0])),
    ]
    for result in bad:
        with pytest.raises(ProtocolError):
            results.check(result)


def test_tasks_have_defaults() -> None:
    task = from_wire(Generate, {"photo": "cat.jpg", "settings": {"max_error": 0.01}}, _no_array)
    assert task == Generate(Path("cat.jpg"), Settings(max_error=0.01))


def _no_array(name: object, dtype: np.dtype[Any]) -> np.ndarray:
    raise ProtocolError("none")


@pytest.mark.parametrize(
    "given_",
    [
        None,
        [],
        {},
        {"photo": "a"},
        {"photo": 3, "settings": {}},
        {"photo": "a", "settings": {"max_error": "small"}},
        {"photo": "a", "settings": {"max_error": True}},
        {"photo": "a", "settings": {"outputs": "mesh"}},
        {"photo": "a", "settings": {"outputs": ["nothing"]}},
        {"photo": "a", "settings": {"known_distance": [1, 2]}},
        {"photo": "a", "settings": {"evil": 1}},
        {"photo": "a", "settings": {}, "depth": {"depth": {"array": "../x.npy"}}},
        {"photo": {"rgb": {"array": 3}}, "settings": {}},
        {"photo": {"rgb": []}, "settings": {}},
    ],
)
def test_what_fits_no_task_is_refused(given_: Any) -> None:
    with pytest.raises(ProtocolError):
        from_wire(Generate, given_, _no_array)


names = st.sampled_from(["photo", "settings", "rgb", "array", "model", "depth"])


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner),
        max_leaves=10,
    )
)
def test_nothing_from_outside_ends_in_anything_else(given_: Any) -> None:
    for kind in (*TASKS.values(), Result):
        try:
            made = from_wire(kind, given_, _no_array)
        except (ProtocolError, errors.UnflatError):
            continue
        assert type(made) is kind


def test_values_out_of_range_are_told_as_always() -> None:
    with pytest.raises(errors.SettingsError, match="max error"):
        from_wire(Generate, {"photo": "a", "settings": {"max_error": 7}}, _no_array)


def _all(base: type[errors.UnflatError]) -> list[type[errors.UnflatError]]:
    """The public ones; what a module has for itself is one of these elsewhere."""
    below = [kind for child in base.__subclasses__() for kind in _all(child)]
    return [kind for kind in (base, *below) if kind.__module__ == errors.__name__]


@pytest.mark.parametrize("kind", _all(errors.UnflatError), ids=lambda kind: kind.code)
def test_errors_arrive_as_what_they_were(kind: type[errors.UnflatError]) -> None:
    found = from_error(to_error(kind("The cat sat on it.")))
    assert type(found) is kind
    assert str(found) == "The cat sat on it."


def test_other_errors() -> None:
    assert isinstance(from_error(to_error(MemoryError("no"))), MemoryError)
    bug = from_error(to_error(ZeroDivisionError("by zero")))
    assert isinstance(bug, RemoteError)
    assert "please report" in errors.explain(bug)
    assert "ZeroDivisionError" in errors.explain(bug)


def test_codes_are_of_one_class_each() -> None:
    codes = [kind.code for kind in _all(errors.UnflatError)]
    assert len(set(codes)) == len(codes)
