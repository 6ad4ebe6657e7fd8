"""Parquet files, for data frames."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from posecap.runtime.errors import ExportError
from posecap.runtime.pose_table import COLUMNS, table_parts
from posecap.runtime.pose_take import PoseTake
from posecap.runtime.take_metadata import metadata_of


def write_parquet(take: PoseTake, path: Path, progress: Callable[[int, int], None] | None = None) -> None:
    """All people, the columns of `posecap.runtime.pose_table`; unknown = null. The schema's metadata says the rest.

    Args:
        take: times may be uneven.
        path: of the file.
        progress: told (frames done, frames in all) now and then.

    Raises:
        ExportError: pyarrow is missing.
    """
    try:
        import pyarrow as pa
        from pyarrow import parquet
    except ImportError as error:
        raise ExportError("Parquet files need pyarrow: pip install 'posecap[export]'") from error
    names = pa.array(take.joints)
    types = {
        **dict.fromkeys(COLUMNS, pa.float32()),
        **dict.fromkeys(("frame", "frame_set", "unix_ns", "person"), pa.int64()),
        "t_s": pa.float64(),
        "joint": pa.dictionary(pa.int32(), pa.string()),
        "views": pa.uint8(),
    }
    fields = [pa.field(name, types[name], metadata={"about": COLUMNS[name]}) for name in COLUMNS]
    schema = pa.schema(fields, metadata=metadata_of(take))
    with parquet.ParquetWriter(path, schema, compression="zstd") as writer:
        for done, columns in table_parts(take, frames=20_000):
            arrays = [
                pa.DictionaryArray.from_arrays(values, names)
                if name == "joint"
                else pa.array(values, mask=np.isnan(values) if values.dtype.kind == "f" else None)
                for name, values in ((name, columns[name]) for name in COLUMNS)
            ]
            writer.write_table(pa.table(arrays, schema=schema))
            if progress is not None:
                progress(done, len(take.t_ns))
