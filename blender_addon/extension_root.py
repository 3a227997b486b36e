"""Becomes the `__init__.py` of the extension that Blender installs; `build_zip` puts it there."""

from .blender_addon import register, unregister

__all__ = ["register", "unregister"]
