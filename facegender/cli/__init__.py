"""The commands of `facegender` as plain functions.

Every import of weight is inside one of them, so that `facegender --help` answers at once.
"""
