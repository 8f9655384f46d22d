"""Score pictures with a trained model: the stage `submit` and the command `predict`."""
