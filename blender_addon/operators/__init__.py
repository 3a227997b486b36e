"""What artists and scripts can do: `bpy.ops.unflat.generate` and the like, one file each."""
