"""The stage `train`: batches, the training loop, checkpoints and the model folder."""
