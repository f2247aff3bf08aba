"""The only reader of the environment."""

import os
from collections.abc import Mapping
from pathlib import Path

from shared.config.envfile import read_env_file
from shared.config.resolve import NOTHING, resolve
from shared.config.settings import Settings


def process_environment() -> dict[str, str]:
    """A copy of all variables of this process, for a supervisor that starts children with some of them changed."""
    return dict(os.environ)  # noqa: TID251 - this file is the one place that reads it


def load(
    *,
    environ: Mapping[str, str] | None = None,
    overrides: Mapping[str, str] = NOTHING,
    headless: bool = False,
    env_file: Path | None = None,
) -> Settings:
    """Read, check and build the settings; see `resolve` for the order of precedence.

    Args:
        environ: variables to use instead of those of this process.
        overrides: values changed on the dashboard, by variable.
        headless: start from the values of the command line without a dashboard.
        env_file: a `.env` file, weaker than the variables; it must exist when it is given.

    Raises:
        ConfigError: one line per problem.
    """
    variables = process_environment() if environ is None else environ
    weaker = read_env_file(env_file) if env_file is not None else {}
    stronger = {name: text for name, text in variables.items() if text.strip()}
    return resolve(environment={**weaker, **stronger}, overrides=overrides, headless=headless)
