"""Run the `facegender` command as `python -m facegender`."""

from facegender.cli.app import main

main()
