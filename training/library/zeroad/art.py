"""The game's art archive: actors and the looks that they offer, meshes, textures, animations."""

from __future__ import annotations

import io
import zipfile
from collections import defaultdict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import PurePosixPath
from typing import Any, NamedTuple
from xml.etree import ElementTree

import numpy as np
from PIL import Image

from .meshes import Mesh, read_animation, read_mesh

# In the names of variants that we never want: the destroyed and the dead.
_UNWANTED = ("death", "destr", "dead", "construction", "garrison", "ruin", "damage")


class Skin(NamedTuple):
    """A texture below art/textures/skins, the material that says what its alpha means, a colour.

    The colour, 0..1, shows through the texture of some materials.
    """

    texture: str = ""
    material: str = "default.xml"
    colour: tuple[float, ...] | None = None


@dataclass
class Look:
    """What one choice among an actor's variants gives.

    props: the actors at each attach point; animations: the files for each name.
    """

    skin: Skin
    mesh: str = ""
    props: dict[str, list[str]] = field(default_factory=dict)
    animations: dict[str, list[str]] = field(default_factory=dict)


class Art:
    """The archive; everything in it is read once. What it lacks raises KeyError."""

    def __init__(self, files: zipfile.ZipFile) -> None:
        self._files = files
        self._names = frozenset(files.namelist())
        self._kept: dict[Hashable, Any] = {}

    def once(self, key: Hashable, make: Callable[[], Any]) -> Any:
        """What `make` returned when it was first asked for under this key."""
        if key not in self._kept:
            self._kept[key] = make()
        return self._kept[key]

    def _read(self, name: str, read: Callable[[bytes], Any]) -> Any:
        return self.once(name, lambda: read(self._files.read(name)))

    def actors(self, *patterns: str) -> list[str]:
        """The actors (paths below art/actors without .xml) that match a pattern, sorted."""
        inside = (name for name in self._names if name.startswith("art/actors/"))
        actors = [name[len("art/actors/") : -len(".xml")] for name in inside if name[-4:] == ".xml"]
        return sorted(a for a in actors if any(fnmatch(a, pattern) for pattern in patterns))

    def mesh(self, path: str) -> Mesh:
        """The mesh of art/meshes/<path>."""
        return self._read(_compiled(f"meshes/{path}", "pmd"), read_mesh)

    def animation(self, path: str) -> np.ndarray:
        """(F, B, 7) states of the bones of art/animation/<path>."""
        return self._read(_compiled(f"animation/{path}", "psa"), read_animation)

    def texture(self, path: str) -> Image.Image:
        """The RGBA picture art/textures/skins/<path>, whatever its ending there."""
        endings = ("", ".png", ".dds", ".tga")
        alike = [PurePosixPath(path).with_suffix(ending) if ending else path for ending in endings]
        names = [f"art/textures/skins/{each}.cached.dds" for each in alike]
        name = next((name for name in names if name in self._names), names[0])
        return self._read(name, lambda data: Image.open(io.BytesIO(data)).convert("RGBA"))

    def look(self, actor: str, random: np.random.Generator) -> Look:
        """One of the actor's looks: a variant of each group, later groups over earlier ones."""
        root = self._xml(f"actors/{actor}.xml")
        if root.tag == "qualitylevels":  # the best is first
            inline = root.find("inline")
            root = next(root.iter("actor"), root) if inline is None else inline
        look = Look(Skin(material=(root.findtext("material") or "default.xml").strip()))
        for group in root.findall("group"):
            variant = _choice(group, random)
            if variant is not None:
                self._wear(look, variant)
        return look

    def _wear(self, look: Look, variant: ElementTree.Element) -> None:
        """Change the look to what the variant, and before it its template, says."""
        if template := variant.get("file"):
            self._wear(look, self._xml(f"variants/{template}"))
        if mesh := variant.findtext("mesh"):
            look.mesh = mesh.strip()
        for texture in variant.iterfind("textures/texture"):
            if texture.get("name") == "baseTex":
                look.skin = look.skin._replace(texture=texture.get("file") or "")
        if colour := variant.findtext("color"):
            parts = tuple(int(part) / 255 for part in colour.split()[:3])
            look.skin = look.skin._replace(colour=parts)
        props, animations = defaultdict(list), defaultdict(list)
        for prop in variant.iterfind("props/prop"):
            props[prop.get("attachpoint", "root")].append(prop.get("actor") or "")
        for animation in variant.iterfind("animations/animation"):
            if file := animation.get("file"):
                animations[(animation.get("name") or "").lower()].append(file)
        look.props.update(props)
        look.animations.update(animations)

    def _xml(self, path: str) -> ElementTree.Element:
        """The root element of an XML file below art/."""
        return self._read(f"art/{path}", ElementTree.fromstring)


def _compiled(path: str, ending: str) -> str:
    """The archive's name of a compiled mesh or animation below art/."""
    return f"art/{PurePosixPath(path).with_suffix('')}.dae.cached.{ending}"


def _choice(group: ElementTree.Element, random: np.random.Generator) -> ElementTree.Element | None:
    """One of the group's variants that are in use at all; never a dead or destroyed one."""
    variants = [
        variant
        for variant in group.findall("variant")
        if not any(
            word in f"{variant.get('name')} {variant.get('file')}".lower() for word in _UNWANTED
        )
    ]
    used = np.array([float(variant.get("frequency") or 0) > 0 for variant in variants])
    if not used.any():
        return variants[0] if variants else None
    return variants[random.choice(len(variants), p=used / used.sum())]
