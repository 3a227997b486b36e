"""Models that estimate depth: what there is (`catalog`) and how it is run (`estimator`)."""
