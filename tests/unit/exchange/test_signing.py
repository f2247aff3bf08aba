"""The string that is signed is the string that is sent."""

from urllib.parse import parse_qsl

from eth_account import Account
from eth_account.messages import encode_typed_data

from shared.exchange.signing import Eip712Signer, HmacSigner, encode

SECRET = "2b5eb11e18796d12d88f13dc27dbbd02c2cc51ff7059765ed9821957d82bb4d9"
PAYLOAD = "symbol=BTCUSDT&side=BUY&type=LIMIT&quantity=1&price=9000&timeInForce=GTC&recvWindow=5000&timestamp=1591702613943"
AGENT_KEY = "0x" + "4c" * 32


def test_hmac_vector():
    signer = HmacSigner("key", SECRET)
    assert signer.signature(PAYLOAD) == "3c661234138461fcc7a7d8746c6558c9842d4e10870d2ecbedf7777cad694af9"


def test_hmac_signs_what_it_returns():
    signer = HmacSigner("key", SECRET)
    params = [("symbol", "BTCUSDT"), ("side", "BUY"), ("type", "LIMIT"), ("quantity", "1"), ("price", "9000"), ("timeInForce", "GTC")]
    text = signer.sign(params, timestamp_ms=1591702613943, recv_window_ms=5000)
    assert text == f"{PAYLOAD}&signature={signer.signature(PAYLOAD)}"
    assert signer.headers() == {"X-MBX-APIKEY": "key"}


def test_hmac_without_parameters_starts_with_the_window():
    text = HmacSigner("key", SECRET).sign([], timestamp_ms=7, recv_window_ms=5000)
    assert text.startswith("recvWindow=5000&timestamp=7&signature=")


def test_non_ascii_symbols_and_lists_are_percent_encoded_once():
    text = encode([("symbol", "币安人生USDT"), ("orderIdList", "[1,2]"), ("note", "a b&c=d+e%")])
    assert text == "symbol=%E5%B8%81%E5%AE%89%E4%BA%BA%E7%94%9FUSDT&orderIdList=%5B1%2C2%5D&note=a%20b%26c%3Dd%2Be%25"
    assert dict(parse_qsl(text))["symbol"] == "币安人生USDT"


def test_agent_signature_recovers_to_the_agent():
    signer = Eip712Signer(AGENT_KEY, user="0x" + "ab" * 20, chain_id=1666)
    text = signer.sign([("symbol", "BTCUSDT"), ("side", "BUY")], timestamp_ms=1_700_000_000_000, recv_window_ms=5000)
    message, _, signature = text.partition("&signature=")
    fields = dict(parse_qsl(message))
    assert fields == {"symbol": "BTCUSDT", "side": "BUY", "nonce": "1700000000000000", "user": "0x" + "ab" * 20, "signer": signer.address}
    typed = encode_typed_data(
        full_message={
            "types": {
                "EIP712Domain": [
                    {"name": "name", "type": "string"},
                    {"name": "version", "type": "string"},
                    {"name": "chainId", "type": "uint256"},
                    {"name": "verifyingContract", "type": "address"},
                ],
                "Message": [{"name": "msg", "type": "string"}],
            },
            "primaryType": "Message",
            "domain": {"name": "AsterSignTransaction", "version": "1", "chainId": 1666, "verifyingContract": "0x" + "0" * 40},
            "message": {"msg": message},
        }
    )
    assert Account.recover_message(typed, signature=signature) == signer.address


def test_nonces_increase_strictly_even_when_time_stands_still_or_steps_back():
    signer = Eip712Signer(AGENT_KEY, chain_id=1666)
    nonces = [signer.next_nonce(ms) for ms in (5, 5, 5, 4, 6, 6)]
    assert nonces == [5000, 5001, 5002, 5003, 6000, 6001]


def test_secrets_do_not_show():
    assert SECRET not in repr(HmacSigner("key", SECRET))
    assert "4c4c" not in repr(Eip712Signer(AGENT_KEY, chain_id=1666)).lower()
