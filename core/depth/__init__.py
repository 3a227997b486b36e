"""Models that estimate depth.

catalog      what there is, and what a user must know of each
estimator    Photo -> Prediction, by any of them
builtin      the network that comes with Unflat, numpy alone
models       published networks, on torch and timm
preprocess   a photo as the input of a network
weights      the files of published networks: fetched, checked, imported, removed
device       where a network runs
runtime      how it runs there: compiled, in half precision, or as plain torch
tiles        parts of a photo, looked at for more detail
edges        clean edges in what the built-in network gives
"""
