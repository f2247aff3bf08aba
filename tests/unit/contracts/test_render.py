import json
import re
from pathlib import Path
from typing import Any

import pytest

from shared.contracts import render
from shared.contracts.envelope import Envelope
from shared.contracts.registry import MODELS, PAYLOADS
from tests.fakes.samples import GOLDEN, message


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(render.render_asyncapi(render.read_examples(GOLDEN)))
    return loaded


def test_the_generated_files_are_fresh(capsys: pytest.CaptureFixture[str]) -> None:
    assert render.main(["--check"]) == 0, capsys.readouterr().err


def test_a_stale_file_is_named_and_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(render, "ROOT", tmp_path)
    golden = tmp_path / "tests" / "golden" / "messages"
    golden.mkdir(parents=True)
    for name in MODELS:
        (golden / f"{name}.json").write_bytes(message(name))
    assert render.main(["--check"]) == 1
    assert "docs/messages.md is stale" in capsys.readouterr().err
    assert render.main(["--write"]) == 0
    assert render.main(["--check"]) == 0
    (tmp_path / "docs" / "asyncapi.json").write_text("{}")
    assert render.main(["--check"]) == 1


@pytest.mark.parametrize("arguments", [[], ["--help"], ["--write", "--check"]])
def test_other_arguments_are_refused(arguments: list[str]) -> None:
    assert render.main(arguments) == 2


@pytest.mark.parametrize("model", PAYLOADS, ids=lambda model: model.topic.name)
def test_the_page_tells_each_topic_with_all_its_fields(model: Any) -> None:
    page = render.render_markdown(render.read_examples(GOLDEN))
    section = page.split(f"\n### {model.topic.name}\n", 1)[1].split("\n### ", 1)[0]
    assert f"`{model.topic.pattern}`" in section
    for field in model.model_fields:
        assert f"| `{field}` |" in section
    example = json.loads(section.split("```json\n", 1)[1].split("```", 1)[0])
    assert example == json.loads(message(model.topic.name))
    widths = {line.count(" | ") for line in section.splitlines() if line.startswith("| `")}
    assert widths == {3}, "each row has its four cells"


def test_every_reference_in_the_document_leads_somewhere(document: dict[str, Any]) -> None:
    references = set(re.findall(r'"\$ref": "([^"]+)"', json.dumps(document)))
    assert references
    for reference in references:
        node: Any = document
        for part in reference.removeprefix("#/").split("/"):
            node = node[part]


def test_each_channel_names_its_parameters_and_message(document: dict[str, Any]) -> None:
    assert document["asyncapi"] == "3.0.0"
    assert set(document["channels"]) == set(MODELS)
    for name, channel in document["channels"].items():
        assert re.findall(r"{(\w+)}", channel["address"]) == list(channel.get("parameters", {}))
        assert list(channel["messages"]) == [MODELS[name].__name__]


@pytest.mark.parametrize("name", MODELS)
def test_the_schema_describes_the_golden_message(document: dict[str, Any], name: str) -> None:
    schemas, golden = document["components"]["schemas"], json.loads(message(name))
    assert set(golden) == set(Envelope.model_fields) == set(schemas["Envelope"]["required"])
    body = schemas[MODELS[name].__name__]
    assert set(golden["data"]) == set(body["properties"])
    assert set(body.get("required", [])) == {field for field, info in MODELS[name].model_fields.items() if info.is_required()}
    for field, value in golden["data"].items():
        assert fits(value, body["properties"][field], schemas), f"{field}: {value!r} against {body['properties'][field]}"


def fits(value: Any, schema: dict[str, Any], schemas: dict[str, Any]) -> bool:
    """As much of JSON Schema as the models use."""
    if "$ref" in schema:
        return fits(value, schemas[schema["$ref"].rsplit("/", 1)[1]], schemas)
    if "anyOf" in schema:
        return any(fits(value, option, schemas) for option in schema["anyOf"])
    kinds: dict[str, Any] = {
        "string": str,
        "integer": int,
        "number": (int, float),
        "boolean": bool,
        "object": dict,
        "array": list,
        "null": type(None),
    }
    if not isinstance(value, kinds[schema["type"]]) or (isinstance(value, bool) and schema["type"] != "boolean"):
        return False
    if isinstance(value, str):
        return value in schema.get("enum", [value]) and re.search(schema.get("pattern", ""), value) is not None
    if isinstance(value, dict):
        inner = schema.get("properties", {})
        return all(fits(v, inner.get(k) or schema["additionalProperties"], schemas) for k, v in value.items())
    return not isinstance(value, list) or all(fits(item, schema["items"], schemas) for item in value)
