"""The stage `features` and its store: the frozen part's output, computed once per image and view."""
