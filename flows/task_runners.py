"""Where a flow's folds run: in threads of the flow, or on a Dask or Ray cluster if the user has installed one."""

from importlib import import_module
from typing import Any

from prefect.task_runners import ThreadPoolTaskRunner

from facegender.errors import UserError
from facegender.params.sections import CrossValidateParams

# package and class
OTHERS: dict[str, tuple[str, str]] = {
    "dask": ("prefect_dask", "DaskTaskRunner"),
    "ray": ("prefect_ray", "RayTaskRunner"),
}


def make_runner(params: CrossValidateParams) -> Any:
    """Make the task runner that params.yaml names; it runs `processes` folds at a time.

    Raises
    ------
    UserError
        It is not installed.
    """
    if params.task_runner == "threads":
        return ThreadPoolTaskRunner(max_workers=params.processes)
    package, name = OTHERS[params.task_runner]
    try:
        runner = getattr(import_module(package), name)
    except ImportError:
        distribution = package.replace("_", "-")
        raise UserError(
            "params.yaml, cross_validate.task_runner",
            f"{params.task_runner} needs the package {distribution}",
            "it is not installed",
            f"Run `python -m pip install {distribution}`, or set it to threads.",
        ) from None
    if params.task_runner == "dask":
        return runner(cluster_kwargs={"n_workers": params.processes, "threads_per_worker": 1})
    return runner(init_kwargs={"num_cpus": params.processes})
