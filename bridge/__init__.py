"""The bridge between a user interface and `core`: jobs that run aside and can be watched.

    engine      `Engine`, the one interface; `InProcessEngine` runs `core` on a thread here
    job         `Job`: state, progress, cancel, result
    environment the Python with torch and the like that a worker runs in: made, checked, removed

A user interface submits a `Request` and looks at the `Job` from its own timer; nothing here calls
back into it. Neither torch nor Blender is imported.
"""
