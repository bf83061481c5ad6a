"""Checks a mapping against a JSON schema, and says the first thing that is wrong in one sentence."""

from __future__ import annotations

import functools
import json
from typing import Any

from ..errors import ConfigError, near_match
from ..installation import SCHEMAS, table


def check(values: dict[str, Any], schema_name: str, place: str) -> None:
    """Raise ConfigError if values do not fit `workflow/schemas/<schema_name>.schema.yaml`.

    place: where the values come from, in words for the sentence: "config", "profile kd-gat.yaml".
    """
    from jsonschema import Draft202012Validator

    errors = sorted(
        Draft202012Validator(_schema(schema_name)).iter_errors(values), key=lambda e: list(map(str, e.path))
    )
    if errors:
        raise ConfigError(f"{place}: {_sentence(errors[0])}")


@functools.cache
def _schema(name: str) -> dict[str, Any]:
    schema: dict[str, Any] = table(SCHEMAS / f"{name}.schema.yaml")
    return schema


def _sentence(error: Any) -> str:
    key = ".".join(str(part) for part in error.absolute_path)
    if error.validator == "additionalProperties":
        known = sorted(error.schema.get("properties", {}))
        unknown = sorted(str(name) for name in error.instance if name not in known)[0]
        inside = f" in {key}" if key else ""
        value = _show(error.instance.get(unknown))
        return (
            f'unknown key "{unknown}"{inside} with the value {value}{near_match(unknown, known)}; '
            f"the known keys are {', '.join(known)}"
        )
    if error.validator == "required":
        missing = next(name for name in error.validator_value if name not in error.instance)
        return f'the key "{missing}" is missing{f" in {key}" if key else ""}'
    must_be = error.schema.get("description") or error.message
    return f"{key or 'the whole'} is {_show(error.instance)}, but it must be {must_be}"


def _show(value: Any) -> str:
    try:
        return json.dumps(value, ensure_ascii=False)
    except TypeError:
        return repr(value)
