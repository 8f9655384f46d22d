"""Where each file is, and how it is read and written."""
