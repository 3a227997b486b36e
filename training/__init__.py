"""How the built-in depth network is made: scenes, data set, training, export, evaluation.

Nothing in here is shipped. Every script runs from the repository root as `python -m training.X`;
`training/README.md` says in which order, and is the model card of the published weights.

    textures, shapes            patterns and meshes that everything is built from
    furniture, tableware,       props: lists of painted meshes that stand on y = 0
    street_props, figures
    indoors, outdoors, subjects kinds of places, with the camera positions people choose in them
    stage                       collects props into one mesh for the ray caster
    render                      photo and exact inverse depth of one view
    scenes                      the door: seed -> views
    make_dataset                views -> shards on disk
    network, losses, augment, train, export, evaluate
"""
