from shared.state.keys import Keys


def test_every_key_is_of_the_account_and_of_its_own() -> None:
    keys = Keys("main")
    plain = [getattr(keys, name) for name, value in vars(Keys).items() if isinstance(value, property)]
    made = [
        keys.ledger("d", "m"),
        keys.budget("2025-12-01"),
        keys.reservation("r"),
        keys.lease("executor"),
        keys.fence("executor"),
        keys.members("scanner"),
    ]
    everything = plain + made
    assert len(set(everything)) == len(everything)
    assert all(key.startswith("mr:main:") for key in everything)
    assert not set(everything) & {getattr(Keys("other"), name) for name, value in vars(Keys).items() if isinstance(value, property)}
