"""The hyper-parameter study."""
