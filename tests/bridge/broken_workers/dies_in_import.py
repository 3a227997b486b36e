"""A worker in whose environment something is missing."""

import a_library_that_was_removed  # noqa: F401
