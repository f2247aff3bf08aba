"""Sessions and tokens follow from the password and hold nothing of it."""

import pytest

from services.dashboard.keyring import SESSION_S, Keyring

NOW = 1_764_590_400_000


@pytest.fixture(scope="module")
def locked() -> Keyring:
    return Keyring("correct horse", "main")


async def test_only_the_password_fits(locked: Keyring):
    assert await locked.password_fits("correct horse")
    assert not await locked.password_fits("correct horse ")
    assert not await locked.password_fits("")


def test_sessions_expire_and_end(locked: Keyring):
    cookie = locked.new_session(NOW)
    assert locked.session_valid(cookie, NOW)
    assert not locked.session_valid(cookie, NOW + SESSION_S * 1000)
    locked.end_session(cookie, NOW)
    assert not locked.session_valid(cookie, NOW)
    assert locked.session_valid(locked.new_session(NOW), NOW)


@pytest.mark.parametrize("forged", ["", ".", "a.b.c", "99999999999999.x.", "nonsense", "é.é.é"])
def test_what_we_did_not_sign_is_not_a_session(locked: Keyring, forged: str):
    assert not locked.session_valid(forged, NOW)


def test_a_longer_life_cannot_be_written_into_a_cookie(locked: Keyring):
    until, nonce, signature = locked.new_session(NOW).split(".")
    assert not locked.session_valid(f"{int(until) + 1}.{nonce}.{signature}", NOW)


def test_replicas_with_one_password_agree_and_others_do_not(locked: Keyring):
    twin, other, elsewhere = Keyring("correct horse", "main"), Keyring("battery staple", "main"), Keyring("correct horse", "second")
    cookie = locked.new_session(NOW)
    assert twin.session_valid(cookie, NOW)
    assert twin.csrf_fits(locked.csrf(cookie), cookie)
    assert twin.api_token_fits(locked.api_token)
    for stranger in (other, elsewhere):
        assert not stranger.session_valid(cookie, NOW)
        assert not stranger.api_token_fits(locked.api_token)


def test_the_forgery_token_belongs_to_its_session(locked: Keyring):
    one, two = locked.new_session(NOW), locked.new_session(NOW)
    assert locked.csrf_fits(locked.csrf(one), one)
    assert not locked.csrf_fits(locked.csrf(one), two)


def test_without_a_password_there_is_a_token_and_no_session():
    one, two = Keyring("", "main"), Keyring("", "main")
    assert not one.locked
    assert one.csrf_fits(one.csrf(""), "whatever")
    assert not two.csrf_fits(one.csrf(""), "")
    assert not one.api_token_fits(one.api_token)
