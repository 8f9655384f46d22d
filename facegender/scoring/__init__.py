"""From pictures to probabilities: the stage `submit` and the command `predict`."""
