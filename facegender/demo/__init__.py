"""Drawn portraits for trying the pipeline where no data set is at hand, and the backbone weights that go with them.

The two classes are two families of drawings whose proportions overlap; they say nothing about people.
"""

from facegender.demo.dataset import draw

__all__ = ["draw"]
