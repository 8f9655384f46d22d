"""`python -m facegender` is the `facegender` command."""

from facegender.cli import main

main()
