"""The tab "Unflat" in the 3D View's sidebar."""

from __future__ import annotations

import bpy

from ..core.depth import catalog, weights
from ..core.depth.catalog import ModelCard
from . import chores, engines, ids, preferences_panel, sentences, session
from .operators._job_operator import STAGES
from .operators.generate import FROM_PANEL
from .operators.look_through import photo_collection
from .operators.set_scale import is_offered
from .scene import collection, rebuild


class UNFLAT_PT_main(bpy.types.Panel):
    """Photo, model, outputs, settings, and the button."""

    bl_label = "Unflat"
    bl_space_type = "VIEW_3D"
    bl_region_type = "UI"
    bl_category = ids.TAB

    def draw(self, context: bpy.types.Context) -> None:
        settings = getattr(context.scene, ids.SETTINGS)
        running = session.current().running
        layout = self.layout
        choices = layout.column()
        choices.enabled = running is None
        choices.prop(settings, "photo", text="", icon="IMAGE_DATA", placeholder="Photo")
        _draw_model(choices, settings)
        choices.row(align=True).prop(settings, "outputs")
        # Panels within the layout: sub-panels are left behind when the text below grows.
        for name, title, draw in (
            ("unflat_settings", "Settings", _draw_settings),
            ("unflat_own_depth", "Own Depth", _draw_own_depth),
        ):
            header, body = choices.panel(name, default_closed=True)
            header.label(text=title)
            if body is not None:
                body.use_property_split = True
                body.use_property_decorate = False
                draw(body, settings)
        if running is None:
            row = layout.row()
            row.scale_y = 1.6
            row.context_pointer_set(FROM_PANEL, settings)
            row.operator(ids.GENERATE, text="Generate", icon="SHADERFX")
            where = layout.row()
            where.active = False  # grey
            card = _card(settings)
            is_network = card is not None and card.file is not None
            where.label(text=engines.where(is_network and not settings.depth_filepath))
        else:
            _draw_progress(layout, running)
        outcome = session.current().outcome
        if outcome is not None:
            sentences.draw(context, layout.box(), outcome)
        home = collection.home_of(context.object)
        if home is not None and rebuild.can_rebuild(home):
            header, body = layout.panel("unflat_shape")
            header.label(text=home.name, icon="OUTLINER_COLLECTION")
            if body is not None:
                body.use_property_split = True
                body.use_property_decorate = False
                _draw_shape(body, getattr(home, ids.SETTINGS), rebuild.by_ratio(home))
                if running is None and rebuild.is_changed(home):  # cancelled, failed or undone
                    body.operator(ids.REBUILD, icon="FILE_REFRESH").photo = home.name
        if photo_collection(context) is not None:
            layout.operator(ids.LOOK_THROUGH, icon="OUTLINER_OB_CAMERA")
            if is_offered(context):
                layout.operator(ids.SET_SCALE, icon="DRIVER_DISTANCE")


def _draw_settings(layout: bpy.types.UILayout, settings: bpy.types.PropertyGroup) -> None:
    """Numbers that most photos need no change of."""
    row = layout.row(heading="Field of View")
    row.prop(settings, "use_fov", text="")
    value = row.row()
    value.active = settings.use_fov
    value.prop(settings, "fov", text="")
    _draw_shape(layout, settings, with_ratio=True)
    layout.prop(settings, "tiles")
    layout.prop(settings, "level")
    layout.prop(settings, "fit_render")


def _draw_shape(
    layout: bpy.types.UILayout, settings: bpy.types.PropertyGroup, with_ratio: bool
) -> None:
    """What a photo's shapes are made with; of a photo in the scene, changes show at once."""
    column = layout.column(align=True)
    for name in ids.LIVE:
        if name != "near_far_ratio" or with_ratio:
            column.prop(settings, name)


def _draw_own_depth(layout: bpy.types.UILayout, settings: bpy.types.PropertyGroup) -> None:
    """Depth and camera that the artist already has."""
    layout.prop(settings, "depth_filepath")
    row = layout.row()
    row.active = bool(settings.depth_filepath)
    row.prop(settings, "depth_kind")
    layout.prop(settings, "camera_filepath")


def _card(settings: bpy.types.PropertyGroup) -> ModelCard | None:
    """The chosen model's; None in a file from an Unflat that had other models."""
    return next((card for card in catalog.MODELS if card.id == settings.model), None)


def _draw_model(layout: bpy.types.UILayout, settings: bpy.types.PropertyGroup) -> None:
    if settings.depth_filepath:
        layout.label(text="Depth from your own depth map", icon="INFO")
        return
    row = layout.row(align=True)
    row.prop(settings, "model", text="")
    card = _card(settings)
    if card is None:
        return
    licence = row.row()
    licence.alignment = "RIGHT"
    licence.label(text=card.terms)
    if card.file is None:
        return
    if chores.running is not None:
        preferences_panel.draw_chore(layout)
    elif not engines.run_networks():
        layout.operator(ids.SHOW_PREFERENCES, text="Install the Engine First...", icon="IMPORT")
    elif weights.find(card) is None:
        size = f"Download, {card.download_size / 1e6:,.0f} MB"
        layout.operator(ids.MODEL_DOWNLOAD, text=size, icon="IMPORT").model = card.id


def _draw_progress(layout: bpy.types.UILayout, running: session.Running) -> None:
    stage, fraction = running.progress
    row = layout.row(align=True)
    row.scale_y = 1.6
    row.progress(factor=fraction, text=STAGES.get(stage, stage))
    row.operator(ids.CANCEL, text="", icon="CANCEL")


CLASSES = (UNFLAT_PT_main,)
