"""All entities, the groups of them, and the names that others give them."""

from __future__ import annotations

from typing import Final

from policyengine.guards._pii import (
    addresses,
    americas,
    asia,
    cards,
    crypto,
    dates,
    east_europe,
    email,
    germany,
    iban,
    labelled,
    network,
    north_europe,
    oceania_africa,
    phones,
    uk,
    urls,
    us,
    vehicles,
    west_europe,
)
from policyengine.guards._pii.entity import Entity

FAMILIES: Final = (
    email,
    phones,
    cards,
    iban,
    network,
    urls,
    crypto,
    vehicles,
    labelled,
    dates,
    addresses,
    uk,
    germany,
    west_europe,
    north_europe,
    east_europe,
    americas,
    asia,
    oceania_africa,
    us,
)
ENTITIES: Final[dict[str, Entity]] = {
    entity.name: entity for family in FAMILIES for entity in family.ENTITIES
}
COMMON: Final = (
    "EMAIL_ADDRESS",
    "PHONE_NUMBER",
    "CREDIT_CARD",
    "US_SSN",
    "IBAN_CODE",
    "IP_ADDRESS",
)
FINANCIAL: Final = (
    "CREDIT_CARD",
    "IBAN_CODE",
    "SWIFT_CODE",
    "US_BANK_NUMBER",
    "ABA_ROUTING_NUMBER",
)


def _groups() -> dict[str, tuple[str, ...]]:
    regions: dict[str, list[str]] = {}
    for entity in ENTITIES.values():
        if entity.region != "any":
            regions.setdefault(entity.region, []).append(entity.name)
    return {
        "common": COMMON,
        "financial": FINANCIAL,
        "all": tuple(ENTITIES),
        **{region: tuple(names) for region, names in sorted(regions.items())},
    }


GROUPS: Final = _groups()
"""Names of several entities: kinds, regions (`DE`: its own identifiers), and `all`."""

ALIASES: Final = {
    "EMAIL": "EMAIL_ADDRESS",
    "PHONE": "PHONE_NUMBER",
    "CREDIT_DEBIT_CARD_NUMBER": "CREDIT_CARD",
    "INTERNATIONAL_BANK_ACCOUNT_NUMBER": "IBAN_CODE",
    "IBAN": "IBAN_CODE",
    "US_SOCIAL_SECURITY_NUMBER": "US_SSN",
    "US_INDIVIDUAL_TAX_IDENTIFICATION_NUMBER": "US_ITIN",
    "US_PASSPORT_NUMBER": "US_PASSPORT",
    "US_BANK_ACCOUNT_NUMBER": "US_BANK_NUMBER",
    "US_BANK_ROUTING_NUMBER": "ABA_ROUTING_NUMBER",
    "DRIVER_ID": "US_DRIVER_LICENSE",
    "UK_NATIONAL_HEALTH_SERVICE_NUMBER": "UK_NHS",
    "UK_NATIONAL_INSURANCE_NUMBER": "UK_NINO",
    "UK_UNIQUE_TAXPAYER_REFERENCE_NUMBER": "UK_UTR",
    "CA_SOCIAL_INSURANCE_NUMBER": "CA_SIN",
    "VEHICLE_IDENTIFICATION_NUMBER": "VIN",
    "NAME": "PERSON",
    "SI_EMSO": "RS_JMBG",
    "SK_RODNE_CISLO": "CZ_RODNE_CISLO",
    "ZA_MOBILE_NUMBER": "PHONE_NUMBER",
    "ZA_TELEPHONE_NUMBER": "PHONE_NUMBER",
    "DATE": "DATE_TIME",
}
"""Names that Bedrock Guardrails, or habit, give to entities."""

_BY_MODEL: Final = "it takes a model to find"
ELSEWHERE: Final = dict.fromkeys(("PERSON", "LOCATION", "ORGANIZATION", "NRP", "TITLE"), _BY_MODEL)
"""Entities that no fast path finds, and why."""
