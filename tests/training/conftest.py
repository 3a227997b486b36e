"""Makes `training` importable without putting the repository root, with its `core`, on the path."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="training needs torch")
pytest.importorskip("open3d", reason="training needs open3d", exc_type=ImportError)

if "training" not in sys.modules:
    _folder = Path(__file__).parents[2] / "training"
    _spec = importlib.util.spec_from_file_location(
        "training", _folder / "__init__.py", submodule_search_locations=[str(_folder)]
    )
    assert _spec is not None
    assert _spec.loader is not None
    _module = importlib.util.module_from_spec(_spec)
    sys.modules["training"] = _module
    _spec.loader.exec_module(_module)
