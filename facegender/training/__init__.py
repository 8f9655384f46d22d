"""The stage `train`: batches, the loop, checkpoints and the model folder."""
