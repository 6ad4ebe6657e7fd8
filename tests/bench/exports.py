"""Every published network as ONNX, in ONNX Runtime and OpenVINO, against PyTorch; writes results/exports.json.

python tests/bench/exports.py
python tests/bench/exports.py --only pose-resnet-50 --out /tmp/exports.json
"""

import argparse
import json
import tempfile
from pathlib import Path

import torch
from metadata import metadata

from posecap.launch.model_export import export_and_check
from posecap.models.networks import names

RESULTS = Path(__file__).resolve().parent / "results" / "exports.json"
COLUMNS = [
    "network",
    "M parameters",
    "input",
    "free sizes",
    "ONNX Runtime difference",
    "OpenVINO difference",
    "ONNX Runtime ms/view",
    "OpenVINO ms/view",
]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", nargs="*", default=names(), help="networks; all of them without")
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args()
    torch.set_num_threads(1)
    rows = []
    for name in options.only:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "network.onnx"
            one = export_and_check(name, path, batch=options.batch, repeats=options.repeats)
        rows.append(row(one))
        print(*rows[-1], sep="  ", flush=True)
    result = {
        "title": f"Published networks as ONNX (opset 20, random weights, float32, one thread, batch {options.batch}; "
        "largest difference to PyTorch as a fraction of the largest value; processor time)",
        "metadata": metadata(torch=torch.__version__, batch=options.batch, repeats=options.repeats),
        "columns": COLUMNS,
        "rows": rows,
    }
    options.out.write_text(json.dumps(result, indent=1) + "\n")


def row(one) -> list[object]:
    """One line of the table."""
    by_engine = {verified.engine: verified for verified in one.verified}
    engines = [by_engine["onnxruntime"], by_engine["openvino"]]
    return [
        one.name,
        round(one.parameters / 1e6, 2),
        " x ".join(map(str, one.shape)),
        ", ".join(one.free),
        *(float(f"{verified.difference:.1e}") for verified in engines),
        *(round(verified.ms_per_view, 1) for verified in engines),
    ]


if __name__ == "__main__":
    main()
