"""The detectors of the package detect-secrets, for formats that ours do not know.

Asked line by line and in bounded pieces: some of their patterns are slow on long lines. Left out
are its detectors of keywords (0.9 ms for 1,000 characters, and ours does the same), of entropy and
of public addresses, which are no secrets.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from importlib import import_module
from typing import Any, Final

from policyengine.errors import FactError
from policyengine.guards._secrets.context import Named

# A longer line is looked at in pieces that overlap by what a secret may span.
_PIECE: Final = 2_048
_OVERLAP: Final = 256

# Their modules and classes, and the kinds that we call what they find.
_DETECTORS: Final = {
    ("artifactory", "ArtifactoryDetector"): "ARTIFACTORY_KEY",
    ("cloudant", "CloudantDetector"): "CLOUDANT_KEY",
    ("ibm_cloud_iam", "IbmCloudIamDetector"): "IBM_CLOUD_KEY",
    ("ibm_cos_hmac", "IbmCosHmacDetector"): "IBM_COS_KEY",
    ("mailchimp", "MailchimpDetector"): "MAILCHIMP_KEY",
    ("softlayer", "SoftlayerDetector"): "SOFTLAYER_KEY",
    ("discord", "DiscordBotTokenDetector"): "DISCORD_TOKEN",
    ("basic_auth", "BasicAuthDetector"): "URL_CREDENTIALS",
    ("azure_storage_key", "AzureStorageKeyDetector"): "AZURE_STORAGE_KEY",
}
KINDS: Final = frozenset(_DETECTORS.values())
_SCORE: Final = 0.7


def found(text: str, check: Callable[[], None]) -> Iterator[Named]:
    """What they find; `check` is called between lines and may stop the work.

    Raises `FactError` where the package is not installed.
    """
    start = 0
    for line in text.splitlines(keepends=True):
        check()
        for offset in range(0, max(len(line), 1), _PIECE):
            piece = line[offset : offset + _PIECE + _OVERLAP]
            yield from _in_piece(piece, start + offset)
        start += len(line)


def _in_piece(piece: str, start: int) -> Iterator[Named]:
    for detector, kind in _detectors():
        for secret in detector.analyze_string(piece):
            at = piece.find(secret) if secret else -1
            if at >= 0:
                yield Named(kind, start + at, start + at + len(secret), _SCORE, "detect-secrets")


@cache
def _detectors() -> tuple[tuple[Any, str], ...]:
    try:
        return tuple(
            (getattr(import_module(f"detect_secrets.plugins.{module}"), name)(), kind)
            for (module, name), kind in _DETECTORS.items()
        )
    except ImportError:
        message = "`also: [detect-secrets]` needs the package detect-secrets"
        raise FactError("model-missing", message) from None
