"""The files of a Result. Imports Pillow and OpenEXR for the pictures."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from . import blend, depthfile, files, glb, obj, ply, preview, stl, usd
from . import colormap as colormaps
from ._version import __version__
from .arrays import AnyArray, ByteArray, FloatArray
from .depth import catalog
from .depthmap import DepthKind, DepthMap
from .errors import MissingLibraryError, OutputError, SettingsError
from .images import EncodedImage, Photo
from .mesh import TriangleMesh

if TYPE_CHECKING:
    from .pipeline import Result

FILES = (
    "camera.json",
    "depth.npz",
    "depth.png",
    "depth_color.png",
    "displacement.exr",
    "displacement.png",
    *(
        f"{surface}.{suffix}"
        for surface in ("mesh", "background", "surface")
        for suffix in ("glb", "jpg", "mtl", "obj", "ply", "png", "stl", "usdz")
    ),
    "normal.png",
    "points.ply",
    "preview.png",
    "print.stl",
    "report.json",
    "scene.blend",
)
"""All that we may write."""

_LONGEST_JPEG = 65_500  # pixels; no longer side can be written


def save(
    result: Result,
    folder: Path,
    colormap: str = colormaps.DEFAULT,
    formats: Collection[str] = ("glb",),
    with_blend: bool = False,
) -> dict[str, Any]:
    """Write all files of a result into `folder`, all or none; returns what report.json says.

    Files of an earlier run go, whatever else is in the folder stays.

    depth.png is 16 bits of inverse depth, 65535 = nearest, 0 = invalid; depth.npz holds float32
    z-depth (0 = invalid), the valid mask, the kind and the camera; PLY files are in the camera
    frame, GLB, OBJ and USDZ in glTF's, STL in Blender's; with a pose, which camera.json holds, the
    nodes of GLB and USDZ are upright. What the mesh hides is in background.* beside it, the surface
    through the points in surface.*; print.stl is in millimetres, lying on the printer's bed.
    displacement.exr says by which share of its distance from the photo's camera a point of the
    mesh has to be moved away from it, displacement.png the same in 16 bits (see `mesh.Detail`, and
    "displacement_limit" in the report); normal.png is seen from the camera, with green up. Raises
    OutputError, SettingsError, MissingLibraryError, BlenderError.
    """
    check_formats(formats)
    colors = _colored(result.depth, colormap)
    seconds = dict(result.seconds)
    began = time.perf_counter()
    with files.staged_folder(folder, earlier(folder)) as stage:
        _write_depth(result.depth, colors, stage)
        _write_geometry(result, stage, formats)
        _picture(preview.compose(result, colors), stage / "preview.png")
        pose = result.pose.to_json() if result.pose is not None else {}
        _text(result.camera.to_json() | pose, stage / "camera.json")
        seconds["files"] = round(time.perf_counter() - began, 4)
        if with_blend:
            began = time.perf_counter()
            blend.write(result, stage)
            seconds["blend"] = round(time.perf_counter() - began, 4)
        sizes = {file.name: file.stat().st_size for file in sorted(stage.iterdir())}
        said = report(result) | {"seconds": seconds, "bytes": sizes}
        _text(said, stage / "report.json")
    return said


def check_kept(given: Path, folder: Path) -> None:
    """Raise OutputError if writing a result into `folder` would replace a file that was `given`.

    What an earlier run wrote there may be given again.
    """
    lies_there = given.resolve().parent == folder.resolve()
    if lies_there and given.name in set(FILES) - earlier(folder):
        raise OutputError(f"{given} would be written over, move it or choose another folder.")


def earlier(folder: Path) -> set[str]:
    """Names of our files that an earlier run's report tells of; what others put there is theirs."""
    try:
        said = json.loads((folder / "report.json").read_text(encoding="utf-8"))
        return {"report.json", *said["bytes"]} & set(FILES)
    except (OSError, ValueError, TypeError, KeyError):
        return set()


def check_formats(formats: Collection[str]) -> Collection[str]:
    """`formats`, if all can be written. Raises SettingsError, MissingLibraryError."""
    if not set(formats) <= set(FORMATS):
        raise SettingsError(f"The format must be among {', '.join(FORMATS)}.")
    if "usd" in formats:
        usd.check_library()
    return formats


def _write_depth(depth: DepthMap, colors: ByteArray, folder: Path) -> None:
    levels = 1 + np.rint(depth.normalized() * 65534)
    gray = np.where(depth.valid, levels, 0).astype(np.uint16)
    _picture(gray, folder / "depth.png", {depthfile.KIND_TEXT: DepthKind.INVERSE})
    _picture(colors, folder / "depth_color.png")
    camera = json.dumps(depth.camera.to_json()) if depth.camera else ""
    with (folder / "depth.npz").open("wb") as file:
        np.savez(file, depth=depth.depth, valid=depth.valid, kind=depth.kind.value, camera=camera)


def _write_geometry(result: Result, folder: Path, formats: Collection[str]) -> None:
    if result.points is not None:
        _chunks(ply.encode_points(result.points), folder / "points.ply")
    if result.solid is not None:
        _chunks(stl.encode_solid(result.solid), folder / "print.stl")
    for name in formats:
        if result.mesh is not None:
            _SURFACE_WRITERS[name](result.mesh, result.photo, result, folder / "mesh")
        if result.background is not None:
            behind = result.background
            _SURFACE_WRITERS[name](behind.mesh, behind.photo, result, folder / "background")
        if result.surface is not None:
            _SURFACE_WRITERS[name](result.surface, result.photo, result, folder / "surface")
    if result.detail is not None:
        _exr(result.detail.displacement, folder / "displacement.exr")
        _picture(result.detail.displacement_levels(), folder / "displacement.png")
        _picture(result.detail.normal_colors(), folder / "normal.png")


def _write_glb(surface: TriangleMesh, photo: Photo, result: Result, path: Path) -> None:
    transparent = photo.alpha is not None
    chunks = glb.encode(surface, encoded(photo), photo.name, transparent, result.pose)
    _chunks(chunks, path.with_suffix(".glb"))


def _write_ply(surface: TriangleMesh, photo: Photo, result: Result, path: Path) -> None:
    _chunks(ply.encode_mesh(surface, photo.rgb), path.with_suffix(".ply"))


def _write_obj(surface: TriangleMesh, photo: Photo, result: Result, path: Path) -> None:
    texture = encoded(photo)
    picture = path.with_suffix(".png" if texture.mime == "image/png" else ".jpg")
    _chunks([texture.data], picture)
    _chunks([obj.encode_material(path.name, picture.name)], path.with_suffix(".mtl"))
    _chunks(obj.encode(surface, path.name), path.with_suffix(".obj"))


def _write_stl(surface: TriangleMesh, photo: Photo, result: Result, path: Path) -> None:
    _chunks(stl.encode_mesh(surface), path.with_suffix(".stl"))


def _write_usd(surface: TriangleMesh, photo: Photo, result: Result, path: Path) -> None:
    transparent, target = photo.alpha is not None, path.with_suffix(".usdz")
    usd.write(surface, encoded(photo), transparent, result.camera, result.pose, target)


_SURFACE_WRITERS = {
    "glb": _write_glb,
    "ply": _write_ply,
    "obj": _write_obj,
    "stl": _write_stl,
    "usd": _write_usd,
}

FORMATS = tuple(_SURFACE_WRITERS)
"""File formats of the surfaces; OBJ comes with its material and the photo beside it."""


def _colored(depth: DepthMap, colormap: str) -> ByteArray:
    """Inverse depth through a colour map (H, W, 3) uint8; black where invalid."""
    colors = colormaps.apply(depth.normalized(), colormap)
    return np.where(depth.valid[..., None], colors, np.uint8(0))


def report(result: Result) -> dict[str, Any]:
    """What report.json says, but for seconds and the sizes of files."""
    licence = None
    if result.model in (card.id for card in catalog.MODELS):
        licence = catalog.find(result.model).licence
    return {
        "unflat": __version__,
        "photo": result.photo.path.name if result.photo.path else None,
        "width": result.photo.width,
        "height": result.photo.height,
        "model": result.model,
        "licence": licence,
        "device": result.device,
        "precision": result.precision,
        "depth_kind": result.depth.kind.value,
        "fov_degrees": round(result.camera.fov, 3),
        "focal_source": result.camera.source.value,
        "points": len(result.points) if result.points is not None else 0,
        "vertices": len(result.mesh.vertices) if result.mesh is not None else 0,
        "triangles": len(result.mesh.triangles) if result.mesh is not None else 0,
        "background_triangles": len(result.background.mesh.triangles) if result.background else 0,
        "displacement_limit": result.detail.limit if result.detail else None,
        "surface_triangles": len(result.surface.triangles) if result.surface is not None else 0,
        "print_triangles": len(result.solid.triangles) if result.solid is not None else 0,
        "warnings": list(result.warnings),
    }


def encoded(photo: Photo) -> EncodedImage:
    """The photo as a JPEG or PNG file: its own bytes where possible, else a new one."""
    if photo.original is not None:
        return photo.original
    image = _image(photo.rgb)
    buffer = io.BytesIO()
    if photo.alpha is not None or max(photo.width, photo.height) > _LONGEST_JPEG:
        if photo.alpha is not None:
            image.putalpha(_image(photo.alpha))
        image.save(buffer, "PNG")
        return EncodedImage(buffer.getvalue(), "image/png")
    image.save(buffer, "JPEG", quality=95, subsampling=0)
    return EncodedImage(buffer.getvalue(), "image/jpeg")


def _image(pixels: AnyArray) -> Any:
    try:
        from PIL import Image
    except ImportError:
        raise MissingLibraryError("Writing files needs Pillow, run: pip install pillow") from None
    return Image.fromarray(pixels)


def _picture(pixels: AnyArray, path: Path, texts: Mapping[str, str] | None = None) -> None:
    image = _image(pixels)
    from PIL.PngImagePlugin import PngInfo

    info = PngInfo()
    for key, value in (texts or {}).items():
        info.add_text(key, value)
    image.save(path, "PNG", compress_level=3, pnginfo=info)  # more: twice the time, 3 % smaller


def _exr(values: FloatArray, path: Path) -> None:
    try:
        import OpenEXR
    except ImportError:
        raise MissingLibraryError("Writing EXR needs OpenEXR, run: pip install OpenEXR") from None
    header = {"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage}
    with OpenEXR.File(header, {"Y": values}) as file:
        file.write(str(path))


def _text(fields: dict[str, Any], path: Path) -> None:
    path.write_text(json.dumps(fields, indent=2) + "\n", encoding="utf-8")


def _chunks(chunks: Iterable[ply.Chunk], path: Path) -> None:
    with path.open("wb") as file:
        file.writelines(chunks)
