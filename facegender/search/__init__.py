"""The hyper-parameter search: a study, its trials and its report."""
