"""The stage `evaluate`: figures, slices, comparisons and the evaluation folder."""
