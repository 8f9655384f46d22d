"""When and in what order: the Prefect flows."""

from tasks import environment

environment.prepare()  # must come first: a flow's module imports Prefect
