"""The built-in depth network: works at once and offline, with numpy alone.

    plan       the network as a list of steps, the one description that numpy and torch follow
    layers     convolution and resizing on (channels, height, width) arrays
    network    BuiltinNetwork: checked weights, `predict`
    upsample   brings its inverse depth to the size of the photo, along the photo's edges
    weights.npz  made by `training/`, whose README is the model card

Imports nothing but the standard library and numpy, because Blender has nothing more.
"""
