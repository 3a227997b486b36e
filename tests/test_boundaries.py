"""The walls between the rooms: who may import what, read from the code and proved by running it."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ROOMS = ("core", "bridge", "blender_addon")

# Beyond the standard library, numpy, and the rooms named.
MAY_IMPORT = {
    "core": {"core"},
    "bridge": {"core", "bridge"},
    "blender_addon": {"core", "bridge", "blender_addon", "bpy", "bpy_extras", "mathutils",
                      "addon_utils", "bl_ext", "gpu", "blf", "bl_pkg"},
}  # fmt: skip

# Optional libraries, and the only files that may import them.
OPTIONAL = {
    "PIL": {"core/decoders.py", "core/depthfile.py", "core/export.py", "core/preview.py"},
    "OpenImageIO": {"core/decoders.py"},
    "OpenEXR": {"core/depthfile.py", "core/export.py"},
    "matplotlib": {"core/colormap.py"},
    "open3d": {"core/mesh/surface.py"},
    "pxr": {"core/usd.py"},
    "huggingface_hub": {"core/depth/hub.py"},
    "safetensors": {"core/depth/reader.py"},
    "openvino": {"core/depth/compiled.py"},
    "timm": {
        "core/depth/models/__init__.py",
        "core/depth/models/depth_pro.py",
        "core/depth/models/dinov2.py",
        "core/depth/models/midas_pyramids.py",
        "core/depth/models/midas_tokens.py",
        "core/depth/rounding.py",
    },
    "torch": {
        "core/depth/compiled.py",
        "core/depth/device.py",
        "core/depth/estimator.py",
        "core/depth/models/__init__.py",
        "core/depth/models/checkpoint.py",
        "core/depth/models/depth_anything.py",
        "core/depth/models/depth_pro.py",
        "core/depth/models/dinov2.py",
        "core/depth/models/dpt.py",
        "core/depth/models/midas.py",
        "core/depth/models/midas_pyramids.py",
        "core/depth/models/midas_tokens.py",
        "core/depth/models/moge.py",
        "core/depth/reader.py",
        "core/depth/rounding.py",
        "core/depth/runtime.py",
        "core/depth/weights.py",
        "bridge/environment/trial.py",
    },
    "torchvision": {"core/depth/models/__init__.py"},
}


def modules(room: str) -> list[Path]:
    return sorted((ROOT / room).rglob("*.py"))


def imports(path: Path) -> Iterator[tuple[str, int]]:
    """(top-level name or room, line) of every import in a file; relative ones are resolved."""
    package = path.relative_to(ROOT).parent.parts
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((alias.name.split(".")[0], node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield (node.module or "").split(".")[0], node.lineno
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1]
            names = [node.module] if node.module else [alias.name for alias in node.names]
            yield from ((".".join([*base, name]).split(".")[0], node.lineno) for name in names)


@pytest.mark.parametrize("room", ROOMS)
def test_walls(room: str) -> None:
    allowed = MAY_IMPORT[room] | {"numpy"} | set(sys.stdlib_module_names)
    found = []
    for path in modules(room):
        name = path.relative_to(ROOT).as_posix()
        if path.name == "extension_root.py":
            continue  # stands one floor higher in the zip
        for imported, line in imports(path):
            if imported not in allowed and name not in OPTIONAL.get(imported, set()):
                found.append(f"{name}:{line} imports {imported}")
    assert not found


def test_the_walls_are_looked_at() -> None:
    for room in ROOMS:
        assert len(modules(room)) > 2
    seen = {name for name, _ in imports(ROOT / "bridge" / "tasks.py")}
    assert "core" in seen


LIGHT = (
    "unflat.core",
    "unflat.core.pipeline",
    "unflat.core.cli",
    "unflat.core.depth.catalog",
    "unflat.bridge.engine",
    "unflat.bridge.worker_engine",
    "unflat.bridge.worker.server",
)


@pytest.mark.parametrize("module", LIGHT)
def test_importing_loads_nothing_heavy(module: str) -> None:
    heavy = ("torch", "timm", "open3d", "bpy", "skimage", "matplotlib", "PIL", "OpenEXR", "pxr")
    code = f"import sys, {module}; print(*(n for n in {heavy!r} if n in sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_importing_core_loads_only_the_standard_library() -> None:
    code = "import sys, unflat.core; print('numpy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_importing_the_addon_loads_no_torch() -> None:
    pytest.importorskip("bpy", reason="needs the bpy module")
    code = (
        "import sys, unflat.blender_addon as addon; addon.register(); addon.unregister();"
        "print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split()[-1] == "False"


@pytest.mark.parametrize("room", ["bridge", "blender_addon"])
def test_nothing_runs_what_comes_from_outside(room: str) -> None:
    """No pickle, no shell, no code from text; and nothing that listens to a network."""
    forbidden = {"pickle", "marshal", "shelve", "socketserver", "xmlrpc", "eval", "exec", "compile"}
    found = []
    for path in modules(room):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = set()
            if isinstance(node, ast.Import):
                names = {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                names = {(node.module or "").split(".")[0]}
            elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                names = {node.func.id}
            elif isinstance(node, ast.keyword) and node.arg == "shell":
                names = {"eval"}
            if names & forbidden:
                found.append(f"{path.relative_to(ROOT)}:{node.lineno}")
    assert not found
