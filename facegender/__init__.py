"""A perceived-gender classifier for faces: every step from raw files to a submission, as plain functions on files."""

__version__ = "0.1.0"
