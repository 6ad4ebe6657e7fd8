"""Prints the tables of all benchmark results as Markdown, or writes them into the README between its two marks.

python tests/bench/table.py
python tests/bench/table.py --readme
"""

import argparse
import json
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
RESULTS = Path(__file__).resolve().parent / "results"
BEGIN, END = "<!-- tables -->", "<!-- /tables -->"


def markdown(result: dict[str, Any]) -> str:
    """One result file as a table with its title and where it was measured."""
    about = result["metadata"]
    head = "| " + " | ".join(result["columns"]) + " |"
    rule = "|" + "---|" * len(result["columns"])
    rows = ["| " + " | ".join(_cell(value) for value in row) + " |" for row in result["rows"]]
    where = f"{about['date'][:10]}, {about['processor']}, {about['cores']} cores"
    return "\n".join([f"**{result['title']}** ({where})", "", head, rule, *rows])


def tables() -> str:
    """All result files, in the order of their names."""
    files = sorted(RESULTS.glob("*.json"))
    return "\n\n".join(markdown(json.loads(file.read_text())) for file in files)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--readme", action="store_true", help="write into README.md instead of printing")
    if not parser.parse_args().readme:
        print(tables())
        return
    readme = ROOT / "README.md"
    before, _, rest = readme.read_text().partition(BEGIN)
    _, _, after = rest.partition(END)
    readme.write_text(f"{before}{BEGIN}\n\n{tables()}\n\n{END}{after}")


def _cell(value: object) -> str:
    return "-" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


if __name__ == "__main__":
    main()
