"""The one version string; pyproject.toml reads it and a test compares the manifest with it."""

__version__ = "0.1.0"
