"""The stage `features` and its store: the frozen part's output, once per image and view."""
