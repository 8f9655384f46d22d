"""The user's files: the stages `validate` and `split`."""
