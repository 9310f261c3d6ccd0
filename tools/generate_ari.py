"""Writes `engine/adapters/ari/generated/` from the resource files of an installed Asterisk.

    python tools/generate_ari.py FOLDER [--out FOLDER] [--check]

FOLDER is Asterisk's `share/asterisk/rest-api`. Those files are GPL, so they are never copied into this repository:
the output holds names, types and paths (facts of the interface) and none of their descriptions.
`--check` writes nothing and exits 1 when the committed output differs from what would be written.
"""

import argparse
import json
import keyword
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

DEFAULT_OUT = Path(__file__).resolve().parent.parent / "engine" / "adapters" / "ari" / "generated"
SCALARS = {
    "string": "str",
    "Date": "str",
    "int": "int",
    "long": "int",
    "double": "float",
    "boolean": "bool",
    "object": "dict[str, Any]",
    "containers": "Mapping[str, object]",
}
BARE_BODIES = {("applications", "filter")}
"""Bodies that are the argument itself; all others are an object with the argument under its own name."""
HEADER = '"""{doc} Written by tools/generate_ari.py; change that, not this."""\n'


@dataclass(frozen=True, slots=True)
class Parameter:
    name: str
    kind: str
    type: str
    required: bool
    multiple: bool

    @property
    def python_name(self) -> str:
        name = snake(self.name)
        return f"{name}_" if keyword.iskeyword(name) else name


@dataclass(frozen=True, slots=True)
class Operation:
    resource: str
    nickname: str
    method: str
    path: str
    answers: str
    parameters: tuple[Parameter, ...]

    @property
    def python_name(self) -> str:
        return f"{snake(self.resource)}_{snake(self.nickname)}"


@dataclass(frozen=True, slots=True)
class Model:
    name: str
    base: str
    is_event: bool
    properties: tuple[Parameter, ...]


@dataclass(slots=True)
class Interface:
    """Everything the resource files say, in their order."""

    operations: list[Operation] = field(default_factory=list)
    models: list[Model] = field(default_factory=list)


def snake(name: str) -> str:
    """`bridgeId` -> `bridge_id`, `sendDTMF` -> `send_dtmf`, `transfer_progress` unchanged."""
    spaced = re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", name)
    return re.sub(r"([A-Z]+)([A-Z][a-z])", r"\1_\2", spaced).lower()


def python_type(declared: str) -> str:
    if inner := re.fullmatch(r"List\[(.+)\]", declared):
        return f"list[{python_type(inner.group(1))}]"
    return SCALARS.get(declared, declared)


# --- reading ---------------------------------------------------------------------------------------------------------


def read(folder: Path) -> Interface:
    """Reads every resource file of `folder`; raises SystemExit with a sentence when there is none."""
    index = folder / "resources.json"
    if not index.is_file():
        raise SystemExit(f"{folder} holds no resources.json: expected Asterisk's share/asterisk/rest-api")
    found = Interface()
    raw_models: dict[str, dict[str, Any]] = {}
    for api in json.loads(index.read_text())["apis"]:
        resource = Path(api["path"].replace(".{format}", "")).name
        document = json.loads((folder / f"{resource}.json").read_text())
        raw_models.update(document.get("models", {}))
        for entry in document["apis"]:
            found.operations.extend(_operation(resource, entry["path"], raw) for raw in entry["operations"])
    parents = {child: name for name, raw in raw_models.items() for child in raw.get("subTypes", ())}
    found.models.extend(_model(name, raw, parents) for name, raw in _parents_first(raw_models, parents))
    return found


def _operation(resource: str, path: str, raw: dict[str, Any]) -> Operation:
    parameters = tuple(
        Parameter(
            name=parameter["name"],
            kind=parameter["paramType"],
            type=parameter["dataType"],
            required=bool(parameter.get("required")) or parameter["paramType"] == "path",
            multiple=bool(parameter.get("allowMultiple")),
        )
        for parameter in raw.get("parameters", ())
    )
    return Operation(resource, raw["nickname"], raw["httpMethod"], path, raw["responseClass"], parameters)


def _model(name: str, raw: dict[str, Any], parents: dict[str, str]) -> Model:
    is_event = name == "Message" or _descends_from_message(name, parents)
    properties = tuple(
        Parameter(prop, "property", declared["type"], bool(declared.get("required")), False)
        for prop, declared in raw["properties"].items()
        if not (is_event and prop == "type")
    )
    return Model(name, parents.get(name, "Message" if is_event else "Model"), is_event, properties)


def _descends_from_message(name: str, parents: dict[str, str]) -> bool:
    while name in parents:
        name = parents[name]
    return name == "Message"


def _parents_first(raw: dict[str, dict[str, Any]], parents: dict[str, str]) -> Iterator[tuple[str, dict[str, Any]]]:
    depth: dict[str, int] = {}
    for name in raw:
        depth[name], above = 0, name
        while above in parents:
            above = parents[above]
            depth[name] += 1
    for name in sorted(raw, key=lambda each: (depth[each], each)):
        yield name, raw[name]


# --- writing ---------------------------------------------------------------------------------------------------------


def render(found: Interface) -> dict[str, str]:
    """File name -> content."""
    return {
        "__init__.py": HEADER.format(doc="Typed operations, models and events of ARI."),
        "models.py": _render_models([model for model in found.models if not model.is_event]),
        "events.py": _render_events([model for model in found.models if model.is_event], found.models),
        "operations.py": _render_operations(found),
    }


def _render_models(models: list[Model]) -> str:
    lines = [
        HEADER.format(doc="The objects that ARI's answers and events are made of."),
        "from __future__ import annotations\n",
        "from typing import Any\n",
        "import msgspec\n\n",
        "class Model(msgspec.Struct, frozen=True, kw_only=True, gc=False):",
        '    """Base of all models. Fields that this list does not know are ignored on decoding."""\n\n',
    ]
    for model in models:
        lines.append(f"class {model.name}(Model, frozen=True, kw_only=True, gc=False):")
        lines.append(_render_fields(model))
    return "\n".join(lines).rstrip() + "\n"


def _render_events(events: list[Model], all_models: list[Model]) -> str:
    plain = {model.name for model in all_models if not model.is_event}
    used = sorted({word for event in events for p in event.properties for word in re.findall(r"\w+", p.type)} & plain)
    lines = [
        HEADER.format(doc="The events of ARI, tagged by `type`."),
        "from __future__ import annotations\n",
        "from typing import Any, Final\n",
        "import msgspec\n",
        f"from engine.adapters.ari.generated.models import {', '.join(used)}\n\n",
    ]
    for event in events:
        if event.name == "Message":
            lines.append(
                'class Message(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag_field="type", tag=True):'
            )
        else:
            lines.append(f"class {event.name}({event.base}, frozen=True, kw_only=True, gc=False, tag=True):")
        lines.append(_render_fields(event))
    leaves = sorted({event.name for event in events} - {event.base for event in events})
    lines.append("EVENTS: Final[dict[str, type[Message]]] = {")
    lines.extend(f'    "{name}": {name},' for name in leaves)
    lines.append("}")
    return "\n".join(lines).rstrip() + "\n"


def _render_fields(model: Model) -> str:
    if not model.properties:
        return "    pass\n\n"
    rows = []
    for prop in sorted(model.properties, key=lambda each: not each.required):
        annotation = python_type(prop.type)
        rows.append(f"    {prop.python_name}: {annotation}{_default(prop)}")
    return "\n".join(rows) + "\n\n"


def _default(prop: Parameter) -> str:
    if prop.python_name != prop.name:
        name = f'name="{prop.name}"'
        return f" = msgspec.field({name})" if prop.required else f" | None = msgspec.field(default=None, {name})"
    return "" if prop.required else " | None = None"


def _render_operations(found: Interface) -> str:
    known = {model.name for model in found.models}
    used = sorted({word for op in found.operations for word in re.findall(r"\w+", op.answers)} & known - {"Message"})
    lines = [
        HEADER.format(doc="The operations of ARI: each function builds the request for one of them."),
        "from collections.abc import Mapping, Sequence",
        "from urllib.parse import quote\n",
        "from engine.adapters.ari.generated.events import Message",
        "from engine.adapters.ari.generated.models import (",
        *(f"    {name}," for name in used),
        ")",
        "from engine.adapters.ari.request import Request\n\n",
    ]
    lines.extend(_render_operation(operation) for operation in found.operations)
    return "\n".join(lines).rstrip() + "\n"


def _render_operation(operation: Operation) -> str:
    answers = {"void": "None", "binary": "bytes"}.get(operation.answers, python_type(operation.answers))
    lines = [f"def {operation.python_name}({_signature(operation)}) -> Request[{answers}]:"]
    lines.append(f'    """{operation.method} {operation.path}"""')
    query = [parameter for parameter in operation.parameters if parameter.kind == "query"]
    if query:
        lines.append("    query: list[tuple[str, str]] = []")
        for parameter in query:
            lines.extend(_render_query(parameter))
    arguments = [f'"{operation.method}"', _render_path(operation), "tuple(query)" if query else "()"]
    arguments.append(_render_body(operation))
    if answers not in {"None", "bytes"}:
        arguments.append(answers)
    while arguments[-1] in {"None", "()"}:
        arguments.pop()
    lines.append(f"    return Request({', '.join(arguments)})\n\n")
    return "\n".join(lines)


def _signature(operation: Operation) -> str:
    ordered = [p for p in operation.parameters if p.kind == "path"]
    named = sorted((p for p in operation.parameters if p.kind != "path"), key=lambda each: not each.required)
    parts = [f"{p.python_name}: {_argument_type(p)}" for p in ordered]
    if named:
        parts.append("*")
    for parameter in named:
        default = "" if parameter.required else " | None = None"
        parts.append(f"{parameter.python_name}: {_argument_type(parameter)}{default}")
    return ", ".join(parts)


def _argument_type(parameter: Parameter) -> str:
    if parameter.kind == "body":
        return "Mapping[str, object]"
    return f"Sequence[{python_type(parameter.type)}]" if parameter.multiple else python_type(parameter.type)


def _render_query(parameter: Parameter) -> list[str]:
    name = parameter.python_name
    if parameter.multiple:
        value = f'",".join({name})'
    elif parameter.type == "boolean":
        value = f'"true" if {name} else "false"'
    elif parameter.type == "string":
        value = name
    else:
        value = f"str({name})"
    append = f'query.append(("{parameter.name}", {value}))'
    return [f"    {append}"] if parameter.required else [f"    if {name} is not None:", f"        {append}"]


def _render_path(operation: Operation) -> str:
    path = operation.path.removeprefix("/")
    if "{" not in path:
        return f'"{path}"'
    names = {parameter.name: parameter.python_name for parameter in operation.parameters}
    return 'f"' + re.sub(r"\{(\w+)\}", lambda m: "{quote(" + names[m.group(1)] + ", safe='')}", path) + '"'


def _render_body(operation: Operation) -> str:
    for parameter in operation.parameters:
        if parameter.kind == "body":
            name = parameter.python_name
            if (operation.resource, parameter.name) in BARE_BODIES:
                return name
            whole = f'{{"{parameter.name}": {name}}}'
            return whole if parameter.required else f"None if {name} is None else {whole}"
    return "None"


def main() -> int:
    parser = argparse.ArgumentParser(description="Generate the typed ARI client from Asterisk's resource files.")
    parser.add_argument("folder", type=Path, help="Asterisk's share/asterisk/rest-api")
    parser.add_argument("--out", type=Path, default=DEFAULT_OUT)
    parser.add_argument("--check", action="store_true", help="write nothing, exit 1 on a difference")
    options = parser.parse_args()
    wanted = render(read(options.folder))
    if options.check:
        stale = [name for name, text in wanted.items() if _content(options.out / name) != text]
        if stale:
            print(f"out of date: {', '.join(stale)}", file=sys.stderr)
        return 1 if stale else 0
    options.out.mkdir(parents=True, exist_ok=True)
    for name, text in wanted.items():
        (options.out / name).write_text(text)
    return 0


def _content(path: Path) -> str | None:
    return path.read_text() if path.is_file() else None


if __name__ == "__main__":
    sys.exit(main())
