"""TriangleMesh + photo -> USDZ: one file with all in it. Imports OpenUSD (pxr) to write it.

Frame: y up, looking down -z, one unit is one metre.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from . import frames
from ._version import __version__
from .arrays import FloatArray
from .camera import Pinhole
from .errors import MissingLibraryError, OutputError
from .images import EncodedImage
from .level import Pose
from .mesh import TriangleMesh

_APERTURE = 0.36
"""Of the camera: 36 mm, full frame, in USD's unit for it, a tenth of a metre."""


def check_library() -> None:
    """Raises MissingLibraryError where OpenUSD is missing."""
    try:
        import pxr.Usd  # noqa: F401
    except ImportError:
        raise MissingLibraryError("Writing USD needs OpenUSD, run: pip install usd-core") from None


def write(
    mesh: TriangleMesh,
    texture: EncodedImage,
    transparent: bool,
    camera: Pinhole,
    pose: Pose | None,
    path: Path,
) -> None:
    """Write a .usdz file: the mesh with the photo as its own light, and the photo's camera.

    With a pose both stand upright over the floor y = 0. Raises MissingLibraryError, OutputError.
    """
    check_library()
    from pxr import Sdf, Tf, Usd

    layer = Sdf.Layer.CreateAnonymous(".usdc")  # a file that is open can't be removed on Windows
    layer.comment = f"made by Unflat {__version__}"
    stage = Usd.Stage.Open(layer)
    picture = "photo.png" if texture.mime == "image/png" else "photo.jpg"
    root = _add_root(stage, pose)
    surface = _add_mesh(stage, f"{root}/Mesh", mesh)
    _paint(stage, surface, f"{root}/Material", picture, transparent)
    _add_camera(stage, f"{root}/Camera", camera, mesh.vertices[:, 2])
    with tempfile.TemporaryDirectory(dir=path.parent, prefix="usd-") as scratch:
        scene, photo = Path(scratch) / "scene.usdc", Path(scratch) / picture
        photo.write_bytes(texture.data)
        try:
            layer.Export(str(scene))
            with Sdf.ZipFileWriter.CreateNew(str(path)) as package:
                package.AddFile(str(scene), scene.name)  # first: it is what a viewer opens
                package.AddFile(str(photo), photo.name)
        except Tf.ErrorException:
            raise OutputError(f"{path.name} can't be written, free some space.") from None


def _add_root(stage: Any, pose: Pose | None) -> str:
    """Path of the prim that all others hang on."""
    from pxr import Gf, UsdGeom

    UsdGeom.SetStageUpAxis(stage, UsdGeom.Tokens.y)
    UsdGeom.SetStageMetersPerUnit(stage, 1.0)
    root = UsdGeom.Xform.Define(stage, "/Photo")
    stage.SetDefaultPrim(root.GetPrim())
    if pose is not None:  # USD has vectors as rows
        root.AddTransformOp().Set(Gf.Matrix4d(frames.stand_in_gltf(pose).T.tolist()))
    return str(root.GetPath())


def _add_mesh(stage: Any, path: str, mesh: TriangleMesh) -> Any:
    from pxr import Sdf, UsdGeom, Vt

    points = frames.to_gltf(mesh.vertices)
    surface = UsdGeom.Mesh.Define(stage, path)
    surface.CreatePointsAttr(Vt.Vec3fArray.FromNumpy(points))
    surface.CreateExtentAttr(
        Vt.Vec3fArray.FromNumpy(np.stack([points.min(axis=0), points.max(axis=0)]))
    )
    counts = np.full(len(mesh.triangles), 3, np.int32)
    surface.CreateFaceVertexCountsAttr(Vt.IntArray.FromNumpy(counts))
    surface.CreateFaceVertexIndicesAttr(Vt.IntArray.FromNumpy(mesh.triangles.ravel()))
    surface.CreateSubdivisionSchemeAttr(UsdGeom.Tokens.none)
    surface.CreateDoubleSidedAttr(True)
    uv = UsdGeom.PrimvarsAPI(surface).CreatePrimvar(
        "st", Sdf.ValueTypeNames.TexCoord2fArray, UsdGeom.Tokens.vertex
    )
    uv.Set(Vt.Vec2fArray.FromNumpy(frames.uv_to_blender(mesh.uv)))  # v upwards
    return surface


def _paint(stage: Any, surface: Any, path: str, picture: str, transparent: bool) -> None:
    """Bind a material that shines with the picture's colours and reflects no light."""
    from pxr import Sdf, UsdShade

    kinds = Sdf.ValueTypeNames
    material = UsdShade.Material.Define(stage, path)

    def shader(name: str, kind: str, **inputs: tuple[Any, Any]) -> Any:
        made = UsdShade.Shader.Define(stage, f"{path}/{name}")
        made.CreateIdAttr(kind)
        for key, (value_type, value) in inputs.items():
            slot = made.CreateInput(key, value_type)
            if isinstance(value, UsdShade.Output):
                slot.ConnectToSource(value)
            else:
                slot.Set(value)
        return made

    reader = shader("Coordinates", "UsdPrimvarReader_float2", varname=(kinds.String, "st"))
    texture = shader(
        "Texture",
        "UsdUVTexture",
        file=(kinds.Asset, picture),
        st=(kinds.Float2, reader.CreateOutput("result", kinds.Float2)),
        sourceColorSpace=(kinds.Token, "sRGB"),
        wrapS=(kinds.Token, "clamp"),
        wrapT=(kinds.Token, "clamp"),
    )
    light = shader(
        "Surface",
        "UsdPreviewSurface",
        diffuseColor=(kinds.Color3f, (0, 0, 0)),
        emissiveColor=(kinds.Color3f, texture.CreateOutput("rgb", kinds.Float3)),
        useSpecularWorkflow=(kinds.Int, 1),
        specularColor=(kinds.Color3f, (0, 0, 0)),
        roughness=(kinds.Float, 1.0),
    )
    if transparent:
        opacity = texture.CreateOutput("a", kinds.Float)
        light.CreateInput("opacity", kinds.Float).ConnectToSource(opacity)
        light.CreateInput("opacityThreshold", kinds.Float).Set(0.5)
    material.CreateSurfaceOutput().ConnectToSource(light.CreateOutput("surface", kinds.Token))
    UsdShade.MaterialBindingAPI.Apply(surface.GetPrim()).Bind(material)


def _add_camera(stage: Any, path: str, camera: Pinhole, z: FloatArray) -> None:
    """The photo's camera, which sees all depths z (n,)."""
    from pxr import Gf, UsdGeom

    lens = UsdGeom.Camera.Define(stage, path)
    focal = camera.fx * _APERTURE / camera.width
    lens.CreateFocalLengthAttr(focal)
    lens.CreateHorizontalApertureAttr(_APERTURE)
    lens.CreateVerticalApertureAttr(focal * camera.height / camera.fy)
    lens.CreateHorizontalApertureOffsetAttr(focal * (camera.width / 2 - camera.cx) / camera.fx)
    lens.CreateVerticalApertureOffsetAttr(focal * (camera.cy - camera.height / 2) / camera.fy)
    lens.CreateClippingRangeAttr(Gf.Vec2f(float(z.min()) / 4, float(z.max()) * 4))
