"""When and in what order: the Prefect flows."""

from tasks import environment

environment.prepare()  # before a flow's module imports Prefect
