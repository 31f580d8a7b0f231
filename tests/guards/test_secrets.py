"""Secrets: formats of providers, what a name gives away, and what only looks like a secret."""

from __future__ import annotations

import base64
import binascii
import json
import random
import string
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policyengine.errors import FactError
from policyengine.guards import secrets
from policyengine.guards._secrets.formats import IN_TOKENS
from policyengine.plugins import Texts

BASE62 = string.digits + string.ascii_uppercase + string.ascii_lowercase


def found(text: str, value: Any = "all") -> list[tuple[str, str]]:
    findings = secrets.build(secrets.normal(value))([("request.system", text)])
    assert all(one["field"] == "request.system" for one in findings)
    return [(one["type"], text[one["start"] : one["end"]]) for one in findings]


def letters(count: int, alphabet: str = string.ascii_letters + string.digits) -> str:
    return "".join(random.Random(count).choices(alphabet, k=count))


def github(prefix: str) -> str:
    body = letters(30)
    number, digits = binascii.crc32(body.encode()), ""
    while number:
        number, digit = divmod(number, 62)
        digits = BASE62[digit] + digits
    return prefix + body + digits.rjust(6, "0")


def jwt(header: Any) -> str:
    parts = (json.dumps(header).encode(), b'{"sub": "someone"}', b"0123456789abcdef")
    return ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts)


HEX = string.digits + "abcdef"
PEM = "-----BEGIN {0}PRIVATE KEY-----\nMIIEvQIBADANBg\nkqhkiG9w0BAQE=\n-----END {0}PRIVATE KEY-----"

# Made up here, none was ever issued.
HITS = [
    ("AWS_ACCESS_KEY", "AKIA" + letters(16, string.ascii_uppercase + "234567")),
    ("GITHUB_TOKEN", github("ghp_")),
    ("GITHUB_TOKEN", "github_pat_" + letters(22) + "_" + letters(59)),
    ("GITLAB_TOKEN", "glpat-" + letters(20)),
    ("SLACK_TOKEN", "xoxb-" + letters(12, string.digits) + "-" + letters(24)),
    ("STRIPE_KEY", "sk_live_" + letters(24)),
    ("GOOGLE_API_KEY", "AIza" + letters(35)),
    ("OPENAI_KEY", "sk-proj-" + letters(48)),
    ("OPENAI_KEY", "sk-" + letters(20) + "T3BlbkFJ" + letters(20)),
    ("ANTHROPIC_KEY", "sk-ant-api03-" + letters(93) + "AA"),
    ("HUGGINGFACE_TOKEN", "hf_" + letters(34, string.ascii_letters)),
    ("NPM_TOKEN", github("npm_")),
    ("PYPI_TOKEN", "pypi-AgEIcHlwaS5vcmc" + letters(60)),
    ("SENDGRID_KEY", "SG." + letters(22) + "." + letters(43)),
    ("TWILIO_KEY", "SK" + letters(32, HEX)),
    ("DIGITALOCEAN_TOKEN", "dop_v1_" + letters(64, HEX)),
    ("DATABRICKS_TOKEN", "dapi" + letters(32, HEX)),
    ("VAULT_TOKEN", "hvs." + letters(24)),
    ("TELEGRAM_TOKEN", ":AA" + letters(33)),
    ("SLACK_WEBHOOK", "hooks.slack.com/services/T01ABCDEF/B02GHIJKL/" + letters(24)),
    ("JWT", jwt({"alg": "HS256", "typ": "JWT"})),
    ("PRIVATE_KEY", PEM.format("")),
    ("PRIVATE_KEY", PEM.format("RSA ")),
    ("PRIVATE_KEY", PEM.format("OPENSSH ")),
]


@pytest.mark.parametrize(("kind", "secret"), HITS, ids=[kind for kind, _ in HITS])
@pytest.mark.parametrize("around", ["{}", 'use "{}" please', "key:{}.", "schlüssel {}, und"])
def test_formats_of_providers(kind: str, secret: str, around: str) -> None:
    text = around.format(secret)
    assert (kind, secret) in [(k, s.rstrip(".")) for k, s in found(text)], text


NEAR_MISSES = [
    "AKIAIOSFODNN7EXAMPLE",
    "AKIA" + letters(15, string.ascii_uppercase),
    "xAKIA" + letters(16, string.ascii_uppercase),
    "ghp_" + "x" * 36,
    "sk_live_your_key_goes_here_now",
    jwt({"typ": "JWT"}),
    "eyJhbGciOi.eyJzdWIiOiIx.c2lnbmF0dXJl",
    "-----BEGIN PUBLIC KEY-----\nMIIB\n-----END PUBLIC KEY-----",
    "-----BEGIN CERTIFICATE-----",
    "https://example.com:8080/a@b",
    "https://someone:${PASSWORD}@db.internal/x",
    "password: ********",
    "password = os.environ['DB']",
    'token = "<your token>"',
    "the password is required",
    "the secret of good cooking: butter",
    "commit 3f786850e387550fdab836ed7e6dc881de23001b",
    "id 550e8400-e29b-41d4-a716-446655440000",
    "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "max_tokens: 4096",
    "input_tokens=12345678",
]


@pytest.mark.parametrize("text", NEAR_MISSES)
def test_what_only_looks_like_a_secret(text: str) -> None:
    assert found(text) == []


@pytest.mark.parametrize(
    ("text", "kind", "secret"),
    [
        ("password=hunter2", "PASSWORD", "hunter2"),
        ("DB_PASSWORD: 'S3cr!pt99'", "PASSWORD", "S3cr!pt99"),
        ('"passwd": "ab12!xyz"', "PASSWORD", "ab12!xyz"),
        ("my password is Tr0ub4dor&3.", "PASSWORD", "Tr0ub4dor&3"),
        ("das Passwort: Geh3im!nis", "PASSWORD", "Geh3im!nis"),
        ("la contraseña: Sup3r!Clave", "PASSWORD", "Sup3r!Clave"),
        (f"api_key = {letters(32)}", "API_KEY", letters(32)),
        (f'X-API-KEY": "{letters(24)}"', "API_KEY", letters(24)),
        (f"Authorization: Bearer {letters(40)}", "AUTHORIZATION", letters(40)),
        ("postgres://app:Qw3rty!9@db:5432/x", "URL_CREDENTIALS", "Qw3rty!9"),
    ],
)
def test_what_a_name_gives_away(text: str, kind: str, secret: str) -> None:
    assert found(text) == [(kind, secret)]


PASSWORD = "Tr0ub4dor&3xy"
KEY = "9f8A7d6Sx5z4Qw3Er2Ty1Ui0Op"


@pytest.mark.parametrize(
    "text",
    [
        '{"a": "{\\"password\\": \\"%s\\"}"}',
        '\\\\\\"password\\\\\\": \\\\\\"%s\\\\\\"',
        "password: |\n  %s\n",
        "password: >-\n  %s\n",
        "password:\n%s",
        "password = \\\n  '%s'",
        "<password>%s</password>",
        '<add key="password" value="%s"/>',
        "mysql --password %s",
        "password%%3D%s",
        "ｐａｓｓｗｏｒｄ：%s",
        "pass\u200bword=%s",
        "| password | %s |",
        'password: str = "%s"',
        "const password: string = '%s'",
        'setPassword("%s");',
        'config.get("password", "%s")',
        "**password:** %s",
        "**Password**: `%s`",
        "Passwort lautet %s",
        "password=&quot;%s&quot;",
        "user jo, password %s. Cheers",
        "password: %s. Change it!",
    ],
)
def test_a_password_however_it_is_written(text: str) -> None:
    assert found(text % PASSWORD) == [("PASSWORD", PASSWORD)]


@pytest.mark.parametrize(
    "text",
    ['set_api_key("%s")', 'os.environ.get("API_KEY", "%s")', "curl --api-key %s", "api_key\t%s"],
)
def test_a_key_however_it_is_written(text: str) -> None:
    assert found(text % KEY) == [("API_KEY", KEY)]


@pytest.mark.parametrize("password", ["Sommer2026!", "P@ss(word)1", "a,b;c{d}1E"])
def test_all_of_a_quoted_password_is_found(password: str) -> None:
    assert found(f'password = "{password}"') == [("PASSWORD", password)]


@pytest.mark.parametrize("gap", ["\u200b", "\u2060", "\U000e0041"])
def test_unseen_characters_hide_no_key(gap: str) -> None:
    key = "AKIA2E0A8F3B244C9986"
    hidden = gap.join(key)
    assert found(f"é {hidden} ü") == [("AWS_ACCESS_KEY", hidden)]
    wide = "".join(chr(ord(c) + 0xFEE0) for c in key)
    assert found(f"é {wide} ü") == [("AWS_ACCESS_KEY", wide)]


@pytest.mark.parametrize(
    "text",
    [
        "def login(user: str, password: str) -> bool:",
        "password: Optional[str] = None",
        "secret = get_secret()",
        "password = request.form['password']",
        "password = input('Password: ')",
        "token = tokenizer.next()",
        "token = self.tokens[0]",
        "password: !vault |",
        "password_hash = bcrypt.hash(pw)",
        "if password == confirm_password:",
        "password = settings.DB_PASSWORD",
        "secretName: db-credentials",
        "credentials: 'same-origin'",
        "password: forgot?",
        "token = 'refresh_token'",
        "passwd:x:1000:1000",
        "passwd: files systemd",
        "PWD=/home/user/src2",
        "private_key_path: /etc/ssl/private/shop.pem",
        "token_endpoint: https://auth.acme.test/oauth2/v1/token",
        "Passwort: mindestens 8 Zeichen",
        "The password is Case-Sensitive",
        "'password' => 'required|min:8'",
        "Authorization: Bearer <token>",
        '"integrity": "sha512-9f8A7d6Sx5z4Qw3Er2Ty1Ui0OpLkJhGfDsAqWeRtYuIoPzXcVbNm1234"',
        "password Reset2",
        '<label for="password">Password:</label>',
    ],
)
def test_code_and_prose_about_secrets_hold_none(text: str) -> None:
    assert found(text) == []


LINES = "\n".join(letters(64, string.ascii_letters + string.digits + "+/") for _ in range(12))


@pytest.mark.parametrize("joint", ["\n", "\\n", "\n> ", '",\n"'])
@pytest.mark.parametrize("head", ["", "Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,AB12\n\n"])
def test_a_key_without_its_end_is_found_to_its_last_line(joint: str, head: str) -> None:
    key = f"-----BEGIN RSA PRIVATE KEY-----\n{head}{LINES}\nQ3hz".replace("\n", joint)
    assert found(f"here: {key}\n\nand so on.") == [("PRIVATE_KEY", key)]


@pytest.mark.parametrize("end", ["", "\nPrivate-MAC: " + "ab" * 20])
def test_a_putty_key_is_found_to_its_end(end: str) -> None:
    key = f"PuTTY-User-Key-File-3: ssh-rsa\nPublic-Lines: 1\nAAAA\nPrivate-Lines: 12\n{LINES}{end}"
    assert found(f"{key}\n\nbye.") == [("PRIVATE_KEY", key)]


def test_random_texts_have_a_low_score() -> None:
    text = f"see {letters(48)} there"
    assert found(text) == []
    assert found(text, {"min_score": 0.4}) == [("HIGH_ENTROPY_STRING", letters(48))]


def test_a_check_sum_raises_the_score() -> None:
    finder = secrets.build(secrets.normal("all"))
    right, wrong = github("ghp_"), "ghp_" + letters(36)
    scores = [finder([("a", text)])[0]["score"] for text in (right, wrong)]
    assert scores == [1.0, 0.8]


def test_kinds_scores_and_what_is_allowed() -> None:
    text = f"password=hunter2 {github('ghp_')}"
    assert found(text, ["GITHUB_TOKEN"]) == [("GITHUB_TOKEN", github("ghp_"))]
    assert found(text, {"min_score": 0.9}) == [("GITHUB_TOKEN", github("ghp_"))]
    assert found(text, {"allow": [github("ghp_")]}) == [("PASSWORD", "hunter2")]


def test_an_unknown_kind_names_the_nearest() -> None:
    with pytest.raises(ValueError, match="`GITHUB_TOKENS` is no kind of secret; `GITHUB_TOKEN` is"):
        secrets.build(secrets.normal(["GITHUB_TOKENS"]))


def test_texts_are_looked_at_once_for_all_rules() -> None:
    texts = Texts([("a", "password=hunter2")])
    secrets.build(secrets.normal("all"))(texts)
    kept = dict(texts.memo)
    assert secrets.build(secrets.normal(["JWT"]))(texts) == []
    assert texts.memo == kept


def test_findings_do_not_quote() -> None:
    text = f"password=hunter2 {letters(48)} {github('ghp_')}"
    for one in secrets.build(secrets.normal({"min_score": 0}))([("a", text)]):
        assert not any(piece in str(one) for piece in ("hunter2", letters(48), github("ghp_")))


HOSTILE = [
    "password=", "sk-", "eyJ", "eyJaaaaaaaaa.", "://", "://a:", "-----BEGIN PRIVATE KEY-----",
    "token ", "a", "SK", "AKIA", "xoxb-", "secret:", "hooks.slack.com/", "AccountKey=", ":AA",
    "password ", "password: \n", "PuTTY-User-Key-File-2:", "password: a = ", "password\\\\\"",
    "-----BEGIN PRIVATE KEY-----\nProc-Type: ", "ｐ\u200b", "password\"\"\"))))",
]  # fmt: skip


@pytest.mark.parametrize("piece", HOSTILE)
def test_hostile_texts_take_time_in_proportion_to_their_length(piece: str) -> None:
    """Two million steps of a backtracking pattern for each character would not end."""
    text = piece * (200_000 // len(piece))
    finder = secrets.build(secrets.normal("all"))
    try:
        findings = list(finder([("a", text)]))
    except FactError:
        findings = []
    assert all(one["end"] <= len(text) for one in findings)


@given(st.text(alphabet="skghp_-AKIA=:/.eyJ password\n'\"0aZ@", max_size=300))
def test_findings_lie_in_the_text_and_apart(text: str) -> None:
    last = 0
    for one in secrets.build(secrets.normal({"min_score": 0}))([("a", text)]):
        assert last <= one["start"] < one["end"] <= len(text)
        last = one["end"]


def test_every_token_is_longer_than_what_is_skipped() -> None:
    """A shorter format would never be looked for."""
    from re import _parser  # type: ignore[attr-defined]

    for form in IN_TOKENS:
        shortest = _parser.parse(form.pattern.pattern, form.pattern.flags).getwidth()[0]
        assert shortest >= 20, form.kind


def test_the_detectors_of_detect_secrets() -> None:
    pytest.importorskip("detect_secrets")
    text = f"mailchimp {letters(32, HEX)}-us20 here"
    assert found(text) == []
    also = {"kinds": ["MAILCHIMP_KEY"], "also": ["detect-secrets"]}
    assert found(text, also) == [("MAILCHIMP_KEY", letters(32, HEX) + "-us20")]
    assert found("x" * 5_000 + text, also) == [("MAILCHIMP_KEY", letters(32, HEX) + "-us20")]
