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
from . import depthfile, images, level, mesh, points, scale
from .arrays import AnyArray, FloatArray
from .camera import FocalSource, Pinhole
from .depth import catalog, estimator
from .depth.prediction import Prediction
from .depthmap import DepthKind, DepthMap
from .errors import CancelledError
from .images import Photo
from .level import Pose
from .mesh import Background, Detail, Solid, TriangleMesh, solid
from .mesh import surface as surfaces
from .points import PointCloud
from .settings import Output, Settings

Progress: TypeAlias = Callable[[str, float], None]
"""Called with (stage, fraction of the whole job in [0, 1]); fractions never fall."""

Cancelled: TypeAlias = Callable[[], bool]
"""Asked between the steps; True ends the job with CancelledError before anything is written."""

USER_DEPTH, NO_DEVICE = "user", "none"
"""Stand for model, device and precision in a Result made from the user's own depth map."""

_WEIGHTS = {
    "photo": 1,
    "depth": 6,
    "mesh": 2,
    "layers": 3,
    "detail": 2,
    "points": 2,
    "surface": 12,
    "print": 2,
}
"""Roughly how long each stage takes; only those that will run share the progress."""

_HEAVY = 0.8  # triangles for each pixel; clean depth takes 0.02 to 0.2, that of a Kinect 1.3


@dataclass(frozen=True)
class Result:
    """All that was made of one photo.

    depth: z-depth of the photo's size, METRES or RELATIVE, with its camera.
    pose: how the camera stands over the floor; None unless asked for and a floor was found.
    mesh, points, surface: None unless asked for; in the camera frame whatever the pose.
    solid: the print; None unless asked for.
    background: what the mesh hides; None unless layers are asked for and something is hidden.
    detail: what the mesh lacks of the depth; None unless asked for.
    model, device: what estimated the depth, or "user" and "none" for the user's own depth.
    precision: in which it was estimated, and by what if not by torch.
    source_kind: what it was before it became distances; of INVERSE the near/far ratio made them.
    seconds: wall time per stage.
    warnings: sentences for the user.
    """

    photo: Photo
    depth: DepthMap
    camera: Pinhole
    pose: Pose | None
    mesh: TriangleMesh | None
    background: Background | None
    detail: Detail | None
    points: PointCloud | None
    surface: TriangleMesh | None
    solid: Solid | None
    settings: Settings
    model: str
    device: str
    precision: str
    source_kind: DepthKind
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
    known_only: bool = False,
    progress: Progress | None = None,
    cancelled: Cancelled | None = None,
) -> Result:
    """Turn one photo into depth, camera and geometry.

    photo: a file, a Photo, or an sRGB array (H, W, 3), uint8, uint16 or float in [0, 1].
    depth: the user's own depth map, of the photo's size, in place of a model.
    depth_kind: what its numbers mean; None = what the file says, else metres.
    camera: the user's own intrinsics, or a camera.json.
    known_only: raise DepthError unless the depth is given, or was estimated before and is
        remembered; so that no network runs.
    progress, cancelled: see `Progress` and `Cancelled`.

    Raises a subclass of UnflatError, or MemoryError; whatever else is raised is a bug.
    """
    settings = settings or Settings()
    if Output.SURFACE in settings.outputs:
        surfaces.library()  # missed now, not when all else is done
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
        if own is not None:
            prediction = Prediction(own, NO_DEVICE, precision=NO_DEVICE)
        else:
            prediction = _estimated(picture, settings, focal, known_only, step)
        pinhole = choose_camera(model_focal=prediction.focal)
        distances = _distances(prediction.depth, picture, pinhole, settings)
        pose = level.find_floor(distances, pinhole) if settings.level else None
    made = _geometry(picture, distances, prediction.normals, pinhole, settings, stages)
    lost_floor = settings.level and pose is None
    return Result(
        photo=picture,
        depth=distances,
        camera=pinhole,
        pose=pose,
        **made,
        settings=settings,
        model=settings.model if own is None else USER_DEPTH,
        device=prediction.device,
        precision=prediction.precision,
        source_kind=prediction.depth.kind,
        seconds=stages.seconds,
        warnings=(
            *prediction.warnings,
            *_warnings(distances, pinhole, made["mesh"], lost_floor),
        ),
    )


def _estimated(
    photo: Photo,
    settings: Settings,
    focal: float | None,
    known_only: bool,
    step: Callable[[float], None],
) -> Prediction:
    """What the chosen model says of the photo."""
    return estimator.estimate(
        photo,
        settings.model,
        settings.device,
        step,
        focal,
        settings.precision,
        settings.tiles,
        known_only,
    )


def _distances(depth: DepthMap, photo: Photo, camera: Pinhole, settings: Settings) -> DepthMap:
    """z-depth of any depth of the photo, invalid where the photo is not opaque."""
    found = depth.masked(photo.opaque()).with_camera(camera).to_distances(settings.near_far_ratio)
    if settings.known_distance is None:
        return found
    return scale.to_known_distance(found, camera, settings.known_distance)


def _geometry(
    photo: Photo,
    depth: DepthMap,
    normals: FloatArray | None,
    camera: Pinhole,
    settings: Settings,
    stages: _Stages,
) -> dict[str, Any]:
    """The fields of Result with geometry."""
    fields = ("mesh", "background", "detail", "points", "surface", "solid")
    made: dict[str, Any] = dict.fromkeys(fields)
    edge_ratio, most = settings.edge_ratio, settings.max_faces
    if Output.MESH in settings.outputs:
        with stages.stage("mesh"):
            made["mesh"] = mesh.from_depth(
                depth,
                camera,
                rgb=photo.rgb,
                edge_ratio=edge_ratio,
                max_error=settings.max_error,
                max_faces=most,
            )
    if Output.LAYERS in settings.outputs:
        with stages.stage("layers"):
            made["background"] = mesh.background(
                made["mesh"], depth, camera, photo, edge_ratio=edge_ratio, max_faces=most
            )
    if Output.DETAIL in settings.outputs:
        with stages.stage("detail"):
            made["detail"] = mesh.detail(made["mesh"], depth, camera, normals)
    cloud = None
    if Output.POINTS in settings.outputs:
        with stages.stage("points"):
            cloud = made["points"] = points.from_depth(depth, camera, photo.rgb, normals)
    if Output.SURFACE in settings.outputs:
        with stages.stage("surface"):
            cloud = cloud or points.from_depth(depth, camera, photo.rgb, normals)
            made["surface"] = surfaces.from_points(cloud, camera, settings.surface, most)
    if Output.PRINT in settings.outputs:
        with stages.stage("print"):
            size = (settings.print_width, settings.print_height, settings.print_base)
            made["solid"] = solid.from_depth(depth, *size, most)
    return made


def _photo(source: str | Path | Photo | AnyArray) -> Photo:
    if isinstance(source, Photo):
        return source
    return images.load(source) if isinstance(source, str | Path) else images.from_array(source)


def _warnings(
    depth: DepthMap, camera: Pinhole, surface: TriangleMesh | None, lost_floor: bool
) -> tuple[str, ...]:
    found = []
    if camera.source is FocalSource.DEFAULT:
        found.append(
            f"The photo does not say its focal length, so a field of view of {camera.fov:.0f} "
            "degrees was assumed."
        )
    if depth.kind is DepthKind.RELATIVE:
        found.append("The depth has no absolute scale: the nearest pixel is placed at one metre.")
    if depth.sparse:
        found.append(
            "The depth is sparse, with gaps between its pixels, so geometry is in crumbs: fill the "
            "gaps or give denser depth."
        )
    elif surface is not None and len(surface.triangles) > _HEAVY * depth.valid.sum():
        found.append(
            "The depth is noisy and the mesh follows its noise: a larger max error, like "
            f"{10 * surface.error:.2g}, makes a lighter and smoother one."
        )
    if lost_floor:
        found.append("No floor was found, so the scene was not levelled.")
    return tuple(found)
