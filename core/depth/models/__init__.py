"""Published depth networks, on torch and timm: one file per family, imported when needed.

A family's file offers

    build(card_id)                 the network, float32, in evaluation mode; made inside
                                   `checkpoint.Unfilled()`, so it has no weights yet
    names(card_id)                 how its official checkpoint's entries are called (`Names`)
    predict(network, photo, card, device)
                                   Photo -> Prediction of its size, on the device of the network

and `forward(pixels)` of its network is what upstream calls the network: normalised pixels
(N, 3, h, w) in, the raw output out.

    dpt          the decoder that several families share
    checkpoint   official names, checked and strict
"""
