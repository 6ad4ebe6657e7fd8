"""YAML read as people mean it (`1e-3` is a number, a date stays text, a key twice is an error) and written to be read.

PyYAML follows YAML 1.1, where `1e-3` is text, an unquoted date becomes an object and the last of two keys wins.
"""

import re
from typing import Any

import yaml

_FLOAT = re.compile(r"^[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)[eE][-+]?[0-9]+$")
_NOT_MEANT = {"tag:yaml.org,2002:timestamp"}


class _Once:
    """Refuses a key that is there twice."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.value != "<<":
                if key.value in seen:
                    raise yaml.constructor.ConstructorError(
                        None, None, f"the key {key.value!r} is there twice", key.start_mark
                    )
                seen.add(key.value)
        return super().construct_mapping(node, deep=deep)  # pyright: ignore[reportAttributeAccessIssue]


class Text(_Once, yaml.BaseLoader):
    """For dialects: all scalars stay text, tags mean nothing."""


class _Loader(_Once, yaml.SafeLoader):
    yaml_implicit_resolvers = {  # noqa: RUF012 - how PyYAML is extended
        first: [(tag, pattern) for tag, pattern in resolvers if tag not in _NOT_MEANT]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


_Loader.add_implicit_resolver("tag:yaml.org,2002:float", _FLOAT, list("-+0123456789."))


def load_yaml(data: bytes) -> Any:
    """The document as dicts, lists, text and numbers.

    Raises:
        ValueError: what is wrong and where, in one line.
    """
    try:
        return yaml.load(data, Loader=_Loader)  # noqa: S506 - a SafeLoader
    except (yaml.YAMLError, ValueError) as error:
        raise ValueError(" ".join(str(error).split())) from error
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def dump_yaml(document: dict[str, Any]) -> str:
    """The document with its keys in order, floats in full precision and each row of a matrix in one line."""
    return yaml.dump(document, Dumper=_Dumper, sort_keys=False, width=200)


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, data: Any) -> bool:
        return True


def _rows_in_line(dumper: yaml.SafeDumper, value: list[Any]) -> yaml.Node:
    flat = all(not isinstance(item, list | dict) for item in value)
    return dumper.represent_sequence("tag:yaml.org,2002:seq", value, flow_style=flat)


_Dumper.add_representer(list, _rows_in_line)
