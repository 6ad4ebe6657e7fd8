"""CSV, Parquet and NPZ hold what the take holds."""

import csv
import json
import sys

import numpy as np
import pytest
from exported_take import IDS, T_S, expected_xyz, exported_take
from pyarrow import parquet
from recorded_session import START_NS, UNIX_OFFSET_NS

from posecap.models.joints import COCO_17
from posecap.runtime.errors import ExportError
from posecap.runtime.export_csv import write_csv
from posecap.runtime.export_npz import write_npz
from posecap.runtime.export_parquet import write_parquet
from posecap.runtime.pose_table import COLUMNS, table_parts

NAMES = list(COCO_17.names)
EXPECTED_ROWS = 17 * int(np.isfinite(expected_xyz()).any(axis=(2, 3)).sum())


def from_rows(rows) -> np.ndarray:
    """(frames, people, joints, 3) of rows by column name, NaN where there is no row or no number."""
    xyz = np.full(expected_xyz().shape, np.nan)
    for row in rows:
        place = int(row["frame"]), IDS.index(int(row["person"])), NAMES.index(row["joint"])
        xyz[place] = [
            np.nan if row[axis] in ("", None) else float(row[axis]) for axis in ("x_m", "y_m", "z_m")
        ]
    return xyz


def test_csv_read_back(tmp_path):
    told = []
    write_csv(exported_take(), tmp_path / "a.csv", lambda done, total: told.append((done, total)))
    with (tmp_path / "a.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == EXPECTED_ROWS
    np.testing.assert_allclose(from_rows(rows), expected_xyz(), atol=1e-6)
    assert told == [(40, 40)]
    last = rows[-1]
    assert int(last["unix_ns"]) == UNIX_OFFSET_NS + START_NS + round(T_S[-1] * 1e9)
    assert float(last["t_s"]) == pytest.approx(39 / 30, abs=1e-8)
    assert (float(last["cov_zz_m2"]), last["residual_px"], last["views"]) == (pytest.approx(4e-4), "1.5", "3")
    unknown = next(r for r in rows if r["frame"] == "6" and r["joint"] == "left_elbow" and r["person"] == "3")
    assert [unknown[name] for name in COLUMNS if name.endswith(("_m", "_m2", "_px"))] == [""] * 10
    assert unknown["views"] == "0"


def test_csv_says_what_it_is(tmp_path):
    write_csv(exported_take(), tmp_path / "a.csv")
    about = json.loads((tmp_path / "a.csv.json").read_text())
    assert list(about["columns"]) == (tmp_path / "a.csv").read_text().splitlines()[0].split(",")
    assert (about["joint_set"], about["rig"], about["length_unit"], about["up_axis"], about["stage"]) == (
        "coco-17/1", "0123456789ab", "m", "+z", "refined",
    )  # fmt: skip


def test_parquet_read_back(tmp_path):
    write_parquet(exported_take(), tmp_path / "a.parquet")
    table = parquet.read_table(tmp_path / "a.parquet")
    assert table.column_names == list(COLUMNS)
    assert table.num_rows == EXPECTED_ROWS
    np.testing.assert_allclose(from_rows(table.to_pylist()), expected_xyz(), atol=1e-6)
    assert table["x_m"].null_count == table["residual_px"].null_count == 4 + 3
    metadata = {key.decode(): value.decode() for key, value in table.schema.metadata.items()}
    assert metadata["joint_set"] == "coco-17/1"
    assert metadata["joints"].split() == NAMES
    assert metadata["unix_offset_ns"] == str(UNIX_OFFSET_NS)
    assert {"posecap", "rig", "stage", "length_unit", "up_axis"} <= set(metadata)


def test_npz_read_back(tmp_path):
    take = exported_take()
    write_npz(take, tmp_path / "a.npz")
    with np.load(tmp_path / "a.npz", allow_pickle=False) as file:
        for name in ("t_ns", "ids", "xyz", "covariance", "residual_px", "views", "index", "recorded"):
            np.testing.assert_array_equal(file[name], getattr(take, name))
        assert file["joints"].tolist() == NAMES
        assert (str(file["length_unit"]), str(file["up_axis"]), str(file["rig"])) == (
            "m",
            "+z",
            "0123456789ab",
        )
        assert np.flatnonzero(~file["recorded"]).tolist() == [35]
        np.testing.assert_allclose(file["xyz"], expected_xyz(), atol=1e-6)


def test_parts_make_the_whole_table():
    take = exported_take()
    ((_, whole),) = table_parts(take)
    parts = list(table_parts(take, frames=7))
    assert [done for done, _ in parts] == [7, 14, 21, 28, 35, 40]
    for name in COLUMNS:
        np.testing.assert_array_equal(np.concatenate([columns[name] for _, columns in parts]), whole[name])


def test_without_pyarrow_the_remedy_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ExportError, match=r"Parquet files need pyarrow: pip install 'posecap\[export\]'"):
        write_parquet(exported_take(), tmp_path / "a.parquet")
