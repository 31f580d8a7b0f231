"""Tokens stand for texts: found again by their vault, and by no other."""

from __future__ import annotations

import re
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policyengine.errors import StateError
from policyengine.state.keys import Keys
from policyengine.state.memory import MemoryStore
from policyengine.state.sqlite import SqliteStore
from policyengine.state.store import Row

pytest.importorskip("cryptography", reason="the vault needs the extra `vault`")
from policyengine.state.vault import Vault

OLD, NEW = {"old": b"o" * 32}, {"new": b"n" * 16}


class Clock:
    now = 1_000.0

    def __call__(self) -> float:
        return self.now


def vault(store: MemoryStore | None = None, **more: object) -> Vault:
    more = {"keys": NEW, "clock": Clock(), **more}
    return Vault(store or MemoryStore(), **more)  # type: ignore[arg-type]


@given(st.lists(st.text(min_size=1), max_size=4), st.text(alphabet="[tok_A]abc ", max_size=9))
def test_what_was_replaced_comes_back(texts: list[str], between: str) -> None:
    one = vault()
    whole = between.join(one.token("PERSON", text) for text in texts)
    assert one.detokenise(whole) == (between.join(texts), len(texts), ())


PARTS = ["[", "[tok_", "a", "]", "A_", "[tok_A_", "Ada", "K"]


@given(st.lists(st.sampled_from(PARTS), max_size=20), st.integers(1, 50))
def test_tokens_in_pieces_come_back(parts: list[str], size: int) -> None:
    one = vault()
    tokens = {"Ada": one.token("PERSON", "Ada"), "K": one.token("K" * 64, "k")}
    text = "".join(tokens.get(part, part) for part in parts)
    restoring = one.restoring()
    sent = "".join(restoring.feed(text[at : at + size]) for at in range(0, len(text), size))
    whole = one.detokenise(text)
    assert sent + restoring.close() == whole.text
    assert tuple(restoring.unknown) == whole.unknown


def test_text_without_tokens_is_not_held_back() -> None:
    restoring = vault().restoring()
    assert [restoring.feed(text) for text in ["a [b", "[", "to", "m] [tok_x.", "[" * 200]] == [
        "a [b", "", "", "[tom] [tok_x.", "[" * 199]  # fmt: skip
    assert restoring.close() == "["


def test_one_text_has_one_token_and_types_do_not_share_it() -> None:
    one = vault()
    token = one.token("PERSON", "Ada")
    assert re.fullmatch(r"\[tok_PERSON_[a-z2-7]{26}\]", token)
    assert one.token("PERSON", "Ada") == token
    assert len({token, one.token("PERSON", "ada"), one.token("CITY", "Ada")}) == 3
    assert one.detokenise(token.replace("PERSON", "CITY")).restored == 0


@pytest.mark.parametrize("kind", ["my kind]", "K" * 200, ""])
def test_odd_types_make_tokens_that_are_found(kind: str) -> None:
    one = vault()
    assert one.detokenise(one.token(kind, "x")).text == "x"
    assert one.forget_text(kind, "x")


def test_tenants_of_one_store_are_apart() -> None:
    store = MemoryStore()
    acme, other = vault(store, tenant="acme"), vault(store, tenant="other")
    token = acme.token("PERSON", "Ada")
    assert other.detokenise(token) == (token, 0, (token,))
    assert other.token("PERSON", "Ada") != token
    assert not other.forget(token)
    assert acme.detokenise(token).text == "Ada"


def test_neither_texts_nor_keys_stand_in_the_store(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "vault.db")
    one = Vault(store, keys=NEW)
    one.token("PERSON", "Ada Lovelace")
    store.close()
    data = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert b"Ada" not in data
    assert b"nnnn" not in data
    assert b"#" in data
    assert "nnnn" not in repr(one)


def test_equal_texts_do_not_look_equal_in_the_store() -> None:
    store = MemoryStore()
    for tenant in "ab":
        vault(store, tenant=tenant).token("PERSON", "Ada")
    values = [row.value for row in store._rows.values()]
    assert len(set(values)) == len(values) == 4


def test_tokens_live_as_long_as_they_are_used() -> None:
    clock = Clock()
    one = vault(clock=clock, ttl=100)
    token = one.token("PERSON", "Ada")
    clock.now += 60
    assert one.token("PERSON", "Ada") == token
    clock.now += 90
    assert one.detokenise(token).text == "Ada"
    clock.now += 20
    assert one.detokenise(f"a {token}") == (f"a {token}", 0, (token,))
    assert one.purge() == 2
    assert one.token("PERSON", "Ada") != token


def test_what_is_forgotten_is_gone() -> None:
    store = MemoryStore()
    one = vault(store)
    first, second = one.token("PERSON", "Ada"), one.token("PERSON", "Bob")
    assert one.forget(first)
    assert not one.forget(first)
    assert one.forget_text("PERSON", "Bob")
    assert not one.forget_text("PERSON", "Bob")
    assert store._rows == {}
    assert one.detokenise(first + second).unknown == (first, second)
    assert not one.forget("no token")


def test_keys_can_be_changed() -> None:
    store = MemoryStore()
    token = vault(store, keys=OLD).token("PERSON", "Ada")
    both = vault(store, keys=NEW | OLD)
    assert both.detokenise(token).text == "Ada"
    assert both.token("PERSON", "Ada") == token
    fresh = both.token("PERSON", "Bob")
    assert vault(store, keys=NEW).detokenise(fresh).text == "Bob"
    assert vault(store, keys=NEW).detokenise(token).unknown == (token,)
    assert both.forget_text("PERSON", "Ada")


@pytest.mark.parametrize("change", [lambda v: v[:-1], lambda v: b"", lambda v: b"\xff" + v[1:],
                                    lambda v: v[:-1] + bytes([v[-1] ^ 1])])  # fmt: skip
def test_what_was_changed_in_the_store_stands_for_nothing(change: object) -> None:
    store = MemoryStore()
    one = vault(store)
    token = one.token("PERSON", "Ada")
    for (space, key), row in list(store._rows.items()):
        if not key.startswith("#"):
            store.put(space, key, Row(change(row.value)))  # type: ignore[operator]
    assert one.detokenise(token).unknown == (token,)


def test_a_token_that_leads_nowhere_is_given_anew() -> None:
    store = MemoryStore()
    one = vault(store)
    token = one.token("PERSON", "Ada")
    for space, key in list(store._rows):
        if not key.startswith("#"):
            store.delete(space, key)
    assert one.detokenise(one.token("PERSON", "Ada")).text == "Ada"
    assert one.token("PERSON", "Ada") != token


def test_of_two_processes_the_first_gives_the_token() -> None:
    class Late(MemoryStore):
        """A store in which another process has just added its row."""

        def add(self, space: str, key: str, row: Row, now: float) -> Row:
            super().add(space, key, Row(b"a" * 26), now)
            return super().add(space, key, row, now)

    store = Late()
    assert vault(store).token("PERSON", "Ada") == f"[tok_PERSON_{'a' * 26}]"
    assert len(store._rows) == 1


@pytest.mark.parametrize("text", ["[tok_" * 20_000, "[tok_" + "A" * 100_000, "[tok_A_" * 20_000])
def test_hostile_texts_are_looked_through_once(text: str) -> None:
    assert vault().detokenise(text) == (text, 0, ())


def test_what_is_missing_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("POLICYENGINE_KEY", raising=False)
    with pytest.raises(StateError, match="POLICYENGINE_KEY"):
        Vault(MemoryStore())
    with pytest.raises(StateError, match="200,000"):
        vault().token("PERSON", "a" * 200_001)
    monkeypatch.setitem(sys.modules, "cryptography.hazmat.primitives.ciphers.aead", None)
    with pytest.raises(StateError, match="cryptography"):
        vault()


@pytest.mark.parametrize(
    ("value", "keys"),
    [
        ("00" * 16, {"default": bytes(16)}),
        ("AAAAAAAAAAAAAAAAAAAAAA==", {"default": bytes(16)}),
        ("b:_____________________w, a:" + "ab" * 32, {"b": b"\xff" * 16, "a": b"\xab" * 32}),
        ("", {}),
    ],
)
def test_keys_of_the_environment(
    monkeypatch: pytest.MonkeyPatch, value: str, keys: dict[str, bytes]
) -> None:
    monkeypatch.setenv("POLICYENGINE_KEY", value)
    found = Keys.from_environment()
    assert found._keys == keys
    assert list(found) == list(keys)


@pytest.mark.parametrize("value", ["short", "00" * 15, "not base64!!", "a b:" + "00" * 16,
                                   "a:" + "00" * 16 + ",a:" + "11" * 16])  # fmt: skip
def test_wrong_keys_are_named_but_not_quoted(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("POLICYENGINE_KEY", value)
    with pytest.raises(StateError) as raised:
        Keys.from_environment()
    assert raised.value.code == "bad-key"
    assert value not in str(raised.value)


@pytest.mark.parametrize("value", ["'text'", "5", "x'fffe'", "x''"])
@pytest.mark.parametrize("where", ["LIKE", "NOT LIKE"])
def test_rows_that_were_tampered_with_are_as_good_as_none(
    tmp_path: Path, value: str, where: str
) -> None:
    one = Vault(SqliteStore(tmp_path / "vault.db"), keys=NEW)
    token = one.token("PERSON", "Ada")
    with closing(sqlite3.connect(tmp_path / "vault.db")) as connection:
        connection.execute(f"UPDATE state SET value = {value} WHERE key {where} '#%'")
        connection.commit()
    again = one.token("PERSON", "Ada")
    assert one.detokenise(again).text == "Ada"
    assert (one.detokenise(token).unknown == (token,)) == (where == "NOT LIKE")


def test_a_place_that_was_changed_leads_to_no_other_text() -> None:
    store = MemoryStore()
    one = vault(store)
    ada, bob = one.token("PERSON", "Ada"), one.token("PERSON", "Bob")
    space = next(iter(store._rows))[0]
    for place in [key for _, key in store._rows if key.startswith("#")]:
        store.put(space, place, Row(bob[-27:-1].encode()))
    assert one.detokenise(one.token("PERSON", "Ada")).text == "Ada"
    assert one.detokenise(ada).text == "Ada"
