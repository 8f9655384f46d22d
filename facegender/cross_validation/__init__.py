"""The three stages of a cross-validation."""
