import pandas as pd
import pytest

from facegender.evaluation import write
from facegender.evaluation.write import write_records


@pytest.mark.parametrize("rows", [0, 1, 3, 4, 7])
def test_records_written_in_pieces_are_the_same_as_at_once(tmp_path, monkeypatch, rows):
    monkeypatch.setattr(write, "RECORDS_AT_ONCE", 3)
    table = pd.DataFrame({"recall": [n / 7 for n in range(rows)], "label": [f'"{n}"' for n in range(rows)]})
    write_records(tmp_path / "a.json", table)
    assert (tmp_path / "a.json").read_text() == table.round(6).to_json(orient="records", indent=1)
