"""A value is checked against a model of the pack; what is wrong with it is said with its line and what to do."""

import difflib
import re
import typing
from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from desk.policies.yaml_source import Document, Key, Problem

Model = TypeVar("Model", bound=BaseModel)


def validate(model: type[Model], value: Any, document: Document, key: Key, problems: list[Problem]) -> Model | None:
    """The value as the model, or None and a problem for each mistake."""
    try:
        return model.model_validate(value)
    except ValidationError as exc:
        errors = exc.errors(include_url=False)
        problems += [
            document.problem((*key, *error["loc"]), _sentence(dict(error), model))
            for error in errors
            if error["type"] != "missing" or not _is_misspelt(error["loc"], among=errors)
        ]
    return None


def _is_misspelt(missing: Key, *, among: Sequence[Any]) -> bool:
    """True when a key that is not allowed stands where this one is missing and looks like it: one mistake, not two."""
    extra = [
        error["loc"] for error in among if error["type"] == "extra_forbidden" and error["loc"][:-1] == missing[:-1]
    ]
    return bool(difflib.get_close_matches(str(missing[-1]), [str(loc[-1]) for loc in extra], n=1, cutoff=0.5))


def _sentence(error: dict[str, Any], model: type[BaseModel]) -> str:
    """What is wrong and what to do about it, for a pack's author."""
    loc, context = error["loc"], error.get("ctx", {})
    match error["type"]:
        case "missing":
            return "is missing; add it"
        case "extra_forbidden":
            allowed = _keys_at(model, loc[:-1])
            near = did_you_mean(str(loc[-1]), allowed)
            return f"is not a key here{near or '.'} Allowed: {', '.join(sorted(allowed))}"
        case "literal_error":
            near = did_you_mean(str(error["input"]), re.findall(r"'([^']*)'", context["expected"]))
            return f"{error['input']!r} is not allowed{near or '.'} Use {context['expected']}"
        case "string_type":
            return "must be text; put the value in quotes"
        case "too_short":
            return f"needs at least {context['min_length']} entries, has {context['actual_length']}; add some"
        case "string_pattern_mismatch" if context["pattern"].startswith("^[a-z]"):
            joint = "hyphens" if "-]" in context["pattern"] else "underscores"
            return f"{error['input']!r} is not a name; use small letters, digits and {joint}"
        case "string_pattern_mismatch":
            return f"{error['input']!r} does not have the form {context['pattern']}; change it"
        case "model_type" | "dict_type":
            return "must hold keys and values; write 'key: value' lines"
        case "tuple_type" | "list_type":
            return "must be a list; start each entry with '- '"
        case "date_from_datetime_parsing" | "date_parsing" | "date_type" | "date_from_datetime_inexact":
            return f"{error['input']!r} is no date; write it as 2026-12-31"
        case "value_error":
            return str(context["error"])
        case _:
            return f"{error['msg'][0].lower()}{error['msg'][1:]}; change {error['input']!r}"


def did_you_mean(word: str, known: Iterable[str], *, cutoff: float = 0.5) -> str:
    """``; did you mean returns?`` where something near is known."""
    near = difflib.get_close_matches(word, list(known), n=1, cutoff=cutoff)
    return f"; did you mean {near[0]}?" if near else ""


def _keys_at(model: type[BaseModel], loc: tuple[Any, ...]) -> set[str]:
    """Keys the model allows at this place."""
    here: Any = model
    for part in loc:
        if typing.get_origin(here) is dict:
            here = typing.get_args(here)[1]
            continue
        annotation = here.model_fields[part].annotation if isinstance(part, str) else here
        if typing.get_origin(annotation) is dict:
            here = annotation
            continue
        inner = [kind for kind in typing.get_args(annotation) if kind not in (Ellipsis, type(None))]
        here = inner[0] if inner else annotation
    return set(here.model_fields)
