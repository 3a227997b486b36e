"""What artists and scripts can do: `bpy.ops.unflat.generate`, `.cancel`, `.look_through`."""
