"""The worker's side of the bridge: a process that has what Blender's own Python has not."""
