"""How a step is run: one Prefect task per stage of dvc.yaml."""

from tasks import environment

environment.prepare()  # Prefect reads its settings once, when it is imported: this must come first
