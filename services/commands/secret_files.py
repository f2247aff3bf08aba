"""The passwords of the containers: made once, written where `docker-compose.yml` takes them from."""

import hashlib
import secrets
from dataclasses import dataclass
from pathlib import Path

from shared.domain.errors import ConfigError

SERVICES = ("scanner", "sentinel", "advisor", "executor", "bracket_guard", "dashboard")
_SIGNED = ("executor", "bracket_guard", "paper_exchange")
_HEADER = "# written by `mraster secrets init`; keep it to yourself\n"


@dataclass(frozen=True, slots=True)
class SecretFiles:
    """File name -> content, and the password that the person needs for the page."""

    files: dict[str, str]
    page_password: str


def make(acl_template: str) -> SecretFiles:
    """New passwords for every user of NATS and Redis, for the paper venue, and for the page.

    Args:
        acl_template: the rules of Redis, with `{service}` where the hash of a password belongs.

    Raises:
        ConfigError: the template names a user that is not known here.
    """
    nats = {name: secrets.token_hex(24) for name in (*SERVICES, "provision")}
    redis = {name: secrets.token_hex(24) for name in (*SERVICES, "operator")}
    page = secrets.token_urlsafe(12)
    key, secret = secrets.token_hex(16), secrets.token_hex(24)
    files = {
        "nats_passwords.conf": _HEADER + "".join(f'{name.upper()}_PASSWORD: "{word}"\n' for name, word in nats.items()),
        "redis_users.acl": _acl(acl_template, redis),
        "provision.env": _HEADER + _addresses("provision", nats["provision"], "operator", redis["operator"]),
        "paper_exchange.env": _HEADER,
    }
    files |= {f"{name}.env": _HEADER + _addresses(name, nats[name], name, redis[name]) for name in SERVICES}
    for name in _SIGNED:
        files[f"{name}.env"] += f"ASTER_PAPER_API_KEY={key}\nASTER_PAPER_API_SECRET={secret}\n"
    files["dashboard.env"] += f"ASTER_DASHBOARD_PASSWORD={page}\n"
    return SecretFiles(files, page)


def _addresses(nats_user: str, nats_word: str, redis_user: str, redis_word: str) -> str:
    return f"ASTER_NATS_URL=nats://{nats_user}:{nats_word}@nats:4222\nASTER_REDIS_URL=redis://{redis_user}:{redis_word}@redis:6379/0\n"


def _acl(template: str, words: dict[str, str]) -> str:
    """Redis gets hashes only: what it is given cannot be used to log in."""
    hashes = {name: f"#{hashlib.sha256(word.encode()).hexdigest()}" for name, word in words.items()}
    try:
        return template.format(**hashes)
    except (KeyError, ValueError, IndexError) as error:
        raise ConfigError(
            f"the rules of Redis name an unknown user: expected one of {', '.join(words)} in braces, found {error}"
        ) from error


def write(found: SecretFiles, folder: Path) -> None:
    """Write all files. Containers run as users of their own and get each file alone, so the folder is what others cannot enter.

    Raises:
        ConfigError: there are passwords already; nothing is changed.
    """
    there = sorted(name for name in found.files if (folder / name).exists())
    if there:
        raise ConfigError(
            f"{folder} has passwords already ({', '.join(there)}); nothing was changed. "
            "The stores know only those: to change them, remove these files, make new ones, and restart all containers"
        )
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    for name, content in found.files.items():
        path = folder / name
        path.write_text(content, encoding="utf-8")
        path.chmod(0o644)
