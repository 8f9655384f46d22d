"""`python -m facegender` is the `facegender` command."""

from facegender.cli.app import main

main()
