"""From a probability to an answer: calibration, threshold and abstention."""
