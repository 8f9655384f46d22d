"""The `facegender` command and its sub-commands, as plain functions.

Heavy modules are imported inside these functions, so that `facegender --help` answers at once.
"""
