"""Dataclasses to JSON and back, for the state file and the control API.

Decoding is strict: an unknown key or a value of the wrong type is a `ValueError` that names the
place, so that a typing mistake in a test never passes as "no fault".
"""

import dataclasses
import types
import typing
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal, TypeVar, cast

T = TypeVar("T")


def encode(value: object) -> Any:
    """What `json.dumps` takes; a time becomes ISO 8601."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: encode(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {key: encode(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [encode(item) for item in value]
    return value


def decode(kind: type[T], data: object, where: str = "") -> T:
    """Read `data` as `kind`; `where` is the path told in the error."""
    return cast(T, _decode(kind, data, where or kind.__name__))


def _decode(kind: Any, data: object, where: str) -> object:
    if kind is object:
        return data
    if dataclasses.is_dataclass(kind):
        return _decode_fields(kind, data, where)
    if kind is datetime:
        return _decode_time(data, where)
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is Literal:
        if data not in arguments:
            raise ValueError(f"{where}: one of {', '.join(map(str, arguments))}, not {data!r}")
        return data
    if origin in (typing.Union, types.UnionType):
        return _decode_union(arguments, data, where)
    if origin is tuple:
        if not isinstance(data, (list, tuple)):
            raise ValueError(f"{where}: a list is needed, not {data!r}")
        return tuple(_decode(arguments[0], item, f"{where}[{i}]") for i, item in enumerate(data))
    if origin is dict:
        items = _object(data, where)
        return {key: _decode(arguments[1], item, f"{where}.{key}") for key, item in items.items()}
    # type(), not isinstance(): True is not a number here.
    if type(data) is not kind:
        raise ValueError(f"{where}: {kind.__name__} is needed, not {data!r}")
    return data


def _decode_fields(kind: Any, data: object, where: str) -> object:
    given = _object(data, where)
    hints = typing.get_type_hints(kind)
    unknown = sorted(given.keys() - hints.keys())
    if unknown:
        raise ValueError(f"{where}: unknown {', '.join(unknown)}")
    try:
        return kind(**{key: _decode(hints[key], given[key], f"{where}.{key}") for key in given})
    except TypeError as error:
        raise ValueError(f"{where}: {error}") from error


def _decode_time(data: object, where: str) -> datetime:
    if isinstance(data, datetime):
        moment = data
    else:
        try:
            moment = datetime.fromisoformat(str(data))
        except ValueError:
            raise ValueError(f"{where}: {data!r} is not an ISO 8601 time") from None
    if moment.tzinfo is None:
        raise ValueError(f"{where}: {data!r} has no offset")
    return moment


def _decode_union(kinds: tuple[Any, ...], data: object, where: str) -> object:
    if data is None and types.NoneType in kinds:
        return None
    problem = ValueError(f"{where}: {data!r} does not fit")
    for kind in kinds:
        if kind is types.NoneType:
            continue
        try:
            return _decode(kind, data, where)
        except ValueError as error:
            problem = error
    raise problem


def _object(data: object, where: str) -> Mapping[str, object]:
    if not isinstance(data, Mapping):
        raise ValueError(f"{where}: an object is needed, not {data!r}")
    return data
