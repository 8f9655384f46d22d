"""Drawn portraits to try the pipeline without a data set, and backbone weights trained on such drawings.

The two classes are two families of drawings with overlapping proportions; they say nothing about people.
"""

from facegender.demo.dataset import draw

__all__ = ["draw"]
