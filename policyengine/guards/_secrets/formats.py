"""The formats of secrets that name their provider: what they begin with, and their whole form.

A format is found by the literal text that it begins with, which `str.find` finds at the speed of C;
only there its pattern is tried, once and with bounded repeats, so the whole is linear in the text.
Prefixes and lengths are those that the providers document.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from policyengine.guards._secrets import checks


@dataclass(frozen=True, slots=True)
class Format:
    """A kind of secret: where to look, its whole form, and what proves it.

    `anchors` are what an occurrence begins with. `pattern` is matched there; its group `secret`,
    else the whole match, is what is found. `check` refuses what only looks like one. `bounded`
    asks that no letter or digit stands before it. `score` is that of a match, and 1 where `sum`,
    a check sum of the provider's, is right. `extend` says where one ends whose beginning was found,
    and `last` is found where one has ended that may have many lines.
    """

    kind: str
    provider: str
    anchors: tuple[str, ...]
    pattern: re.Pattern[str]
    score: float = 0.95
    check: Callable[[str], bool] = checks.is_varied
    bounded: bool = True
    sum: Callable[[str], bool] | None = None
    extend: Callable[[str, int], int] | None = None
    last: re.Pattern[str] | None = None


# What may not follow: the secret would go on.
_END = r"(?![A-Za-z0-9])"
_B64 = r"[A-Za-z0-9_\-]"


def _format(
    kind: str,
    provider: str,
    anchors: str | Sequence[str],
    rest: str,
    *,
    score: float = 0.95,
    check: Callable[[str], bool] = checks.is_varied,
    bounded: bool = True,
    sum: Callable[[str], bool] | None = None,
) -> Format:
    """A format whose anchors are followed by `rest`."""
    starts = (anchors,) if isinstance(anchors, str) else tuple(anchors)
    first = "|".join(re.escape(anchor) for anchor in starts)
    pattern = re.compile(f"(?:{first}){rest}", re.ASCII)
    return Format(kind, provider, starts, pattern, score, check, bounded, sum)


_KEY_HEADS = (
    "", "RSA ", "EC ", "DSA ", "OPENSSH ", "ENCRYPTED ", "PGP ", "SSH2 ENCRYPTED ",
)  # fmt: skip

IN_TOKENS: Final[tuple[Format, ...]] = (
    _format("AWS_ACCESS_KEY", "Amazon Web Services", ("AKIA", "ASIA", "ABIA", "ACCA"),
            rf"[A-Z0-9]{{16}}{_END}"),
    _format("GITHUB_TOKEN", "GitHub", ("ghp_", "gho_", "ghu_", "ghs_", "ghr_"),
            rf"[A-Za-z0-9]{{36}}{_END}", score=0.8, sum=checks.is_github),
    _format("GITHUB_TOKEN", "GitHub", "github_pat_", rf"[A-Za-z0-9]{{22}}_[A-Za-z0-9]{{59}}{_END}"),
    _format("GITLAB_TOKEN", "GitLab", ("glpat-", "glptt-", "gldt-", "glrt-", "glsoat-", "glcbt-"),
            rf"{_B64}{{20,64}}"),
    _format("SLACK_TOKEN", "Slack", ("xoxb-", "xoxp-", "xoxa-", "xoxr-", "xoxs-", "xoxe-", "xapp-"),
            r"[A-Za-z0-9\-]{20,250}"),
    _format("SLACK_WEBHOOK", "Slack", "hooks.slack.com/",
            r"(?:services|workflows|triggers)/[A-Za-z0-9+/]{20,120}"),
    _format("DISCORD_WEBHOOK", "Discord",
            ("discord.com/api/webhooks/", "discordapp.com/api/webhooks/"),
            rf"\d{{17,20}}/{_B64}{{60,72}}"),
    _format("STRIPE_KEY", "Stripe", ("sk_live_", "rk_live_", "sk_test_", "rk_test_", "whsec_"),
            r"[A-Za-z0-9+/=]{16,250}"),
    _format("GOOGLE_API_KEY", "Google", "AIza", rf"{_B64}{{35}}(?!{_B64})"),
    _format("GOOGLE_OAUTH_SECRET", "Google", "GOCSPX-", rf"{_B64}{{28}}(?!{_B64})"),
    _format("GOOGLE_OAUTH_TOKEN", "Google", "ya29.", rf"{_B64}{{20,400}}"),
    _format("OPENAI_KEY", "OpenAI", ("sk-proj-", "sk-svcacct-", "sk-admin-"), rf"{_B64}{{40,200}}"),
    _format("OPENAI_KEY", "OpenAI", "sk-", rf"[A-Za-z0-9]{{20}}T3BlbkFJ[A-Za-z0-9]{{20}}{_END}"),
    _format("OPENAI_KEY", "OpenAI", "sk-", rf"[A-Za-z0-9]{{48}}{_END}", score=0.85),
    _format("ANTHROPIC_KEY", "Anthropic", "sk-ant-", rf"[a-z]{{3,8}}\d\d-{_B64}{{80,120}}"),
    _format("OPENROUTER_KEY", "OpenRouter", "sk-or-v1-", r"[a-f0-9]{64}"),
    _format("HUGGINGFACE_TOKEN", "Hugging Face", ("hf_", "api_org_"), rf"[A-Za-z]{{34}}{_END}"),
    _format("REPLICATE_TOKEN", "Replicate", "r8_", rf"[A-Za-z0-9]{{37}}{_END}"),
    _format("GROQ_KEY", "Groq", "gsk_", rf"[A-Za-z0-9]{{52}}{_END}"),
    _format("XAI_KEY", "xAI", "xai-", rf"[A-Za-z0-9]{{80}}{_END}"),
    _format("PERPLEXITY_KEY", "Perplexity", "pplx-", rf"[A-Za-z0-9]{{48,64}}{_END}"),
    _format("NPM_TOKEN", "npm", "npm_", rf"[A-Za-z0-9]{{36}}{_END}", score=0.8,
            sum=checks.is_github),
    _format("PYPI_TOKEN", "PyPI", "pypi-AgEIcHlwaS5vcmc", rf"{_B64}{{50,400}}"),
    _format("RUBYGEMS_KEY", "RubyGems", "rubygems_", rf"[a-f0-9]{{48}}{_END}"),
    _format("DOCKER_TOKEN", "Docker", ("dckr_pat_", "dckr_oat_"), rf"{_B64}{{27,64}}"),
    _format("SENDGRID_KEY", "SendGrid", "SG.", rf"{_B64}{{22}}\.{_B64}{{43}}(?!{_B64})"),
    _format("MAILGUN_KEY", "Mailgun", "key-", rf"[a-f0-9]{{32}}{_END}", score=0.8),
    _format("TWILIO_KEY", "Twilio", ("SK", "AC"), rf"[a-f0-9]{{32}}{_END}", score=0.8),
    _format("DIGITALOCEAN_TOKEN", "DigitalOcean", ("dop_v1_", "doo_v1_", "dor_v1_"),
            rf"[a-f0-9]{{64}}{_END}"),
    _format("SHOPIFY_TOKEN", "Shopify", ("shpat_", "shpca_", "shppa_", "shpss_"),
            rf"[a-fA-F0-9]{{32}}{_END}"),
    _format("SQUARE_TOKEN", "Square", ("sq0atp-", "sq0csp-"), rf"{_B64}{{22,43}}(?!{_B64})"),
    _format("DATABRICKS_TOKEN", "Databricks", "dapi", rf"[a-f0-9]{{32}}(?:-\d)?{_END}"),
    _format("NOTION_TOKEN", "Notion", "ntn_", rf"[A-Za-z0-9]{{43,50}}{_END}"),
    _format("LINEAR_KEY", "Linear", ("lin_api_", "lin_oauth_"), rf"[A-Za-z0-9]{{40,64}}{_END}"),
    _format("POSTMAN_KEY", "Postman", "PMAK-", rf"[a-f0-9]{{24}}-[a-f0-9]{{34}}{_END}"),
    _format("NEW_RELIC_KEY", "New Relic", ("NRAK-", "NRJS-"), rf"[A-Za-z0-9]{{19,42}}{_END}"),
    _format("GRAFANA_TOKEN", "Grafana", ("glsa_", "glc_"), r"[A-Za-z0-9_+/=]{32,400}"),
    _format("VAULT_TOKEN", "HashiCorp Vault", ("hvs.", "hvb.", "hvr."), rf"{_B64}{{24,300}}"),
    _format("PULUMI_TOKEN", "Pulumi", "pul-", rf"[a-f0-9]{{40}}{_END}"),
    _format("DOPPLER_TOKEN", "Doppler", ("dp.pt.", "dp.st.", "dp.ct.", "dp.sa."),
            r"[A-Za-z0-9._\-]{40,64}"),
    _format("CLOUDFLARE_KEY", "Cloudflare", "v1.0-", rf"[a-f0-9]{{24}}-[a-f0-9]{{146}}{_END}"),
    _format("SUPABASE_KEY", "Supabase", ("sbp_", "sb_secret_"), rf"{_B64}{{31,64}}"),
    _format("PLANETSCALE_TOKEN", "PlanetScale", ("pscale_tkn_", "pscale_pw_"), r"[\w.\-]{32,64}"),
    _format("AGE_KEY", "age", "AGE-SECRET-KEY-1", rf"[A-Z0-9]{{58}}{_END}"),
    _format("AZURE_STORAGE_KEY", "Microsoft Azure", "AccountKey=",
            r"(?P<secret>[A-Za-z0-9+/]{86}==)"),
    _format("AZURE_SAS_SIGNATURE", "Microsoft Azure", ("&sig=", "?sig="),
            r"(?P<secret>[A-Za-z0-9%+/]{43,60}(?:=|%3[dD]))", bounded=False),
    _format("TELEGRAM_TOKEN", "Telegram", ":AA", rf"{_B64}{{33}}(?!{_B64})", score=0.9,
            bounded=False),
    _format("JWT", "JSON Web Token", "eyJ",
            rf"{_B64}{{8,2000}}\.eyJ{_B64}{{8,6000}}\.{_B64}{{0,1000}}",
            check=checks.is_jwt, score=0.9),
)  # fmt: skip

_ANCHORS: Final = sorted({anchor for form in IN_TOKENS for anchor in form.anchors}, key=len)[::-1]
# The longest anchor at a place.
ANCHOR: Final = re.compile("|".join(map(re.escape, _ANCHORS)))
# What begins with `sk-proj-` begins with `sk-` too.
BY_ANCHOR: Final[Mapping[str, tuple[Format, ...]]] = {
    anchor: tuple(form for form in IN_TOKENS if anchor.startswith(form.anchors))
    for anchor in _ANCHORS
}

# A private key of 16,384 bits has about 13,000 characters.
_LONGEST_KEY: Final = 16_000
_KEY_END: Final = "-----END "
# Between the lines of a key, in files, JSON, code and quoted mails.
_BREAK: Final = r"(?:\\[nr]|[\s\"',>|]){0,32}"
# The lines of a key whose end is missing: its headers, whole lines, and the beginning of one.
_BODY: Final = re.compile(
    rf"{_BREAK}(?:[A-Z][A-Za-z\-]{{2,20}}: [^\n\\]{{0,100}}{_BREAK}){{0,5}}"
    rf"(?:[A-Za-z0-9+/]{{16,16000}}={{0,2}}{_BREAK}){{0,400}}"
    r"(?:(?<!\n\n)(?<!\\n\\n)[A-Za-z0-9+/]{1,80}={0,2})?",
    re.ASCII,
)
_PUTTY_END: Final = re.compile(r"Private-MAC: ?[0-9a-f]{0,128}")
_PUTTY_LINES: Final = re.compile(r"Private-Lines: ?\d{0,4}")


def _end_of_key(text: str, at: int) -> int:
    """Where a key ends whose first line ends at a place: at its end, or that of its lines."""
    found = text.find(_KEY_END, at, at + _LONGEST_KEY)
    if found < 0:
        return _end_of_lines(text, at)
    end = text.find("-----", found + len(_KEY_END), found + 64)
    return end + 5 if end >= 0 else found


def _end_of_lines(text: str, at: int) -> int:
    body = _BODY.match(text, at, at + _LONGEST_KEY)
    assert body is not None
    return at + len(body[0].rstrip())


def _end_of_putty(text: str, at: int) -> int:
    """Where a key in PuTTY's form ends whose first words end at a place."""
    for anchor, pattern in (("Private-MAC:", _PUTTY_END), ("Private-Lines:", _PUTTY_LINES)):
        place = text.find(anchor, at, at + _LONGEST_KEY)
        found = pattern.match(text, place) if place >= 0 else None
        if found is not None:
            return found.end() if pattern is _PUTTY_END else _end_of_lines(text, found.end())
    return at


# What may stand in several words or lines.
IN_LINES: Final = (
    Format(
        "PRIVATE_KEY",
        "PEM",
        ("-----BEGIN ",),
        re.compile(f"-----BEGIN (?:{'|'.join(_KEY_HEADS)})PRIVATE KEY(?: BLOCK)?-----", re.ASCII),
        1.0,
        checks.anything,
        False,
        extend=_end_of_key,
        last=re.compile(r"-----END [^-\n]{0,64}(?:-----|\n)"),
    ),
    Format(
        "PRIVATE_KEY",
        "PuTTY",
        ("PuTTY-User-Key-File-",),
        re.compile(r"PuTTY-User-Key-File-[23]:", re.ASCII),
        1.0,
        checks.anything,
        False,
        extend=_end_of_putty,
        last=re.compile(r"Private-MAC: ?[0-9a-f]{40,128}[^0-9a-f]"),
    ),
    Format(
        "URL_CREDENTIALS",
        "URL",
        ("://",),
        re.compile(r"://[^\s:/@\"'<>]{0,128}:(?P<secret>[^\s/@\"'<>]{3,256})@[\w.\-\[]"),
        0.85,
        checks.is_no_placeholder,
        False,
    ),
)
