"""JPEG and PNG files without their metadata: what is shared must not tell where a photo was taken.

Pixels are not touched. What changes how they are shown (sizes, tables, colour profiles) is kept.
"""

from __future__ import annotations

_SCAN, _END = 0xDA, 0xD9
# APP1 (EXIF, XMP), APP3 to APP13 (maker's own, Photoshop), comments (ISO/IEC 10918-1, table B.1).
_DROPPED_SEGMENTS = {0xE1, *range(0xE3, 0xEE), 0xEF, 0xFE}
_DROPPED_CHUNKS = {b"eXIf", b"tEXt", b"iTXt", b"zTXt", b"tIME"}


def strip_jpeg(data: bytes) -> bytes | None:
    """The JPEG without EXIF, XMP and comments, and without what follows its first picture.

    None if its structure can't be followed.
    """
    kept, at = [data[:2]], 2
    while at + 4 <= len(data) and data[at] == 0xFF:
        kind = data[at + 1]
        if kind == 0xFF:  # fill byte
            at += 1
            continue
        if kind == _SCAN:
            end = data.find(bytes((0xFF, _END)), at)
            return b"".join([*kept, data[at : end + 2]]) if end > 0 else None
        size = 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        if kind not in _DROPPED_SEGMENTS:
            kept.append(data[at : at + size])
        at += size
    return None


def strip_png(data: bytes) -> bytes | None:
    """The PNG without texts, times and EXIF; None if its structure can't be followed."""
    kept, at = [data[:8]], 8
    while at + 12 <= len(data):
        size = 12 + int.from_bytes(data[at : at + 4], "big")
        kind = data[at + 4 : at + 8]
        if kind not in _DROPPED_CHUNKS:
            kept.append(data[at : at + size])
        at += size
        if kind == b"IEND":
            return b"".join(kept)
    return None
