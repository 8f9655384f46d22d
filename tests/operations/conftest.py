"""One checkout in production for all tests of operations: a server, the deployments and a worker, all of them real."""

from collections.abc import Iterator

import pytest

from tests.operations.production import Production
from tests.small_checkout import make_checkout


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Production]:
    """As `make deploy` and `make worker` leave it, with nothing run yet."""
    site = Production(make_checkout(tmp_path_factory.mktemp("site") / "checkout"))
    try:
        site.make("deploy")
        site.start_worker()
        yield site
    finally:
        site.close()


@pytest.fixture(scope="session")
def trained(site: Production) -> Production:
    """With a first run ended well."""
    if not (site.root / "artifacts/submission.csv").exists():
        run = site.begin()
        assert site.ended(run)["state_type"] == "COMPLETED", site.log(run)
    return site
