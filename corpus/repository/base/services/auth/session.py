"""Sessions of people who have signed in."""

import hmac
import secrets
import time

LIFETIME_SECONDS = 3600


def new_session(user_id: str) -> dict[str, object]:
    return {"user": user_id, "token": secrets.token_urlsafe(32), "since": time.time()}


def is_valid(session: dict[str, object], token: str) -> bool:
    fresh = time.time() - float(session["since"]) < LIFETIME_SECONDS
    return fresh and hmac.compare_digest(str(session["token"]), token)
