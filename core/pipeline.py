"""The way of one picture, from a photo to a Result. The only place that knows the order."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

from . import camera as cameras
from . import depthfile, images, mesh, points
from .arrays import AnyArray
from .camera import FocalSource, Pinhole
from .depth import catalog, estimator
from .depthmap import DepthKind, DepthMap
from .errors import CancelledError, MemoryShortageError
from .images import Photo
from .mesh import TriangleMesh
from .points import PointCloud
from .settings import Output, Settings

Progress: TypeAlias = Callable[[str, float], None]
"""Called with (stage, fraction of the whole job in [0, 1]); fractions never fall."""

Cancelled: TypeAlias = Callable[[], bool]
"""Asked often; True ends the job with CancelledError before anything is written."""

USER_DEPTH = "user"
"""Stands for the model in a Result made from the user's own depth map."""

_SPANS = {"photo": (0.0, 0.1), "depth": (0.1, 0.6), "mesh": (0.6, 0.8), "points": (0.8, 1.0)}


@dataclass(frozen=True)
class Result:
    """All that was made of one photo.

    depth: z-depth of the photo's size, METRES or RELATIVE, with its camera.
    mesh, points: None unless asked for.
    model, device: what estimated the depth, or "user" and "none" for the user's own depth.
    seconds: wall time per stage.
    warnings: sentences for the user.
    """

    photo: Photo
    depth: DepthMap
    camera: Pinhole
    mesh: TriangleMesh | None
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

    def __init__(self, progress: Progress | None, cancelled: Cancelled | None) -> None:
        self._progress = progress or (lambda stage, fraction: None)
        self._cancelled = cancelled or (lambda: False)
        self.seconds: dict[str, float] = {}

    @contextmanager
    def stage(self, name: str) -> Any:
        """Yields `step(fraction of this stage)`."""
        start, end = _SPANS[name]

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

    Raises a subclass of UnflatError; whatever else is raised is a bug.
    """
    settings = settings or Settings()
    catalog.pick_device(catalog.find(settings.model), settings.device)
    stages = _Stages(progress, cancelled)
    try:
        return _reconstruct(photo, settings, depth, depth_kind, camera, stages)
    except MemoryError:
        raise MemoryShortageError(
            "There is not enough memory for this photo, shrink it or close other programs."
        ) from None


def _reconstruct(
    source: str | Path | Photo | AnyArray,
    settings: Settings,
    depth_source: str | Path | DepthMap | AnyArray | None,
    depth_kind: DepthKind | str | None,
    camera_source: str | Path | Pinhole | None,
    stages: _Stages,
) -> Result:
    with stages.stage("photo"):
        photo = _photo(source)
        given = camera_source
        if isinstance(given, str | Path):
            given = cameras.load(given)
        user_depth = None
        if depth_source is not None:
            user_depth = depthfile.read(depth_source, depth_kind)
            user_depth.check_size(photo.width, photo.height)
    with stages.stage("depth") as step:
        if user_depth is not None:
            raw, focal, model, device = user_depth, None, USER_DEPTH, "none"
        else:
            prediction = estimator.estimate(photo, settings.model, settings.device, step)
            raw, focal = prediction.depth, prediction.focal
            model, device = settings.model, prediction.device
        camera = cameras.choose(
            photo.width,
            photo.height,
            given=given,
            fov=settings.fov,
            exif_focal=photo.focal,
            model_focal=focal,
        )
        depth = raw.masked(photo.opaque()).to_distances(settings.near_far_ratio)
        depth = depth.with_camera(camera)
    surface = cloud = None
    if Output.MESH in settings.outputs:
        with stages.stage("mesh"):
            surface = mesh.from_depth(
                depth, camera, edge_ratio=settings.edge_ratio, max_faces=settings.max_faces
            )
    if Output.POINTS in settings.outputs:
        with stages.stage("points"):
            cloud = points.from_depth(depth, camera, photo.rgb)
    return Result(
        photo=photo,
        depth=depth,
        camera=camera,
        mesh=surface,
        points=cloud,
        settings=settings,
        model=model,
        device=device,
        seconds=stages.seconds,
        warnings=_warnings(depth, camera),
    )


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
