"""The way of one picture, from a photo to a Result. The only place that knows the order."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

from . import camera as cameras
from . import depthfile, images, mesh, points
from .arrays import AnyArray, FloatArray
from .camera import FocalSource, Pinhole
from .depth import catalog, estimator
from .depth.prediction import Prediction
from .depthmap import DepthKind, DepthMap
from .errors import CancelledError
from .images import Photo
from .mesh import Background, TriangleMesh
from .points import PointCloud
from .settings import Output, Settings

Progress: TypeAlias = Callable[[str, float], None]
"""Called with (stage, fraction of the whole job in [0, 1]); fractions never fall."""

Cancelled: TypeAlias = Callable[[], bool]
"""Asked between the steps; True ends the job with CancelledError before anything is written."""

USER_DEPTH, NO_DEVICE = "user", "none"
"""Stand for model and device in a Result made from the user's own depth map."""

_WEIGHTS = {"photo": 1, "depth": 6, "mesh": 2, "layers": 3, "points": 2}
"""Roughly how long each stage takes; only those that will run share the progress."""


@dataclass(frozen=True)
class Result:
    """All that was made of one photo.

    depth: z-depth of the photo's size, METRES or RELATIVE, with its camera.
    mesh, points: None unless asked for.
    background: what the mesh hides; None unless layers are asked for and something is hidden.
    model, device: what estimated the depth, or "user" and "none" for the user's own depth.
    seconds: wall time per stage.
    warnings: sentences for the user.
    """

    photo: Photo
    depth: DepthMap
    camera: Pinhole
    mesh: TriangleMesh | None
    background: Background | None
    points: PointCloud | None
    settings: Settings
    model: str
    device: str
    seconds: dict[str, float] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()

    def save(self, folder: str | Path) -> dict[str, Any]:
        """Write depth, camera, geometry and preview into `folder`; see `export.save`."""
        from . import export

        return export.save(self, Path(folder))


class _Stages:
    """Times the stages, reports progress, and turns a cancel into CancelledError."""

    def __init__(
        self, settings: Settings, progress: Progress | None, cancelled: Cancelled | None
    ) -> None:
        self._progress = progress or (lambda stage, fraction: None)
        self._cancelled = cancelled or (lambda: False)
        self.seconds: dict[str, float] = {}
        self._spans: dict[str, tuple[float, float]] = {}
        runs = [s for s in _WEIGHTS if s in ("photo", "depth") or s in settings.outputs]
        total, end = sum(_WEIGHTS[name] for name in runs), 0.0
        for name in runs:
            start, end = end, end + _WEIGHTS[name] / total
            self._spans[name] = start, min(end, 1.0)

    @contextmanager
    def stage(self, name: str) -> Any:
        """Yields `step(fraction of this stage)`."""
        start, end = self._spans[name]

        def step(fraction: float) -> None:
            if self._cancelled():
                raise CancelledError
            self._progress(name, start + (end - start) * fraction)

        began = time.perf_counter()
        step(0.0)
        yield step
        step(1.0)
        self.seconds[name] = round(time.perf_counter() - began, 4)


def reconstruct(
    photo: str | Path | Photo | AnyArray,
    settings: Settings | None = None,
    *,
    depth: str | Path | DepthMap | AnyArray | None = None,
    depth_kind: DepthKind | str | None = None,
    camera: str | Path | Pinhole | None = None,
    progress: Progress | None = None,
    cancelled: Cancelled | None = None,
) -> Result:
    """Turn one photo into depth, camera and geometry.

    photo: a file, a Photo, or an sRGB array (H, W, 3), uint8, uint16 or float in [0, 1].
    depth: the user's own depth map, of the photo's size, in place of a model.
    depth_kind: what its numbers mean; None = what the file says, else metres.
    camera: the user's own intrinsics, or a camera.json.
    progress, cancelled: see `Progress` and `Cancelled`.

    Raises a subclass of UnflatError, or MemoryError; whatever else is raised is a bug.
    """
    settings = settings or Settings()
    catalog.check_device(catalog.find(settings.model), settings.device)
    stages = _Stages(settings, progress, cancelled)
    with stages.stage("photo"):
        picture = _photo(photo)
        given = cameras.load(camera) if isinstance(camera, str | Path) else camera
        own = None if depth is None else depthfile.read(depth, depth_kind)
        if own is not None:
            own.check_size(picture.width, picture.height)
    choose_camera = partial(
        cameras.choose,
        picture.width,
        picture.height,
        given=given,
        fov=settings.fov,
        exif_focal=picture.focal,
    )
    with stages.stage("depth") as step:
        known = choose_camera()
        focal = None if known.source is FocalSource.DEFAULT else known.fx
        prediction = (
            Prediction(own, NO_DEVICE)
            if own is not None
            else estimator.estimate(picture, settings.model, settings.device, step, focal)
        )
        pinhole = choose_camera(model_focal=prediction.focal)
        distances = prediction.depth.masked(picture.opaque()).with_camera(pinhole)
        distances = distances.to_distances(settings.near_far_ratio)
    surface, behind, cloud = _geometry(
        picture, distances, prediction.normals, pinhole, settings, stages
    )
    return Result(
        photo=picture,
        depth=distances,
        camera=pinhole,
        mesh=surface,
        background=behind,
        points=cloud,
        settings=settings,
        model=settings.model if own is None else USER_DEPTH,
        device=prediction.device,
        seconds=stages.seconds,
        warnings=_warnings(distances, pinhole),
    )


def _geometry(
    photo: Photo,
    depth: DepthMap,
    normals: FloatArray | None,
    camera: Pinhole,
    settings: Settings,
    stages: _Stages,
) -> tuple[TriangleMesh | None, Background | None, PointCloud | None]:
    surface = behind = cloud = None
    if Output.MESH in settings.outputs:
        with stages.stage("mesh"):
            surface = mesh.from_depth(
                depth,
                camera,
                edge_ratio=settings.edge_ratio,
                max_error=settings.max_error,
                max_faces=settings.max_faces,
            )
    if surface is not None and Output.LAYERS in settings.outputs:
        with stages.stage("layers"):
            behind = mesh.background(
                surface,
                depth,
                camera,
                photo,
                edge_ratio=settings.edge_ratio,
                max_faces=settings.max_faces,
            )
    if Output.POINTS in settings.outputs:
        with stages.stage("points"):
            cloud = points.from_depth(depth, camera, photo.rgb, normals)
    return surface, behind, cloud


def _photo(source: str | Path | Photo | AnyArray) -> Photo:
    if isinstance(source, Photo):
        return source
    return images.load(source) if isinstance(source, str | Path) else images.from_array(source)


def _warnings(depth: DepthMap, camera: Pinhole) -> tuple[str, ...]:
    found = []
    if camera.source is FocalSource.DEFAULT:
        found.append(
            f"The photo does not say its focal length, so a field of view of {camera.fov:.0f} "
            "degrees was assumed."
        )
    if depth.kind is DepthKind.RELATIVE:
        found.append("The depth has no absolute scale: the nearest pixel is placed at one metre.")
    return tuple(found)
