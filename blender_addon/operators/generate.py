"""unflat.generate: a photo becomes a scene.

No `from __future__ import annotations` here: Blender reads properties from annotations as values.
"""

from typing import Any

import bpy
from bpy.props import StringProperty

from ...bridge.tasks import Generate
from ...core import decoders
from ...core.depth import catalog
from ...core.depthmap import DepthKind
from ...core.errors import ImageError, SettingsError
from ...core.pipeline import Result
from ...core.settings import Output, Settings
from .. import engines, ids, photo_reader, viewport
from ..properties import OUTPUTS, RELATIVE, Choices, absolute
from ..scene import SceneArrays, camera, collection
from ..scene import build as build_scene
from ..shape import within_range
from ._job_operator import JobOperator

FROM_PANEL = "unflat_panel"
"""Context member by which the panel's button says that its photo is the scene's."""


class UNFLAT_OT_generate(JobOperator, Choices, bpy.types.Operator):
    """Build a textured 3D scene from the photo"""

    bl_idname = ids.GENERATE
    bl_label = "3D Scene from Photo"  # what Blender offers for a dropped picture
    bl_options = {"UNDO"}

    filepath: StringProperty(
        name="Photo",
        description="The photo; if not given, the one in the scene's settings",
        subtype="FILE_PATH",
        options={"SKIP_SAVE"} | RELATIVE,
    )
    model: StringProperty(
        name="Model",
        description="Id of the model; if not given, the one in the scene's settings",
        options={"SKIP_SAVE"},
    )

    _fit_render = "NEVER"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        settings = getattr(context, FROM_PANEL, None)
        if settings is not None and not settings.photo:
            cls.poll_message_set("Choose a photo first")
            return False
        if settings is not None and not settings.outputs:
            cls.poll_message_set("Choose at least one output")
            return False
        return super().poll(context)

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        if self.filepath:  # dropped: show it in the sidebar, ready for another try
            getattr(context.scene, ids.SETTINGS).photo = self.filepath
        return super().invoke(context, event)

    def task(self, context: bpy.types.Context) -> Generate:
        self._fit_render = self._chosen(context, "fit_render")
        kind = self._chosen(context, "depth_kind")
        photo = absolute(self.filepath or getattr(context.scene, ids.SETTINGS).photo)
        if photo is None:
            raise ImageError("No photo is given, choose one.")
        settings = self._settings(context)
        depth = absolute(self._chosen(context, "depth_filepath"))
        if depth is None:
            engines.check(catalog.find(settings.model))
        return Generate(
            photo=photo if decoders.available() else photo_reader.load(photo),
            settings=settings,
            depth=depth,
            depth_kind=None if kind == "FILE" else DepthKind[kind],
            camera=absolute(self._chosen(context, "camera_filepath")),
        )

    def _settings(self, context: bpy.types.Context) -> Settings:
        outputs = self._chosen(context, "outputs")
        if not outputs:
            raise SettingsError("No output is chosen, choose at least one.")
        settings = getattr(context.scene, ids.SETTINGS)
        own_fov = self.properties.is_property_set("fov")
        return Settings(
            model=self.model or settings.model,
            fov=self.fov if own_fov else settings.fov if settings.use_fov else None,
            **{name: within_range(name, self._chosen(context, name)) for name in ids.LIVE},
            tiles=self._chosen(context, "tiles"),
            level=self._chosen(context, "level"),
            outputs=frozenset(Output[name] for name in outputs),
        )

    def _chosen(self, context: bpy.types.Context, name: str) -> Any:
        """The operator's own value if it was given, else the scene's."""
        given = self.properties.is_property_set(name)
        return getattr(self if given else getattr(context.scene, ids.SETTINGS), name)

    def build(self, scene: bpy.types.Scene, result: Result, arrays: SceneArrays) -> tuple[str, ...]:
        fresh = camera.is_fresh(scene)
        home = build_scene(scene, result, arrays)
        told = _told(home, result)
        if collection.hide_older(scene, home):
            told.append("Hidden too: the earlier result of this photo.")
        if self._fit_render == "ALWAYS" or (self._fit_render == "AUTO" and fresh):
            camera.fit_render(scene, camera.of(home))
            viewport.look_through(scene, home)
            if camera.hide_startup_cube(scene):
                told.append("The startup cube stood in the photo and is hidden.")
        return (*told, *result.warnings)


def _told(home: bpy.types.Collection, result: Result) -> list[str]:
    """What was built, in sentences."""
    names = [name for ident, name, *_ in OUTPUTS if Output[ident] in result.settings.outputs]
    told = [f"{home.name}: {', '.join(names)}"]
    card = next((card for card in catalog.MODELS if card.id == result.model), None)
    if card is not None and card.file is not None:
        told.append(f"Depth by {card.title} on {result.device}.")
    hidden = [thing.name for thing in home.objects if thing.hide_render]
    if hidden:
        told.append(f"Hidden in the outliner, by eye and camera: {', '.join(hidden)}.")
        if Output.POINTS in result.settings.outputs:
            told.append("Points show their colours in Material Preview.")
    return told


CLASSES = (UNFLAT_OT_generate,)
