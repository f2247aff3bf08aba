"""Planted secrets are found nowhere: not in text, dumps, rows, schemas, or messages."""

import json
import traceback
from collections.abc import Iterator
from dataclasses import asdict

import pytest

from shared.config.load import load
from shared.config.registry import DECLARED, MASK, SECTIONS
from shared.config.render import editor_schema, render_env_example, render_markdown
from shared.config.sections.dashboard import Dashboard
from shared.config.settings import Settings
from shared.domain.errors import ConfigError

PLANTED = "pl4nted-s3cret"
SECRETS = [name for name, declared in DECLARED.items() if declared.secret]
ADDRESSES = {
    "ASTER_NATS_URL": f"nats://user:{PLANTED}@a:4222,nats://user:{PLANTED}@b:4222",
    "ASTER_REDIS_URL": f"rediss://:{PLANTED}@cache:6379/0",
    "ASTER_AI_NEWS_ENDPOINT": f"https://news.example.org/v1?auth_token={PLANTED}",
    "ASTER_EXCHANGE_BASE": f"https://a:x@{PLANTED}@venue.example.org",
}


def everything(settings: Settings) -> Iterator[str]:
    yield repr(settings)
    yield str(settings)
    for row in settings.effective():
        yield repr(row)
    yield repr(asdict(settings))
    for name in SECTIONS:
        section = getattr(settings, name)
        yield repr(section)
        yield section.model_dump_json()
        yield repr(section.model_dump())
        yield json.dumps(type(section).model_json_schema(), default=str)


def test_planted_secrets_are_not_shown() -> None:
    environ = dict.fromkeys(SECRETS, PLANTED) | ADDRESSES
    settings = load(environ=environ)
    assert settings.core.api_secret.get_secret_value() == PLANTED
    assert PLANTED in settings.infra.nats_url
    for text in everything(settings):
        assert PLANTED not in text
    assert {row.value for row in settings.effective() if row.name in SECRETS} == {MASK}


def test_an_empty_secret_is_seen_to_be_empty() -> None:
    rows = {row.name: row.value for row in load(environ={}).effective()}
    assert rows["ASTER_API_KEY"] == ""
    assert rows["ASTER_PAPER_API_KEY"] == MASK


def test_built_in_secrets_are_not_in_generated_files() -> None:
    for text in (render_markdown(), render_env_example(), json.dumps(editor_schema())):
        assert "paper-secret" not in text


@pytest.mark.parametrize("name", SECRETS)
def test_a_wrong_secret_is_not_repeated(name: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(environ={name: f"{PLANTED}\x07"})
    assert name in str(caught.value)
    assert PLANTED not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize(
    "text", [f"http://user:{PLANTED}@a", f"nats:/user:{PLANTED}@a", f"nats://user:{PLANTED}/x@a:b", f"user:{PLANTED}@a"]
)
def test_a_wrong_address_does_not_repeat_its_password(text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(environ={"ASTER_NATS_URL": text})
    assert PLANTED not in "".join(traceback.format_exception(caught.value))


def test_the_value_of_an_unknown_variable_is_not_repeated() -> None:
    with pytest.raises(ConfigError) as caught:
        load(environ={"ASTER_API_SECRETT": PLANTED})
    assert "did you mean ASTER_API_SECRET?" in str(caught.value)
    assert PLANTED not in str(caught.value)


def test_a_secret_override_is_refused_without_repeating_it() -> None:
    with pytest.raises(ConfigError) as caught:
        load(environ={}, overrides={"ASTER_API_SECRET": PLANTED})
    assert PLANTED not in str(caught.value)


def test_a_section_built_by_hand_does_not_repeat_input() -> None:
    with pytest.raises(ValueError, match="control characters") as caught:
        Dashboard.model_validate({"password": f"{PLANTED}\n"})
    assert PLANTED not in str(caught.value)
