"""From a model to the structural schema that a CRD needs: nothing referenced, nothing nullable, every
object with its defaults and rules in place.

Must not know which resources there are; that is `crd`.
"""

from collections.abc import Iterator
from typing import Any

from raftkeeper_operator.api.part import Part, Rule

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


def structural_schema(model: type[Part]) -> Schema:
    """The schema of a part, as `openAPIV3Schema` takes it."""
    document = model.model_json_schema(by_alias=True, mode="validation")
    definitions = document.get("$defs", {})
    models = {found.__name__: found for found in _parts_within(model)}
    return _convert(document, definitions, models, model)


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


def _convert(
    node: Schema, definitions: dict[str, Schema], models: dict[str, type[Part]], owner: Any = None
) -> Schema:
    node = _without_null(node)
    if "$ref" in node:
        name = node["$ref"].rpartition("/")[2]
        target = _convert(definitions[name], definitions, models, models.get(name))
        # What a field says of itself comes before what its type says.
        return target | {key: node[key] for key in ("description",) if key in node}
    result: Schema = {}
    if text := node.get("description"):
        result["description"] = " ".join(text.split())
    result |= {key: node[key] for key in _KEPT if key in node}
    if "const" in node:
        result["enum"] = [node["const"]]
    result |= {key: value for key, value in node.items() if key.startswith("x-kubernetes-")}
    if "properties" in node:
        _convert_object(node, result, definitions, models)
    if isinstance(node.get("additionalProperties"), dict):
        values = node["additionalProperties"]
        result["additionalProperties"] = _convert(values, definitions, models)
    if "items" in node:
        result["items"] = _convert(node["items"], definitions, models)
    if owner is not None and owner.rules:
        result["x-kubernetes-validations"] = [_written(rule) for rule in owner.rules]
    return result


def _convert_object(
    node: Schema, result: Schema, definitions: dict[str, Schema], models: dict[str, type[Part]]
) -> None:
    result["properties"] = {}
    for name, field in node["properties"].items():
        converted = _convert(field, definitions, models)
        # A part that was left out gets `{}`, and then each of its fields its own default.
        default = field.get("default")
        is_object = "properties" in converted
        if default is not None:
            converted["default"] = {} if is_object else default
        result["properties"][name] = converted
    if node.get("required"):
        result["required"] = sorted(node["required"])


def _without_null(node: Schema) -> Schema:
    """`X | None` is an optional X: the API server drops nulls, so that none is ever stored."""
    choices = [choice for choice in node.get("anyOf", ()) if choice.get("type") != "null"]
    if len(choices) == 1:
        return {key: value for key, value in node.items() if key != "anyOf"} | choices[0]
    return node


def _written(rule: Rule) -> Schema:
    written: Schema = {"rule": rule.expression, "message": rule.message}
    if rule.path:
        written["fieldPath"] = rule.path
    return written
