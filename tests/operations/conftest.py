"""One checkout in production for all tests of operations, with a real server, deployments and worker."""

from collections.abc import Iterator

import pytest

from tests.operations.production import Production
from tests.small_checkout import make_checkout


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Production]:
    """A checkout after `make deploy` and `make worker`, with no run yet."""
    site = Production(make_checkout(tmp_path_factory.mktemp("site") / "checkout"))
    try:
        site.make("deploy")
        site.start_worker()
        yield site
    finally:
        site.close()


@pytest.fixture(scope="session")
def trained(site: Production) -> Production:
    """The same checkout after a first completed run."""
    if not (site.root / "artifacts/submission.csv").exists():
        run = site.begin()
        assert site.ended(run)["state_type"] == "COMPLETED", site.log(run)
    return site
