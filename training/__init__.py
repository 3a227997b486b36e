"""How the built-in depth network is made: scenes, data set, training, export, evaluation.

Nothing in here is shipped. Every script runs from the repository root as `python -m training.X`;
`training/README.md` says in which order, and is the model card of the published weights.

    library/, make_library      free models and photo textures, and how they get there
    mipmaps, gallery, textures  pictures, patterns and paints that surfaces wear
    shapes, models              meshes of our own, and those of the library as props
    furniture, tableware,       props: lists of painted meshes that stand on y = 0
    street_props, figures
    indoors, tables, outdoors,  kinds of places, with the camera positions people choose in them
    subjects
    stage, environment          collects props into one mesh; lights, panoramas, cameras
    raycast, render, develop    what a view sees, the light that comes from it, the photo
    scenes                      the door: seed -> views
    make_dataset                views -> shards on disk
    data, augment, losses, network, train, export
    repeat                      all of that in one command
    evaluate                    figures and pictures of what came out
"""
