"""What the add-on's preferences show: the engine, and the networks on this computer."""

from __future__ import annotations

from typing import Any

import bpy

from ..bridge import environment
from ..bridge.environment import State
from ..core.depth import catalog, weights
from ..core.depth.catalog import ModelCard
from . import chores, engines, ids, preferences, sentences
from .operators.engine import STATES


def draw(context: bpy.types.Context, layout: bpy.types.UILayout, chosen: Any) -> None:
    layout.use_property_split = True
    layout.use_property_decorate = False
    _draw_engine(layout.box().column(), chosen)
    if chores.running is not None:
        draw_chore(layout)
    elif chores.outcome is not None:
        sentences.draw(context, layout.box(), chores.outcome)
    _draw_models(layout.box().column(), chosen)


def draw_chore(layout: bpy.types.UILayout) -> None:
    """The running chore, with a button to cancel it."""
    if chores.running is None:
        return
    text, fraction = chores.running.progress
    row = layout.row(align=True)
    row.progress(factor=fraction, text=text)
    if chores.running.can_cancel:
        row.operator(ids.CANCEL_CHORE, text="", icon="CANCEL")


def _draw_engine(column: bpy.types.UILayout, chosen: Any) -> None:
    folder = preferences.engine_folder()
    state, receipt = environment.state(folder), environment.receipt(folder)
    said, action, icon = STATES[state]
    column.label(text="Engine", icon="SYSTEM")
    column.prop(chosen, "engine")
    is_about_it = chores.running is not None and not state.is_usable
    _fact(column, "State", chores.running.title if is_about_it else said)
    if receipt is not None and state is not State.MISSING:
        _fact(column, "Device", receipt.device)
        _fact(column, "Holds", f"PyTorch {receipt.torch}, {receipt.packages} packages")
        _fact(column, "Size", f"{receipt.size / 1e9:.1f} GB")
    column.prop(chosen, "engine_folder", placeholder=str(folder))
    buttons = column.row(align=True)
    buttons.operator(ids.INSTALL, text=f"{action}...", icon=icon)
    if state is not State.MISSING:
        buttons.operator(ids.REMOVE, text="Remove", icon="TRASH")
    buttons.operator(ids.OPEN_LOG, text="Open Log", icon="TEXT")
    header, body = column.panel("unflat_install", default_closed=True)
    header.label(text="How to Install")
    if body is not None:
        for name in ("accelerator", "proxy", "index_url", "wheels_folder"):
            body.prop(chosen, name)


def _fact(column: bpy.types.UILayout, name: str, value: str) -> None:
    """A line like that of a property."""
    row = column.split(factor=0.4)
    left = row.row()
    left.alignment = "RIGHT"
    left.label(text=name)
    row.label(text=value)


def _draw_models(column: bpy.types.UILayout, chosen: Any) -> None:
    column.label(text="Networks", icon="OUTLINER_OB_POINTCLOUD")
    column.prop(chosen, "models_folder", placeholder=str(weights.folder()))
    column.prop(chosen, "non_commercial")
    if not engines.run_networks():
        column.label(text="Networks need the engine", icon="INFO")
        return
    for card in catalog.MODELS:
        here = card.file is not None and weights.find(card) is not None
        if card.file is not None and (here or card.commercial or chosen.non_commercial):
            _draw_model(column, card, here)


def _draw_model(column: bpy.types.UILayout, card: ModelCard, here: bool) -> None:
    row = column.split(factor=0.5)
    row.label(text=card.title, icon="CHECKMARK" if here else "BLANK1")
    right = row.split(factor=0.55)
    right.label(text=card.terms)
    buttons = right.row(align=True)
    if here:
        buttons.operator(ids.MODEL_VERIFY, text="Check").model = card.id
        buttons.operator(ids.MODEL_REMOVE, text="", icon="TRASH").model = card.id
    else:
        size = f"About {card.download_size / 1e6:,.0f} MB"
        buttons.operator(ids.MODEL_DOWNLOAD, text=size, icon="IMPORT").model = card.id
