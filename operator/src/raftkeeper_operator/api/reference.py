"""The reference page of the resources, printed from the CRDs: every field, its default and its rules.

`python -m raftkeeper_operator.api.reference FILE` writes it (`make crds`); a test compares.
"""

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from raftkeeper_operator.api.crd import RESOURCES, Resource, build_crd
from raftkeeper_operator.api.scalars import (
    DURATION_OR_NEVER_PATTERN,
    DURATION_PATTERN,
    QUANTITY_PATTERN,
)

HEAD = """\
# Resources

Made by `make crds` from the operator's models; do not edit. `kubectl explain` tells the same.

A field that is left out has its default. Rules are checked by the API server at apply: what breaks one is
refused with the sentence that stands here.
"""

WRITTEN = {
    DURATION_PATTERN: "duration",
    DURATION_OR_NEVER_PATTERN: "duration or `Never`",
    QUANTITY_PATTERN: "size",
}
"""What strings of a pattern are."""

Schema = dict[str, Any]


def reference_page() -> str:
    """The whole page."""
    return HEAD + "".join(_resource(resource) for resource in RESOURCES)


def _resource(resource: Resource) -> str:
    version = build_crd(resource)["spec"]["versions"][0]
    schema: Schema = version["schema"]["openAPIV3Schema"]
    text = f"\n## {resource.kind}\n\n{_sentence(schema)} Short name `{resource.short_names[0]}`.\n"
    text += _rules(schema)
    for part in ("spec", "status"):
        text += f"\n### {part} of {resource.kind}\n\n"
        text += "| field | type | default | what it is |\n|---|---|---|---|\n"
        for path, field in _fields(schema["properties"][part]):
            text += f"| `{path}` | {_type(field)} | {_default(field)} | {_about(field)} |\n"
        text += _rules(schema["properties"][part])
        for path, field in _fields(schema["properties"][part]):
            text += _rules(field, path)
    return text


def _fields(schema: Schema, path: str = "") -> Iterator[tuple[str, Schema]]:
    for name, field in schema.get("properties", {}).items():
        if path.endswith("podTemplate.spec"):
            continue
        here = f"{path}.{name}" if path else name
        yield here, field
        yield from _fields(field, here)
        yield from _fields(field.get("items", {}), f"{here}[]")


def _type(field: Schema) -> str:
    if "enum" in field:
        return " \\| ".join(f"`{value}`" for value in field["enum"])
    if field.get("x-kubernetes-int-or-string"):
        return "amount"
    if (pattern := field.get("pattern")) in WRITTEN:
        return WRITTEN[pattern]
    kind = str(field["type"])
    if kind == "array":
        return f"list of {_type(field['items'])}"
    if "additionalProperties" in field:
        return "map"
    bounds = [str(field[word]) for word in ("minimum", "maximum") if word in field]
    return f"{kind}, {' to '.join(bounds)}" if len(bounds) == 2 else kind


def _default(field: Schema) -> str:
    value = field.get("default")
    if value is None or "properties" in field or value in ([], {}, ""):
        return ""
    return f"`{value if isinstance(value, str) else json.dumps(value)}`"


def _sentence(field: Schema) -> str:
    return " ".join(str(field.get("description", "")).split())


def _about(field: Schema) -> str:
    # Placeholders in angle brackets would be taken for HTML.
    return _sentence(field).replace("|", "\\|").replace("<", "&lt;").replace(">", "&gt;")


def _rules(schema: Schema, path: str = "") -> str:
    found = ""
    for rule in schema.get("x-kubernetes-validations", ()):
        where = f"{path}{rule.get('fieldPath', '')}".strip(".")
        found += f"- {f'`{where}`: ' if where else ''}{rule['message']}\n"
    return f"\n{found}" if found else ""


def main() -> None:
    """Write the page."""
    parser = argparse.ArgumentParser(description="write the reference page of the resources")
    parser.add_argument("file", type=Path)
    parser.parse_args().file.write_text(reference_page(), encoding="utf-8")


if __name__ == "__main__":
    main()
