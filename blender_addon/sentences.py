"""How a job ended, in sentences that are wrapped to the region's width."""

from __future__ import annotations

import blf
import bpy

from .session import Outcome

_MARGIN = 90
"""Pixels at scale 1 that tabs, boxes and the icon take from a line of text."""


def draw(context: bpy.types.Context, layout: bpy.types.UILayout, outcome: Outcome) -> None:
    scale = context.preferences.system.ui_scale
    blf.size(0, context.preferences.ui_styles[0].widget.points * scale)
    room = context.region.width - _MARGIN * scale
    column = layout.column()
    for number, sentence in enumerate(outcome.lines):
        icon = "ERROR" if not outcome.good else "CHECKMARK" if number == 0 else "INFO"
        lines = column.column(align=True)
        lines.scale_y = 0.8
        for position, line in enumerate(_wrapped(sentence, room)):
            lines.label(text=line, icon=icon if position == 0 else "BLANK1")


def _wrapped(sentence: str, room: float) -> list[str]:
    """The sentence in lines of at most `room` pixels, but at least a word each."""
    lines: list[str] = []
    for word in sentence.split():
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and blf.dimensions(0, longer)[0] <= room:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines
