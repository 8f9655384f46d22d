"""Data for the tests of the review page."""

from pathlib import Path

import pytest

from facegender.data.split import split
from facegender.params.sections import SplitParams
from facegender.params.stage_params import SplitStageParams
from tests.review.pages import ODD, cache_features
from tests.small_data import Data


@pytest.fixture
def data(tmp_path: Path) -> Data:
    """21 labelled noise pictures, validated and split; according to their features, a3 and b5 have wrong labels."""
    made = Data(tmp_path)
    made.draw(ODD, 90)
    made.train.append('"odd, ""name"" <&>é.png",1')
    made.run()
    split(made.layout, SplitStageParams(split=SplitParams()))
    cache_features(made.layout, {"a3.png", "b5.png"})
    return made
