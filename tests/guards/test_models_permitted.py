"""What a bundle may reach: only what the host lists in its environment."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from policyengine.errors import FactError
from policyengine.guards._models.permitted import HOSTS, PATH, Origin, folder, key_for


@pytest.mark.parametrize(
    ("hosts", "url"),
    [
        ("guard.internal", "https://guard.internal/v1"),
        ("guard.internal", "https://GUARD.internal:443"),
        ("guard.internal:8443", "https://guard.internal:8443/v1"),
        ("https://guard.internal", "https://guard.internal"),
        ("http://localhost:8000", "http://localhost:8000/v1"),
        ("a.internal,, b.internal KEY ,c.internal", "https://b.internal"),
    ],
)
def test_listed(monkeypatch: pytest.MonkeyPatch, hosts: str, url: str) -> None:
    monkeypatch.setenv(HOSTS, hosts)
    assert key_for(url, None) is None


@pytest.mark.parametrize(
    ("hosts", "url"),
    [
        ("guard.internal", "http://guard.internal/v1"),
        ("guard.internal", "https://guard.internal:8443/v1"),
        ("guard.internal", "https://guard.internal.evil.example"),
        ("guard.internal", "https://evil.example/guard.internal"),
        ("guard.internal", "https://guard.internal\\.evil.example"),
        ("guard.internal", "https://sub.guard.internal"),
        ("guard.internal", "https://guard.internal."),
        ("localhost", "http://127.0.0.1"),
        ("*", "https://guard.internal"),
        ("", "https://guard.internal"),
        ("ftp://guard.internal", "https://guard.internal"),
    ],
)
def test_not_listed(monkeypatch: pytest.MonkeyPatch, hosts: str, url: str) -> None:
    monkeypatch.setenv(HOSTS, hosts)
    with pytest.raises(FactError) as error:
        key_for(url, None)
    assert error.value.code == "model-not-allowed"


@pytest.mark.parametrize(
    "url",
    [
        "",
        "https://",
        "ftp://x",
        "file:///etc/passwd",
        "https://u@x",
        "https://x:99999",
        "https://[x",
    ],
)
def test_no_server(url: str) -> None:
    with pytest.raises(ValueError, match="names no server"):
        Origin.of(url)


def test_a_key_belongs_to_its_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(HOSTS, "a.internal A_KEY, b.internal B_KEY")
    monkeypatch.setenv("A_KEY", "for a")
    assert key_for("https://a.internal", "A_KEY") == "for a"
    with pytest.raises(FactError) as error:
        key_for("https://b.internal", "A_KEY")
    assert error.value.code == "model-not-allowed"


def test_folders(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    first, second = tmp_path / "one", tmp_path / "two"
    (first / "a").mkdir(parents=True)
    (second / "b").mkdir(parents=True)
    monkeypatch.setenv(PATH, f"{first}{os.pathsep}{second}")
    assert folder("a") == first.resolve() / "a"
    assert folder("b") == second.resolve() / "b"
    assert folder(str(second / "b")) == second.resolve() / "b"


@pytest.mark.parametrize("name", ["../two", "/", "..", "a/../../two", "link", "missing", "file"])
def test_folders_outside(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "file").write_text("x", encoding="utf-8")
    (tmp_path / "two").mkdir()
    (tmp_path / "one" / "link").symlink_to(tmp_path / "two")
    monkeypatch.setenv(PATH, str(tmp_path / "one"))
    with pytest.raises(FactError) as error:
        folder(name)
    assert error.value.code == "model-missing"


def test_no_folder_is_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(PATH, raising=False)
    with pytest.raises(FactError) as error:
        folder("a")
    assert error.value.code == "model-not-allowed"
