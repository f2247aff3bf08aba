"""`.env` files: what is read, what is refused, and who wins."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.config.envfile import parse_env, read_env_file
from shared.config.load import load
from shared.config.settings import Source
from shared.domain.errors import ConfigError


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("A=1", "1"),
        ("  export A = 1  ", "1"),
        ("A=", ""),
        ("A= # nothing", ""),
        ("A=1 # one", "1"),
        ("A=a#b", "a#b"),
        ("A='a # b' # c", "a # b"),
        ('A="a b"', "a b"),
        ('A="it\'s"', "it's"),
        ("A=b=c", "b=c"),
        ("\ufeffA=1", "1"),
    ],
)
def test_lines(line: str, value: str) -> None:
    assert parse_env(line) == {"A": value}


def test_comments_empty_lines_and_repetition() -> None:
    assert parse_env("# A=0\n\nA=1\r\nB=2\nA=3\n") == {"A": "3", "B": "2"}


def test_wrong_lines_are_named_but_not_repeated() -> None:
    with pytest.raises(ConfigError) as caught:
        parse_env("A=1\nsecret words\nB=2\n=x\n", name="my.env")
    assert str(caught.value) == "my.env: expected KEY=VALUE, found something else in line 2, 4"


def test_the_environment_wins_unless_it_is_empty(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("ASTER_LEVERAGE=3\nASTER_ACCOUNT=two\nASTER_QUOTE=USDC\nOTHER=1\n", encoding="utf-8")
    loaded = load(environ={"ASTER_LEVERAGE": "4", "ASTER_ACCOUNT": ""}, env_file=file)
    assert (loaded.risk.leverage, loaded.core.account, loaded.core.quote) == (4, "two", "USDC")
    assert loaded.source("ASTER_QUOTE") is Source.ENVIRONMENT


def test_unknown_names_in_the_file_are_refused(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("ASTER_LEVERGE=3\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="did you mean ASTER_LEVERAGE"):
        load(environ={}, env_file=file)


def test_unreadable_files(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="FileNotFoundError"):
        read_env_file(tmp_path / "missing")
    binary = tmp_path / "binary"
    binary.write_bytes(b"\xff\xfe\x00A")
    with pytest.raises(ConfigError, match="UnicodeDecodeError"):
        read_env_file(binary)


@given(st.text(max_size=80))
def test_junk_is_refused_or_read(text: str) -> None:
    try:
        found = parse_env(text)
    except ConfigError:
        return
    assert all(key.isidentifier() for key in found)
