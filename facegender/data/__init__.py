"""The user's files, and the stages that read them first: `validate` and `split`."""
