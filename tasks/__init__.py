"""How a step is run: one Prefect task for each stage of dvc.yaml."""

from tasks import environment

environment.prepare()  # must come first: Prefect reads its settings when it is imported
