"""Every entity of fixed shape: a valid one, one whose check fails, and whether it needs words.

The numbers are made up: their check digits were computed, or they are the examples of the offices.
"""

from __future__ import annotations

import pytest

from policyengine.guards import pii
from policyengine.guards._pii.entity import Form
from policyengine.guards._pii.runs import Runs, shapes
from policyengine.guards._pii.table import ALIASES, ELSEWHERE, ENTITIES, GROUPS
from policyengine.guards._pii.view import View

# Entity, a word of its context, a valid one, an invalid one, whether it is found without the word.
ROWS = [
    ("ABA_ROUTING_NUMBER", "aba", "6136-1203-4", "6136-4203-4", False),
    ("AE_EMIRATES_ID", "eid", "784-1980-1234567-8", "784-1980-1234567-9", True),
    ("AR_CUIT", "afip", "27-94124640-6", "67-94124640-6", True),
    ("AR_DNI", "dni", "97.218.730", None, False),
    ("AT_SVNR", "svnr", "8725 147436", "8795 147436", True),
    ("AU_ABN", "abn", "70 225 745 735", "30 225 745 735", True),
    ("AU_ACN", "acn", "525 605 207", "525 605 007", False),
    ("AU_MEDICARE", "medicare", "5666 42869 0", "5666 46869 0", True),
    ("AU_TFN", "tfn", "961 918 815", "961 918 819", True),
    ("AWS_ACCESS_KEY", "aws", "AKIAIOSFODNN7EXAMPLE", "BKIAIOSFODNN7EXAMPLE", True),
    ("BE_NATIONAL_NUMBER", "insz", "37.49.24-679.12", "37.49.24-679.10", True),
    ("BG_EGN", "egn", "8625288858", "8629288858", False),
    ("BR_CNPJ", "cnpj", "52.532.651/7565-90", "52.532.651/7575-90", True),
    ("BR_CPF", "cpf", "570.875.040-53", "570.875.048-53", True),
    ("CA_HEALTH_NUMBER", "phn", "5335-743-364-BF", "5375-743-364-BF", True),
    ("CA_POSTAL_CODE", "zip", "C1M 1E3", "C1F 1E3", True),
    ("CA_SIN", "nas", "380-965-962", "180-965-962", True),
    ("CH_AHV", "ahv", "756.9217.0769.85", "756.9213.0769.85", True),
    ("CH_UID", "che", "CHE-100.155.212", "CHE-100.154.212", True),
    ("CL_RUT", "run", "89.914.072-9", "89.910.072-9", True),
    ("CN_RESIDENT_ID", "shenfenzheng", "11010519491231002X", "91010519491231002X", True),
    ("CO_CEDULA", "cedula", "4.640.136.201", None, False),
    ("CO_NIT", "nit", "691.809.752-1", "691.807.752-1", True),
    (
        "CRYPTO",
        "btc",
        "1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2",
        "1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN3",
        True,
    ),
    (
        "CRYPTO",
        "btc",
        "bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq",
        "bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdp",
        True,
    ),
    (
        "CRYPTO",
        "eth",
        "0xde0B295669a9FD93d5F28D9Ec85E40f4cb697BAe",
        "0xde0B295669a9FD93d5F28D9Ec85E40f4cb697BAg",
        True,
    ),
    ("CZ_RODNE_CISLO", "rodne cislo", "347822/5674", "347822/7674", True),
    ("DE_BSNR", "bsnr", "931098696", None, False),
    ("DE_FUEHRERSCHEIN", "fahrerlaubnis", "B072RRE2I55", "B072RRE2I5", False),
    ("DE_HANDELSREGISTER", "hra", "HRB 12345", "HRT 12345", True),
    ("DE_HEALTH_INSURANCE", "kvnr", "A123456780", "A127456780", False),
    ("DE_ID_CARD", "ausweis", "L01X00T471", "L01X00T472", False),
    ("DE_KFZ", "kfz", "B-AB 1234", None, False),
    ("DE_LANR", "arzt", "005559442", "005555442", False),
    ("DE_PASSPORT", "reisepass", "C01X00T478", "C01X00T479", False),
    ("DE_PLZ", "plz", "41776", None, False),
    ("DE_SOCIAL_SECURITY", "rvnr", "15070649C103", "15070699C103", True),
    ("DE_TAX_ID", "tax", "48 693 415 025", "48 393 415 025", True),
    ("DE_TAX_NUMBER", "stnr", "056/716/54804", None, True),
    ("DE_VAT_ID", "ust", "DE136695976", "GE136695976", True),
    ("DK_CPR", "cpr", "280277-5817", "284277-5817", True),
    ("DO_CEDULA", "cedula", "972-4859470-3", "972-4855470-3", True),
    ("EC_CEDULA", "cedula", "172008652-7", "172007652-7", False),
    ("EE_ISIKUKOOD", "eesti", "62310274399", "62360274399", True),
    ("EG_NATIONAL_ID", "egyptian", "29001011234567", "29081011234567", False),
    ("ES_CIF", "cif", "W-79726584", "W-79726184", True),
    ("ES_NIE", "nie", "X1508079S", "X7508079S", True),
    ("ES_NIF", "dni", "85474673 A", "85474677 A", True),
    ("ES_PASSPORT", "passport", "JDG247965", None, False),
    ("FI_PERSONAL_IDENTITY_CODE", "hetu", "131052-308T", "131092-308T", True),
    ("FR_NIR", "nir", "2 95 10 99 126 111 93", "2 95 10 99 126 112 93", True),
    ("FR_SIRET", "rcs", "218 476 125 04992", "218 466 125 04992", True),
    ("GR_AFM", "afm", "094259216", "034259216", False),
    ("GR_AMKA", "amka", "09098143077", "09098443077", True),
    ("HK_HKID", "hkid", "V246112(9)", "V246113(9)", True),
    ("HR_OIB", "oib", "47693131946", "47893131946", False),
    ("HU_TAJ", "taj", "903 330 697", "903 336 697", False),
    ("ID_NIK", "ktp", "3171010101900001", "3171010141900001", False),
    ("IE_PPS", "pps", "1234567FA", "1214567FA", True),
    ("IL_ID", "israeli id", "60950902-1", "60958902-1", False),
    ("IMEI", "imei", "45-384019-161461-0", "45-384019-161460-0", True),
    ("IN_AADHAAR", "uid", "6764 2766 3520", "6754 2766 3520", True),
    ("IN_GSTIN", "gst", "27AAPFU0939F1ZV", "27AAPTU0939F1ZV", True),
    ("IN_PAN", "pan", "ABCPE1234F", "ABCYE1234F", True),
    ("IN_PASSPORT", "passport", "V7892832", None, False),
    ("IN_VEHICLE_REGISTRATION", "car", "KA 01 AB 1234", "EA 01 AB 1234", True),
    ("IN_VOTER", "epic", "SSM3283601", None, False),
    ("IS_KENNITALA", "kennitala", "490114-1739", "490114-1734", True),
    ("IT_DRIVER_LICENSE", "guida", "MM7550872Z", None, False),
    ("IT_FISCAL_CODE", "fiscale", "RCCMNL83S18D969H", "RCCMNL83S18G969H", True),
    ("IT_IDENTITY_CARD", "cie", "DA93579JZ", None, False),
    ("IT_PASSPORT", "passport", "XZ1959719", None, False),
    ("IT_VAT_CODE", "iva", "00743110157", "00743110158", False),
    ("JP_MY_NUMBER", "mynumber", "5049 9313 2452", "5049 9313 2412", True),
    ("KR_BRN", "brn", "059-50-39031", "059-50-39931", True),
    ("KR_DRIVER_LICENSE", "driver", "11-20-123456-78", "81-20-123456-78", True),
    ("KR_FRN", "frn", "880101-5234567", "889101-5234567", True),
    ("KR_PASSPORT", "passport", "D900U8681", "W900U8681", False),
    ("KR_RRN", "rrn", "880101-1234567", "880101-8234567", True),
    ("LICENSE_PLATE", "tag", "GB766PC", None, False),
    ("LT_ASMENS_KODAS", "asmens", "47606281969", "47605281969", True),
    ("LV_PERSONAS_KODS", "latvian", "327589-11678", "317589-11678", True),
    ("MAC_ADDRESS", "mac", "00:1A:2B:3C:4D:5E", "00:1A:2B:3C:4D", True),
    ("MAC_ADDRESS", "mac", "00-1A-2B-3C-4D-5E", "00-1A-2B-3C-4D-5G", True),
    ("MAC_ADDRESS", "mac", "001A.2B3C.4D5E", "001A.2B3C.4D5", True),
    ("MEDICAL_LICENSE", "dea", "AB1234563", "AB1234463", True),
    ("MX_CLABE", "banco", "304849806984852383", "304849806954852383", False),
    ("MX_CURP", "curp", "BOXW310820HNERXN09", "BOXW310820HNVRXN09", True),
    ("MX_RFC", "rfc", "GODE561231GR8", "GODE561271GR8", True),
    ("MY_NRIC", "nric", "880101-14-1234", "889101-14-1234", True),
    ("NG_NIN", "nin", "61264834676", None, False),
    ("NG_VEHICLE_REGISTRATION", "car", "ABC-123DE", None, True),
    ("NL_BSN", "bsn", "4586.35.789", "4536.35.789", True),
    ("NO_FODSELSNUMMER", "fnr", "701194 72537", "701194 71537", True),
    ("NZ_IRD", "ird", "35-055-932", "32-055-932", True),
    ("NZ_NHI", "nhi", "HNW1956", "HNW1996", False),
    ("PE_DNI", "dni", "67638870", None, False),
    ("PE_RUC", "ruc", "15488196551", "15478196551", True),
    ("PH_PASSPORT", "passport", "T4338876W", None, False),
    ("PH_TIN", "bir", "328-541-574-388", None, False),
    ("PH_UMID", "crn", "4428-2939343-6", None, False),
    ("PK_CNIC", "cnic", "20075-4196010-0", "90075-4196010-0", True),
    ("PL_ID_CARD", "dowod", "SME447014", "SME477014", False),
    ("PL_NIP", "nip", "193-692-63-48", "103-692-63-48", True),
    ("PL_PESEL", "pesel", "61701435300", "61501435300", True),
    ("PT_NIF", "nif", "334 287 138", "334 287 108", False),
    ("RO_CNP", "cnp", "3680911850134", "3680918850134", True),
    ("RS_JMBG", "jmb", "0405297959840", "0405207959840", True),
    ("RU_INN", "inn", "114339307802", "114339307302", True),
    ("RU_SNILS", "snils", "740-030-572 40", "740-039-572 40", True),
    ("SA_NATIONAL_ID", "iqama", "1660929850", "1660929851", False),
    ("SE_ORGANISATIONSNUMMER", "bolag", "316469-5854", "316469-5855", True),
    ("SE_PERSONNUMMER", "pnr", "19880320-0016", "19880320-0017", True),
    ("SG_NRIC_FIN", "fin", "G1378407N", "G1358407N", True),
    ("SG_UEN", "uen", "T08LL1234A", "Y08LL1234A", True),
    ("SWIFT_CODE", "swift", "DEUTDEFF500", "DEUTXXFF500", False),
    ("TH_TNIN", "tnin", "6-8338-48067-57-1", "6-8338-48067-50-1", True),
    ("TR_LICENSE_PLATE", "plaka", "30 Z 32", "00 Z 32", False),
    ("TR_NATIONAL_ID", "tckn", "20030132236", "20030131236", True),
    ("TW_NATIONAL_ID", "arc", "X913815270", "X933815270", True),
    ("UA_RNOKPP", "rnokpp", "4191191302", "4191191304", False),
    ("UK_DRIVING_LICENCE", "dvla", "MORGA657054SM9IJ", "MORGA687054SM9IJ", True),
    ("UK_NHS", "nhs", "007 728 3783", "006 728 3783", True),
    ("UK_NINO", "nino", "YN 79 16 01 D", "TN 79 16 01 D", True),
    ("UK_PASSPORT", "passport", "818804917", None, False),
    ("UK_POSTCODE", "zip", "SW1A 1AA", "SX1A 1AA", True),
    ("UK_UTR", "tax", "91111 46569", "91111 46769", False),
    ("UK_VEHICLE_REGISTRATION", "car", "GG63 VLG", "ZG63 VLG", False),
    ("US_BANK_NUMBER", "acct", "33377789", None, False),
    ("US_DRIVER_LICENSE", "dmv", "E9174106", None, False),
    ("US_EIN", "ein", "86-2266664", None, False),
    ("US_ITIN", "irs", "921-60-8439", "921-20-8439", True),
    ("US_MBI", "cms", "1EG4-TE5-MK73", "1EG4-TE5-SK73", True),
    ("US_NPI", "npi", "2985-779-000", "2985-779-010", False),
    ("US_PASSPORT", "passport", "C79967496", None, False),
    ("US_SSN", "ssn", "727-41-2196", "927-41-2196", True),
    (
        "UUID",
        "id",
        "123e4567-e89b-12d3-a456-426614174000",
        "123e4567-e89b-12d3-a456-42661417400",
        True,
    ),
    ("UY_CI", "cedula", "9.002.439-9", "9.002.839-9", True),
    ("VIN", "vin", "1HGCM82633A004352", "1HGCM82633A00435I", True),
    ("VN_CCCD", "cccd", "073607288359", "973607288359", False),
    ("ZA_COMPANY_REGISTRATION", "reg", "1914/675662/31", "6914/675662/31", True),
    ("ZA_DRIVER_LICENSE", "driver", "708819FDBY", None, False),
    ("ZA_ID_NUMBER", "said", "840604 7406 195", "840674 7406 195", True),
    ("ZA_INCOME_TAX_NUMBER", "tax", "1367884952", "1367886952", False),
    ("ZA_LICENSE_PLATE", "car", "AB 12 CD GP", "AB 12 CD TP", False),
    ("ZA_PASSPORT", "passport", "T71155311", "Y71155311", False),
    ("ZA_TRAFFIC_REGISTER_NUMBER", "trn", "7254464959059", None, False),
    ("ZA_VAT_NUMBER", "vat", "4469103073", "4469173073", False),
]


def found(entity: str, text: str) -> list[str]:
    finder = pii.build(pii.normal([entity]))
    return [text[each["start"] : each["end"]] for each in finder([("field", text)])]


@pytest.mark.parametrize(("entity", "word", "valid", "invalid", "alone"), ROWS)
def test_entity(entity: str, word: str, valid: str, invalid: str | None, alone: bool) -> None:
    assert found(entity, f"{word}: {valid} .") == [valid]
    assert found(entity, f"it says {valid} .") == ([valid] if alone else [])
    if invalid is not None:
        assert found(entity, f"{word}: {invalid} .") == []
    # Inside of something longer it is nothing.
    assert valid not in found(entity, f"{word}: 9{valid}9")


def test_every_entity_of_fixed_shape_has_a_row() -> None:
    shaped = {name for name, entity in ENTITIES.items() if entity.forms or entity.tokens}
    assert shaped <= {row[0] for row in ROWS}


def test_every_check_refuses_something() -> None:
    checked = {name for name, entity in ENTITIES.items() if entity.check is not None}
    refused = {entity for entity, _, _, invalid, _ in ROWS if invalid is not None}
    assert checked <= refused


@pytest.mark.parametrize("name", sorted(ENTITIES))
def test_every_entity_says_what_it_is_and_how_it_is_checked(name: str) -> None:
    entity = ENTITIES[name]
    assert entity.about
    assert entity.checked
    assert entity.source
    assert 0 < entity.span <= pii.HOLDBACK
    for form in entity.forms:
        assert len(shapes(form)[-1]) <= entity.span
    # What is looked for without a check needs a word near it, or a shape of its own.
    assert pii.build(pii.normal([name]))([("f", "")]) == []


def test_no_shape_is_confused_by_its_own_context_words() -> None:
    for entity in ENTITIES.values():
        for word in entity.words.single:
            assert word == word.strip()
            assert word.decode().lower() == word.decode()


# The names of AWS Bedrock Guardrails' API reference, GuardrailPiiEntity.
BEDROCK = [
    "ADDRESS",
    "AGE",
    "AWS_ACCESS_KEY",
    "AWS_SECRET_KEY",
    "CA_HEALTH_NUMBER",
    "CA_SOCIAL_INSURANCE_NUMBER",
    "CREDIT_DEBIT_CARD_CVV",
    "CREDIT_DEBIT_CARD_EXPIRY",
    "CREDIT_DEBIT_CARD_NUMBER",
    "DRIVER_ID",
    "EMAIL",
    "INTERNATIONAL_BANK_ACCOUNT_NUMBER",
    "IP_ADDRESS",
    "LICENSE_PLATE",
    "MAC_ADDRESS",
    "NAME",
    "PASSWORD",
    "PHONE",
    "PIN",
    "SWIFT_CODE",
    "UK_NATIONAL_HEALTH_SERVICE_NUMBER",
    "UK_NATIONAL_INSURANCE_NUMBER",
    "UK_UNIQUE_TAXPAYER_REFERENCE_NUMBER",
    "URL",
    "USERNAME",
    "US_BANK_ACCOUNT_NUMBER",
    "US_BANK_ROUTING_NUMBER",
    "US_INDIVIDUAL_TAX_IDENTIFICATION_NUMBER",
    "US_PASSPORT_NUMBER",
    "US_SOCIAL_SECURITY_NUMBER",
    "VEHICLE_IDENTIFICATION_NUMBER",
]


def test_the_names_of_bedrock_are_known() -> None:
    assert len(BEDROCK) == 31
    for name in BEDROCK:
        own = ALIASES.get(name, name)
        assert own in ENTITIES or own in ELSEWHERE


def test_groups_and_aliases_name_entities() -> None:
    for members in GROUPS.values():
        assert set(members) <= set(ENTITIES)
    assert set(GROUPS["all"]) == set(ENTITIES)
    assert not ALIASES.keys() & ENTITIES.keys()
    assert set(ALIASES.values()) <= ENTITIES.keys() | ELSEWHERE.keys()
    regions = {entity.region for entity in ENTITIES.values()} - {"any"}
    assert len(regions) >= 40
    assert regions <= GROUPS.keys()


# What presidio-analyzer 2.2.366 finds by patterns.
PRESIDIO = [
    "ABA_ROUTING_NUMBER",
    "AU_ABN",
    "AU_ACN",
    "AU_MEDICARE",
    "AU_TFN",
    "CA_POSTAL_CODE",
    "CA_SIN",
    "CREDIT_CARD",
    "CRYPTO",
    "DATE_TIME",
    "DE_BSNR",
    "DE_FUEHRERSCHEIN",
    "DE_HANDELSREGISTER",
    "DE_HEALTH_INSURANCE",
    "DE_ID_CARD",
    "DE_KFZ",
    "DE_LANR",
    "DE_PASSPORT",
    "DE_PLZ",
    "DE_SOCIAL_SECURITY",
    "DE_TAX_ID",
    "DE_TAX_NUMBER",
    "DE_VAT_ID",
    "EMAIL_ADDRESS",
    "ES_NIE",
    "ES_NIF",
    "ES_PASSPORT",
    "FI_PERSONAL_IDENTITY_CODE",
    "IBAN_CODE",
    "IN_AADHAAR",
    "IN_GSTIN",
    "IN_PAN",
    "IN_PASSPORT",
    "IN_VEHICLE_REGISTRATION",
    "IN_VOTER",
    "IP_ADDRESS",
    "IT_DRIVER_LICENSE",
    "IT_FISCAL_CODE",
    "IT_IDENTITY_CARD",
    "IT_PASSPORT",
    "IT_VAT_CODE",
    "KR_BRN",
    "KR_DRIVER_LICENSE",
    "KR_FRN",
    "KR_PASSPORT",
    "KR_RRN",
    "MAC_ADDRESS",
    "MEDICAL_LICENSE",
    "NG_NIN",
    "NG_VEHICLE_REGISTRATION",
    "PHONE_NUMBER",
    "PH_PASSPORT",
    "PH_TIN",
    "PH_UMID",
    "PL_PESEL",
    "SE_ORGANISATIONSNUMMER",
    "SE_PERSONNUMMER",
    "SG_NRIC_FIN",
    "SG_UEN",
    "TH_TNIN",
    "TR_LICENSE_PLATE",
    "TR_NATIONAL_ID",
    "UK_DRIVING_LICENCE",
    "UK_NHS",
    "UK_NINO",
    "UK_PASSPORT",
    "UK_POSTCODE",
    "UK_VEHICLE_REGISTRATION",
    "URL",
    "US_BANK_NUMBER",
    "US_CLAIM_NUMBER",
    "US_DRIVER_LICENSE",
    "US_HEALTH_INSURANCE_MEMBER_ID",
    "US_ITIN",
    "US_MBI",
    "US_NPI",
    "US_PASSPORT",
    "US_PRESCRIPTION_NUMBER",
    "US_PRIOR_AUTHORIZATION_NUMBER",
    "US_PROVIDER_TAX_ID",
    "US_REFERRAL_NUMBER",
    "US_SSN",
    "UUID",
    "ZA_COMPANY_REGISTRATION",
    "ZA_DRIVER_LICENSE",
    "ZA_ID_NUMBER",
    "ZA_INCOME_TAX_NUMBER",
    "ZA_LICENSE_PLATE",
    "ZA_MOBILE_NUMBER",
    "ZA_PASSPORT",
    "ZA_TELEPHONE_NUMBER",
    "ZA_TRAFFIC_REGISTER_NUMBER",
    "ZA_VAT_NUMBER",
]


def test_the_entities_of_presidio_are_known() -> None:
    assert len(PRESIDIO) > 80
    assert [name for name in PRESIDIO if ALIASES.get(name, name) not in ENTITIES] == []


def test_shapes_are_filed_so_that_they_are_found_again() -> None:
    """Against the obvious way: a shape filled with digits and letters is looked at where it is."""
    for entity in ENTITIES.values():
        for form in entity.forms:
            for shape in shapes(Form(form.shape, form.strength, form.separators))[:3]:
                text = f"a {shape.replace('A', 'K')} b"
                runs = Runs.of([type(entity)(entity.name, "", forms=(form,))])
                places = [(hit.start, hit.end) for hit in runs.scan(View("f", text))]
                assert places == [(2, 2 + len(shape))]
