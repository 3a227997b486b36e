"""The tab "Unflat" in the 3D View's sidebar."""

from __future__ import annotations

import textwrap

import bpy

from ..core.depth import catalog
from . import ids, session
from .operators._job_operator import STAGES
from .operators.generate import FROM_PANEL
from .operators.look_through import photo_collection


class _Tab:
    bl_space_type = "VIEW_3D"
    bl_region_type = "UI"
    bl_category = ids.TAB


class UNFLAT_PT_main(_Tab, bpy.types.Panel):
    """Photo, model, outputs, and the button."""

    bl_label = "Unflat"

    def draw(self, context: bpy.types.Context) -> None:
        settings = getattr(context.scene, ids.SETTINGS)
        running = session.current().running
        layout = self.layout
        choices = layout.column()
        choices.enabled = running is None
        choices.prop(settings, "photo", text="", icon="IMAGE_DATA", placeholder="Photo")
        _draw_model(choices, settings)
        choices.row(align=True).prop(settings, "outputs")
        if running is None:
            row = layout.row()
            row.scale_y = 1.6
            row.context_pointer_set(FROM_PANEL, settings)
            row.operator(ids.GENERATE, icon="SHADERFX")
        else:
            _draw_progress(layout, running)
        outcome = session.current().outcome
        if outcome is not None:
            _draw_outcome(context, layout, outcome)
        if photo_collection(context) is not None:
            layout.operator(ids.LOOK_THROUGH, icon="OUTLINER_OB_CAMERA")


class UNFLAT_PT_settings(_Tab, bpy.types.Panel):
    """Numbers that most photos need no change of."""

    bl_label = "Settings"
    bl_parent_id = "UNFLAT_PT_main"
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context: bpy.types.Context) -> None:
        settings = getattr(context.scene, ids.SETTINGS)
        layout = self.layout
        layout.use_property_split = True
        layout.use_property_decorate = False
        row = layout.row(heading="Field of View")
        row.prop(settings, "use_fov", text="")
        value = row.row()
        value.active = settings.use_fov
        value.prop(settings, "fov", text="")
        column = layout.column(align=True)
        column.prop(settings, "near_far_ratio")
        column.prop(settings, "edge_ratio")
        column.prop(settings, "max_faces")
        layout.prop(settings, "fit_render")


class UNFLAT_PT_own_depth(_Tab, bpy.types.Panel):
    """Depth and camera that the artist already has."""

    bl_label = "Own Depth"
    bl_parent_id = "UNFLAT_PT_main"
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context: bpy.types.Context) -> None:
        settings = getattr(context.scene, ids.SETTINGS)
        layout = self.layout
        layout.use_property_split = True
        layout.use_property_decorate = False
        layout.prop(settings, "depth_filepath")
        row = layout.row()
        row.active = bool(settings.depth_filepath)
        row.prop(settings, "depth_kind")
        layout.prop(settings, "camera_filepath")


def _draw_model(layout: bpy.types.UILayout, settings: bpy.types.PropertyGroup) -> None:
    if settings.depth_filepath:
        layout.label(text="Depth from your own depth map", icon="INFO")
        return
    card = catalog.find(settings.model)
    row = layout.row(align=True)
    row.prop(settings, "model", text="")
    licence = row.row()
    licence.alignment = "RIGHT"
    licence.label(text=card.licence if card.commercial else f"{card.licence}, non-commercial")


def _draw_progress(layout: bpy.types.UILayout, running: session.Running) -> None:
    stage, fraction = running.progress
    row = layout.row(align=True)
    row.scale_y = 1.6
    row.progress(factor=fraction, text=STAGES[stage])
    row.operator(ids.CANCEL, text="", icon="CANCEL")


def _draw_outcome(
    context: bpy.types.Context, layout: bpy.types.UILayout, outcome: session.Outcome
) -> None:
    """Every sentence wrapped to the sidebar's width."""
    letters = max(20, int(context.region.width / context.preferences.system.ui_scale / 6.5) - 7)
    box = layout.box().column()
    for number, sentence in enumerate(outcome.lines):
        icon = "ERROR" if not outcome.good else "CHECKMARK" if number == 0 else "INFO"
        lines = box.column(align=True)
        lines.scale_y = 0.8
        for position, line in enumerate(textwrap.wrap(sentence, letters)):
            lines.label(text=line, icon=icon if position == 0 else "BLANK1")


CLASSES = (UNFLAT_PT_main, UNFLAT_PT_settings, UNFLAT_PT_own_depth)
