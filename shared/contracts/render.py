"""The message reference and the AsyncAPI document, both from the registry.

`python -m shared.contracts.render --write` writes `docs/messages.md` and `docs/asyncapi.json`; `--check` fails when they are
stale. The examples are the golden messages of the tests.
"""

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from shared.contracts.envelope import Envelope, Payload
from shared.contracts.fields import Row, sentences, table
from shared.contracts.registry import PAYLOADS
from shared.contracts.topic import DAY_S, STREAMS, StreamSpec, Topic

ROOT = Path(__file__).parents[2]
_SCHEMAS = "#/components/schemas/"

_INTRO = """\
# Messages

Everything that services tell each other, generated from `shared/contracts` (`python -m shared.contracts.render --write`).
The same as a machine-readable document: `asyncapi.json`.

Messages are JSON in UTF-8. Within `v1` they only grow: readers ignore keys they do not know, and a key that is always there
stays. Money, prices and quantities are decimals written as text, so that no digit is lost; indicators and scores are JSON
numbers. Times are UTC epoch milliseconds. NaN and infinity are never sent.

A message's id is also its `Nats-Msg-Id`: a stream stores the same id once within its window. A body that does not fit its
model goes to the dead letters.
"""


def render_markdown(examples: Mapping[str, Any]) -> str:
    """The reference page; `examples` holds one message for each topic name."""
    parts = [_INTRO, "## Envelope\n", _table(table(Envelope)), "## Streams\n", _streams(), "## Topics\n"]
    parts += [f"- [`{model.topic.name}`](#{_anchor(model.topic)}): {sentences(model)[0]}" for model in PAYLOADS]
    parts += [_topic(model, examples[model.topic.name]) for model in PAYLOADS]
    return "\n".join(parts)


def _anchor(topic: Topic) -> str:
    return topic.name.replace(".", "")


def _retention(stream: StreamSpec | None) -> str:
    if stream is None:
        return "not stored (core subject): whoever does not listen misses it"
    if stream.max_age_s is None:
        return f"{stream.name}, kept without an age limit"
    days, rest = divmod(stream.max_age_s, DAY_S)
    return f"{stream.name}, kept for {f'{days} days' if not rest else f'{stream.max_age_s} s'}"


def _streams() -> str:
    lines = ["| stream | subjects | kept | at most | same id is stored once within |", "|---|---|---|---|---|"]
    for stream in STREAMS:
        kept = "no age limit" if stream.max_age_s is None else f"{stream.max_age_s // DAY_S} days"
        subjects = ", ".join(f"`{subject}`" for subject in stream.subjects)
        lines.append(f"| {stream.name} | {subjects} | {kept} | {stream.max_bytes // 2**20} MiB | {stream.dedupe_s} s |")
    return "\n".join([*lines, ""])


def _address(topic: Topic) -> str:
    return ".".join((topic.prefix, *(f"{{{key}}}" for key in topic.keys)))


def _topic(model: type[Payload], example: Any) -> str:
    topic = model.topic
    parts = [f"\n### {topic.name}\n", f"{_about(model)}\n", f"- Subject: `{_address(topic)}` (all: `{topic.pattern}`)"]
    parts += [f"- Stream: {_retention(topic.stream)}", f"- Model: `{model.__module__}.{model.__name__}`"]
    parts += [f"- Identity: {sentences(model.identity)[0]}\n", _table(table(model))]
    parts += [f"```json\n{json.dumps(example, indent=2, ensure_ascii=False)}\n```"]
    return "\n".join(parts)


def _about(model: type[Payload]) -> str:
    """The model's docstring, and what its parents say beyond their first line."""
    parents = (parent for parent in model.__mro__[1:] if issubclass(parent, Payload) and parent is not Payload)
    return "\n\n".join([*sentences(model), *(text for parent in parents for text in sentences(parent)[1:])])


def _table(rows: Sequence[Row]) -> str:
    lines = ["| field | type | default | meaning |", "|---|---|---|---|"]
    lines += [f"| `{row.name}` | {row.type} | {row.default} | {row.meaning} |".replace(" |  |", " | |") for row in rows]
    return "\n".join([*lines, ""])


def render_asyncapi(examples: Mapping[str, Any]) -> str:
    """The AsyncAPI 3.0 document as JSON text."""
    models: list[type[BaseModel]] = [Envelope, *PAYLOADS]
    _, made = models_json_schema([(model, "serialization") for model in models], ref_template=_SCHEMAS + "{model}")
    schemas = dict(made["$defs"]) | {f"{model.__name__}Message": _wire_schema(model) for model in PAYLOADS}
    document = {
        "asyncapi": "3.0.0",
        "info": {
            "title": "MrAster messages",
            "version": "1.0.0",
            "description": "Facts and commands on NATS. Within v1 messages only grow: unknown keys must be ignored.",
        },
        "defaultContentType": "application/json",
        "channels": {model.topic.name: _channel(model) for model in PAYLOADS},
        "components": {
            "messages": {model.__name__: _message(model, examples[model.topic.name]) for model in PAYLOADS},
            "schemas": schemas,
        },
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _wire_schema(model: type[Payload]) -> dict[str, Any]:
    body = {"type": {"const": model.topic.name}, "data": {"$ref": _SCHEMAS + model.__name__}}
    return {"allOf": [{"$ref": _SCHEMAS + Envelope.__name__}, {"type": "object", "properties": body}]}


def _channel(model: type[Payload]) -> dict[str, Any]:
    topic = model.topic
    channel: dict[str, Any] = {
        "address": _address(topic),
        "title": topic.name,
        "description": f"{_about(model)}\n\nStream: {_retention(topic.stream)}.",
        "messages": {model.__name__: {"$ref": f"#/components/messages/{model.__name__}"}},
    }
    if topic.keys:
        channel["parameters"] = {key: {"description": f"{key} of the message, as one subject token"} for key in topic.keys}
    return channel


def _message(model: type[Payload], example: Any) -> dict[str, Any]:
    header = {"type": "string", "description": f"The message's id. {sentences(model.identity)[0]}"}
    return {
        "name": model.__name__,
        "title": model.topic.name,
        "summary": sentences(model)[0],
        "headers": {"type": "object", "properties": {"Nats-Msg-Id": header}},
        "payload": {"$ref": f"{_SCHEMAS}{model.__name__}Message"},
        "examples": [{"payload": example}],
    }


def read_examples(golden: Path) -> dict[str, Any]:
    """One message for each topic, from `<topic>.json` files in a folder."""
    return {model.topic.name: json.loads((golden / f"{model.topic.name}.json").read_bytes()) for model in PAYLOADS}


def outputs() -> dict[Path, str]:
    """The generated files with their content."""
    examples = read_examples(ROOT / "tests" / "golden" / "messages")
    return {ROOT / "docs" / "messages.md": render_markdown(examples), ROOT / "docs" / "asyncapi.json": render_asyncapi(examples)}


def main(arguments: Sequence[str]) -> int:
    """Write or check the generated files; the exit code."""
    if list(arguments) not in (["--write"], ["--check"]):
        sys.stderr.write("expected --write or --check\n")
        return 2
    stale = [path for path, text in outputs().items() if not path.exists() or path.read_text(encoding="utf-8") != text]
    if arguments[0] == "--write":
        for path in stale:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(outputs()[path], encoding="utf-8")
        return 0
    for path in stale:
        sys.stderr.write(f"{path.relative_to(ROOT)} is stale: run python -m shared.contracts.render --write\n")
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
