import json
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from shared.state.snapshot import VERSION, Flaw, Snapshot, SnapshotUnusable, decode, encode, for_account
from shared.state.state_file import StateFile, load

words = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
numbers = st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False)
values = st.recursive(
    st.none() | st.booleans() | numbers | words, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(words, inner)
)
sections = st.dictionaries(words, st.dictionaries(words, values, max_size=4), max_size=4)


def made(found: dict[str, dict[str, Any]] | None = None, **changes: Any) -> Snapshot:
    parts = found if found is not None else {"learning": {"current": {"number": 3}}}
    fields: dict[str, Any] = {"account": "main", "written_ms": 1_700_000_000_000, "writer": "advisor-1", "serial": 1, "sections": parts}
    return Snapshot(**fields | changes)


@given(sections)
@example({"learning": {"draft": {"x": [0.1, 5e-324, -0.0, 1e300]}}})
def test_what_is_written_is_read(found: dict[str, dict[str, Any]]) -> None:
    snapshot = made(found)
    again = decode(encode(snapshot))
    assert again == snapshot
    assert encode(again) == encode(snapshot)


@settings(max_examples=200)
@given(st.data())
def test_one_changed_byte_never_passes_for_another_state(data: st.DataObject) -> None:
    whole = encode(made({"learning": {"current": {"number": 3}, "report": {"edge": 0.25, "names": ["a", "b"]}}}))
    place = data.draw(st.integers(0, len(whole) - 1))
    changed = bytearray(whole)
    changed[place] = data.draw(st.integers(0, 255))
    try:
        again = decode(bytes(changed))
    except SnapshotUnusable:
        return
    assert again.sections == decode(whole).sections


@given(st.integers(0, 400))
def test_a_part_of_a_file_is_not_a_file(length: int) -> None:
    whole = encode(made())
    with pytest.raises(SnapshotUnusable) as caught:
        decode(whole[: min(length, len(whole) - 3)])
    assert caught.value.flaw is Flaw.CORRUPT


@given(st.binary(max_size=200) | values.map(orjson.dumps))
def test_anything_else_is_refused_with_a_reason(data: bytes) -> None:
    with pytest.raises(SnapshotUnusable) as caught:
        decode(data)
    assert str(caught.value)


def edited(**changes: Any) -> bytes:
    return orjson.dumps(orjson.loads(encode(made())) | changes)


@pytest.mark.parametrize(
    ("data", "flaw", "words_"),
    [
        (edited(version=VERSION + 1), Flaw.NEWER, "newer MrAster"),
        (edited(version=0), Flaw.CORRUPT, "version"),
        (edited(version=True), Flaw.CORRUPT, "version"),
        (edited(version="1"), Flaw.CORRUPT, "version"),
        (edited(kind="other"), Flaw.CORRUPT, "kind"),
        (edited(sha256="0" * 64), Flaw.CORRUPT, "checksum"),
        (edited(sha256="x"), Flaw.CORRUPT, "sha256"),
        (edited(sections={"learning": {"current": {"number": 4}}}), Flaw.CORRUPT, "checksum"),
        (edited(sections={"learning": 1}), Flaw.CORRUPT, "sections"),
        (edited(extra=1), Flaw.CORRUPT, "extra"),
        (edited(serial=-1), Flaw.CORRUPT, "serial"),
        (orjson.dumps({"trade_history": [], "live_trades": {}}), Flaw.ORIGINAL, "mraster import"),
        (b"[]", Flaw.CORRUPT, "object"),
        (b"", Flaw.CORRUPT, "JSON"),
    ],
)
def test_each_flaw_has_its_name(data: bytes, flaw: Flaw, words_: str) -> None:
    with pytest.raises(SnapshotUnusable, match=words_) as caught:
        decode(data)
    assert (caught.value.flaw, caught.value.code) == (flaw, f"snapshot_{flaw.value}")


def test_another_account_is_refused() -> None:
    assert for_account(made(), "main") == made()
    with pytest.raises(SnapshotUnusable, match="account 'other'"):
        for_account(made(), "other")


def test_the_file_is_replaced_and_the_one_before_is_kept(tmp_path: Path) -> None:
    file = StateFile(tmp_path / "deep" / "aster_state.json", "main")
    assert file.read().snapshot is None
    for number in (1, 2, 3):
        assert file.write(made({"learning": {"current": {"number": number}}})) == []
    assert load(file.path).sections["learning"]["current"] == {"number": 3}
    assert load(file.previous).sections["learning"]["current"] == {"number": 2}
    assert (load(file.path).serial, load(file.previous).serial) == (3, 2)
    assert sorted(path.name for path in file.path.parent.iterdir()) == ["aster_state.json", "aster_state.json.previous"]
    assert file.path.stat().st_mode & 0o777 == 0o600


def test_another_process_goes_on_with_the_numbers(tmp_path: Path) -> None:
    for expected in (1, 2):
        StateFile(tmp_path / "state", "main").write(made())
        assert load(tmp_path / "state").serial == expected


def test_a_broken_file_gives_way_to_the_previous_one_and_says_so(tmp_path: Path) -> None:
    file = StateFile(tmp_path / "state", "main")
    file.write(made({"learning": {"n": {"v": 1}}}))
    file.write(made({"learning": {"n": {"v": 2}}}))
    file.path.write_bytes(file.path.read_bytes()[:-20])
    found = file.read()
    assert found.snapshot is not None
    assert found.snapshot.sections["learning"] == {"n": {"v": 1}}
    assert len(found.problems) == 1
    assert "expected JSON" in found.problems[0]


@pytest.mark.parametrize(
    ("content", "flaw"),
    [
        (b"{ half a", "corrupt"),
        (edited(version=VERSION + 1), "newer"),
        (encode(made(account="other")), "foreign"),
        (json.dumps({"trade_history": [{"symbol": "BTCUSDT"}]}).encode(), "original"),
    ],
)
def test_what_cannot_be_used_is_never_overwritten(tmp_path: Path, content: bytes, flaw: str) -> None:
    path = tmp_path / "state"
    path.write_bytes(content)
    file = StateFile(path, "main")
    found = file.read()
    assert found.snapshot is None
    assert len(found.problems) == 1
    notes = file.write(made())
    assert len(notes) == 1
    kept = next(item for item in tmp_path.iterdir() if flaw in item.name)
    assert str(kept) in notes[0]
    assert kept.read_bytes() == content
    assert load(path) == made()
    path.write_bytes(content)  # once more, while we run
    assert len(file.write(made())) == 1
    assert len([item for item in tmp_path.iterdir() if flaw in item.name]) == 2


def test_left_overs_of_a_killed_writer_go(tmp_path: Path) -> None:
    (tmp_path / "state.advisor-9.tmp").write_bytes(b"half")
    StateFile(tmp_path / "state", "main").write(made())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["state"]


def test_a_folder_that_cannot_be_written_is_an_error_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="file"):
        StateFile(tmp_path / "file" / "state", "main").write(made())


@pytest.mark.parametrize("name", ["state", "state.previous"])
def test_a_file_that_cannot_be_read_now_is_told_from_one_that_holds_nothing(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.symlink_to(path)
    found = StateFile(tmp_path / "state", "main").read()
    assert (found.snapshot, len(found.problems), found.unreadable) == (None, 1, True)
    path.unlink()
    path.write_bytes(b"junk")
    found = StateFile(tmp_path / "state", "main").read()
    assert (found.snapshot, len(found.problems), found.unreadable) == (None, 1, False)


def test_a_writing_that_may_not_be_made_any_more_leaves_what_is_there(tmp_path: Path) -> None:
    file = StateFile(tmp_path / "state", "main")
    file.write(made({"learning": {"n": {"v": 1}}}))
    with pytest.raises(OSError, match="too late"):
        file.write(made({"learning": {"n": {"v": 2}}}), lambda: False)
    assert load(file.path).sections["learning"] == {"n": {"v": 1}}
    assert not list(tmp_path.glob("*.tmp"))
    file.write(made({"learning": {"n": {"v": 3}}}))
    assert load(file.path).sections["learning"] == {"n": {"v": 3}}


def test_a_writing_that_hangs_does_not_replace_what_another_wrote_meanwhile(tmp_path: Path) -> None:
    file = StateFile(tmp_path / "state", "main")
    file.write(made({"learning": {"n": {"v": 1}}}))

    def meanwhile() -> bool:
        StateFile(tmp_path / "state", "main").write(made({"learning": {"n": {"v": 9}}}))
        return True

    with pytest.raises(OSError, match="state"):
        file.write(made({"learning": {"n": {"v": 2}}}), meanwhile)
    assert load(file.path).sections["learning"] == {"n": {"v": 9}}
