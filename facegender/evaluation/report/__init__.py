"""The report and the model card, with their plots and pictures."""
