"""What a lead's own fields are called elsewhere: in other systems, and in German."""

import unicodedata
from typing import Final

_SPELLINGS: Final = {
    "email": "email emailaddress mail mailaddress emailadresse mailadresse epost primaryemail",
    "first_name": "firstname givenname forename vorname rufname",
    "last_name": "lastname surname familyname nachname familienname zuname",
    "external_id": "externalid id contactid customerid customernumber kundennummer kundennr kdnr crmid externeid",
    "entity": "entity businessline businessunit geschäftsbereich geschaeftsbereich bereich sparte",
    "stage": "stage status phase pipelinestage leadstatus leadstage leadphase",
    "tags": "tags tag labels keywords schlagwörter schlagworte schlagwoerter stichwörter stichworte stichwoerter",
}
_BY_LETTERS: Final = {name: field for field, names in _SPELLINGS.items() for name in names.split()}


def letters(name: str) -> str:
    """Letters and digits of a name, without regard to case."""
    return "".join(filter(str.isalnum, unicodedata.normalize("NFKC", name))).casefold()


def field_named(name: str) -> str | None:
    """The lead's own field that is called this elsewhere: `Vorname` is first_name."""
    return _BY_LETTERS.get(letters(name))
