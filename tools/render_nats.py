"""Writes deploy/nats/nats.conf: one user per service, whose rights follow from what the service publishes, consumes and follows."""

import sys
from dataclasses import dataclass
from pathlib import Path

from shared.contracts import topic
from shared.contracts.topic import Topic

ROOT = Path(__file__).parents[1]
CONFIG = ROOT / "deploy" / "nats" / "nats.conf"


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """`consumes`: durable names by topic. `follows`: streams that are read without a durable. `hears`: core subjects."""

    name: str
    note: str
    publishes: tuple[Topic, ...] = ()
    consumes: tuple[tuple[str, Topic], ...] = ()
    follows: tuple[str, ...] = ()
    hears: tuple[Topic, ...] = ()
    inboxes: tuple[str, ...] = ()
    manages: bool = False

    @property
    def durables(self) -> list[tuple[str, str, str]]:
        """Stream, durable and filter of each consumer."""
        return [(of.stream.name, durable, of.pattern) for durable, of in self.consumes if of.stream is not None]


_AI = (topic.AI_RECEIPT, topic.AI_PLAYBOOK, topic.AI_POSTMORTEM, topic.AI_TUNING, topic.AI_BUDGET, topic.AI_LEARNING)
_LEARNT_FROM = (topic.CANDIDATE, topic.SKIP, topic.CANDLE, topic.PLANNED, topic.POSITION_EVENT, topic.TRADE_CLOSED)


def _own(service: str, *topics: Topic, part: str = "") -> tuple[tuple[str, Topic], ...]:
    """Durables as the runtime names them."""
    return tuple((f"{service}-{part}{of.name.replace('.', '-')}", of) for of in topics)


ROLES = (
    Role(
        name="provision",
        note="the one-shot job and a person's commands; the only user that manages streams; it reads the guard's answers",
        publishes=(topic.CONTROL_COMMAND, topic.STOP_MOVE),
        follows=("BRACKET",),
        inboxes=("cli",),
        manages=True,
    ),
    Role(
        name="scanner",
        note="reads the candles that it published before a restart",
        publishes=(topic.CANDLE, topic.CANDIDATE, topic.SKIP, topic.ALERT_RAISED),
        consumes=_own("scanner", topic.TRADE_CLOSED),
        follows=("MD",),
    ),
    Role(name="sentinel", note="judges, never orders", publishes=(topic.SENTINEL_STATE, topic.ALERT_RAISED)),
    Role(
        name="advisor",
        note="decides, never orders; the one that learns has durables of its own",
        publishes=(topic.PLANNED, *_AI, topic.ALERT_RAISED),
        consumes=(*_own("advisor", topic.CANDIDATE), *_own("advisor", *_LEARNT_FROM, part="learner-")),
    ),
    Role(
        name="executor",
        note="the truth about orders, positions and trades",
        publishes=(topic.ORDER_EVENT, topic.POSITION_EVENT, topic.TRADE_CLOSED, topic.ALERT_RAISED),
        consumes=_own("executor", topic.PLANNED, topic.CONTROL_COMMAND),
    ),
    Role(
        name="bracket_guard",
        note="protects; works without NATS, too",
        publishes=(topic.BRACKET_EVENT, topic.ALERT_RAISED),
        consumes=_own("bracket_guard", topic.POSITION_EVENT, topic.STOP_MOVE),
    ),
    Role(
        name="dashboard",
        note="follows everything through consumers that live for a minute; commands of people; also `mraster` in its container",
        publishes=(topic.CONTROL_COMMAND, topic.STOP_MOVE, topic.CONFIG_CHANGED, topic.ALERT_RAISED),
        follows=("*",),
        hears=(topic.HEARTBEAT, topic.LOG),
        inboxes=("dashboard", "cli"),
    ),
)

_HEAD = """\
# Written by tools/render_nats.py (`make generate`); change the roles there.
# nats-server for the containers: one user per service, with what its code does and nothing more.
# The passwords come from a secret that `make secrets` makes.
include ./passwords.conf

server_name: mraster-nats
listen: "0.0.0.0:4222"
http: "0.0.0.0:8222"  # monitoring without a login: never published
max_payload: 1MB
max_connections: 256
max_pending: 16MB
write_deadline: "5s"
ping_interval: "10s"
ping_max: 2

jetstream {
  store_dir: "/data"
  max_mem: 64MB
  max_file: 8GB
  sync_interval: always  # on disk before it is confirmed: a power cut loses no confirmed order
}
"""


def publish_rights(role: Role) -> list[str]:
    """Subjects that a role may publish on; requests to JetStream are publishes, too."""
    rights = [of.pattern for of in role.publishes]
    if role.manages:
        rights += [f"$JS.API.STREAM.{action}.*" for action in ("CREATE", "UPDATE", "INFO")]
        return rights + _following(role)
    rights += [f"hb.v1.{role.name}.*", f"log.v1.{role.name}.*", f"dlq.v1.{role.name}.*"]
    rights += [f"$JS.API.STREAM.INFO.{stream}" for stream in sorted({stream for stream, _, _ in role.durables} - set(role.follows))]
    for stream, durable, pattern in role.durables:
        rights += [
            f"$JS.API.CONSUMER.INFO.{stream}.{durable}",
            f"$JS.API.CONSUMER.CREATE.{stream}.{durable}.{pattern}",
            f"$JS.API.CONSUMER.MSG.NEXT.{stream}.{durable}",
            f"$JS.ACK.{stream}.{durable}.>",
            f"$JS.ACK.*.*.{stream}.{durable}.>",
        ]
    return rights + _following(role)


def _following(role: Role) -> list[str]:
    """What reading without a durable needs."""
    rights: list[str] = []
    for stream in role.follows:
        info = [] if role.manages else [f"$JS.API.STREAM.INFO.{stream}"]
        rights += [*info, f"$JS.API.CONSUMER.CREATE.{stream}.*", f"$JS.API.CONSUMER.CREATE.{stream}.*.>"]
        rights += [f"$JS.API.CONSUMER.{action}.{stream}.*" for action in ("INFO", "DELETE", "MSG.NEXT")]
    return rights


def publish_bans(role: Role) -> list[str]:
    """Whoever makes consumers of its own must not touch the durables of others; a ban beats a right."""
    if not role.follows:
        return []
    bans: list[str] = []
    for other in ROLES:
        for stream, durable, _ in other.durables if other is not role else []:
            if role.follows in (("*",), (stream,)):
                bans += [f"$JS.API.CONSUMER.CREATE.*.{durable}", f"$JS.API.CONSUMER.CREATE.*.{durable}.>"]
                bans += [f"$JS.API.CONSUMER.{action}.*.{durable}" for action in ("DELETE", "MSG.NEXT")]
    return bans


def subscribe_rights(role: Role) -> list[str]:
    """Answers to its own requests, and the core subjects that it hears."""
    return [*(f"_INBOX_{inbox}.>" for inbox in role.inboxes or (role.name,)), *(of.pattern for of in role.hears)]


def _list(indent: str, subjects: list[str]) -> str:
    return "[\n" + "".join(f'{indent}  "{subject}"\n' for subject in subjects) + f"{indent}]"


def render() -> str:
    """The whole file."""
    users = []
    for role in ROLES:
        bans = f"\n          deny: {_list('          ', publish_bans(role))}" if publish_bans(role) else ""
        users.append(
            f"    # {role.note}\n"
            f"    {{\n      user: {role.name}\n      password: ${role.name.upper()}_PASSWORD\n      permissions: {{\n"
            f"        publish: {{\n          allow: {_list('          ', publish_rights(role))}{bans}\n        }}\n"
            f"        subscribe: {{ allow: {_list('        ', subscribe_rights(role))} }}\n      }}\n    }}\n"
        )
    return f"{_HEAD}\nauthorization {{\n  users: [\n{''.join(users)}  ]\n}}\n"


def main(arguments: list[str]) -> int:
    """`--write` writes the file; otherwise 1 when it is stale."""
    text = render()
    if "--write" in arguments:
        CONFIG.write_text(text, encoding="utf-8")
        return 0
    fresh = CONFIG.is_file() and CONFIG.read_text(encoding="utf-8") == text
    if not fresh:
        print(f"{CONFIG.relative_to(ROOT)} is stale")
    return 0 if fresh else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
