"""From a model to the structural schema that a CRD needs: nothing referenced, nothing nullable, every
object with its defaults and rules in place.

Must not know which resources there are; that is `crd`.
"""

from collections.abc import Iterator
from typing import Any

from raftkeeper_operator.api.part import Part, Rule
from raftkeeper_operator.api.scalars import format_duration

Schema = dict[str, Any]

# Words of JSON schema that Kubernetes takes as they are; all others are dropped or translated.
_KEPT = (
    "type",
    "format",
    "enum",
    "pattern",
    "minimum",
    "maximum",
    "minLength",
    "maxLength",
    "minItems",
    "maxItems",
    "maxProperties",
    "anyOf",
)


def structural_schema(model: type[Part], *, defaults: bool = True) -> Schema:
    """The schema of a part, as `openAPIV3Schema` takes it. A status needs no defaults."""
    document = model.model_json_schema(by_alias=True, mode="validation")
    models = {found.__name__: found for found in _parts_within(model)}
    converter = _Converter(document.get("$defs", {}), models, defaults=defaults)
    return converter.convert(document, model)


def _parts_within(model: type[Part]) -> Iterator[type[Part]]:
    """The model and every model in its fields; a model's name is its schema's."""
    seen: set[type[Part]] = set()
    pending: list[Any] = [model]
    while pending:
        found = pending.pop()
        pending.extend(getattr(found, "__args__", ()))
        pending.extend(getattr(found, "__metadata__", ()))
        if isinstance(found, type) and issubclass(found, Part) and found not in seen:
            seen.add(found)
            pending.extend(field.annotation for field in found.model_fields.values())
            yield found


class _Converter:
    """Goes through one JSON schema."""

    def __init__(
        self, definitions: dict[str, Schema], models: dict[str, type[Part]], *, defaults: bool
    ) -> None:
        self._definitions = definitions
        self._models = models
        self._defaults = defaults

    def convert(self, node: Schema, owner: type[Part] | None = None) -> Schema:
        node = _without_null(node)
        if "$ref" in node:
            name = node["$ref"].rpartition("/")[2]
            target = self.convert(self._definitions[name], self._models.get(name))
            # What a field says of itself comes before what its type says.
            return target | {key: node[key] for key in ("description",) if key in node}
        result: Schema = {key: node[key] for key in _KEPT if key in node}
        if "const" in node:
            result["enum"] = [node["const"]]
        if text := node.get("description"):
            result["description"] = " ".join(text.split())
        result |= {key: value for key, value in node.items() if key.startswith("x-kubernetes-")}
        self._convert_children(node, result)
        if owner is not None and owner.rules:
            result["x-kubernetes-validations"] = [_written(rule) for rule in owner.rules]
        return result

    def _convert_children(self, node: Schema, result: Schema) -> None:
        if node.get("required"):
            result["required"] = sorted(node["required"])
        if "properties" in node:
            result["properties"] = {
                name: self._convert_field(field) for name, field in node["properties"].items()
            }
        if isinstance(node.get("additionalProperties"), dict):
            result["additionalProperties"] = self.convert(node["additionalProperties"])
        if "items" in node:
            result["items"] = self.convert(node["items"])

    def _convert_field(self, field: Schema) -> Schema:
        converted = self.convert(field)
        default = field.get("default")
        if self._defaults and default is not None:
            converted["default"] = self._written_default(field, converted, default)
        return converted

    def _written_default(self, field: Schema, converted: Schema, default: Any) -> Any:
        """What a user would write for it."""
        if "$ref" in field:
            # A part that was left out gets `{}`, and then each of its fields its own default. Where
            # there are rules it is written in full: they are tried on a default as it stands.
            part = self._models[field["$ref"].rpartition("/")[2]]
            full = part().model_dump(by_alias=True, exclude_none=True, mode="json")
            return full if _has_rules(converted) else {}
        if isinstance(default, int) and converted.get("type") == "string":
            return format_duration(default)
        return default


def _has_rules(schema: Schema) -> bool:
    return "x-kubernetes-validations" in schema or any(
        _has_rules(child) for child in schema.get("properties", {}).values()
    )


def _without_null(node: Schema) -> Schema:
    """`X | None` is an optional X: the API server drops nulls, so that none is ever stored."""
    choices = [choice for choice in node.get("anyOf", ()) if choice.get("type") != "null"]
    if len(choices) == 1:
        outer = {key: value for key, value in node.items() if key != "anyOf"}
        return {**choices[0], **outer}
    return node


def _written(rule: Rule) -> Schema:
    written: Schema = {"rule": rule.expression, "message": rule.message}
    if rule.path:
        written["fieldPath"] = rule.path
    return written
