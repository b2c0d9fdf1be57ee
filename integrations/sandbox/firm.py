"""Larkfield Advisory, the pretend firm that the sandbox systems serve. Plain data, no behaviour.

Everything here is invented. Tax numbers carry correct check digits, because a real ERP refuses
others, but were drawn at random. Money is Decimal in the currency named beside it; rates are per
hour.
"""
# ruff: noqa: E501 - the client table is read row by row

from dataclasses import dataclass
from decimal import Decimal

REPORTING_CURRENCY = "EUR"


@dataclass(frozen=True)
class Entity:
    """A legal entity with its own books."""

    code: str
    name: str
    country: str
    currency: str
    zone: str
    city: str
    tax_codes: tuple[str, ...]


@dataclass(frozen=True)
class Client:
    """A company we advise. ``entity`` is the legal entity that contracts and bills."""

    code: str
    name: str
    entity: str
    street: str
    postal_code: str
    city: str
    country: str
    vat_number: str
    tax_code: str
    contact: str
    email: str
    strategic: bool = False


@dataclass(frozen=True)
class Person:
    """A consultant who can be assigned to projects."""

    name: str
    role: str
    entity: str

    @property
    def email(self) -> str:
        """The address at the firm's reserved example domain."""
        first, *_, last = self.name.lower().replace("'", "").split()
        return f"{first}.{last}@larkfield.example"


@dataclass(frozen=True)
class Rate:
    """What an hour is billed at and what it costs, in one currency."""

    bill: Decimal
    cost: Decimal


ENTITIES = (
    Entity(
        "LF-DE",
        "Larkfield Advisory GmbH",
        "DE",
        "EUR",
        "Europe/Berlin",
        "Hamburg",
        ("DE-19", "EU-RC", "EX-0"),
    ),
    Entity(
        "LF-UK",
        "Larkfield Advisory Ltd",
        "GB",
        "GBP",
        "Europe/London",
        "Leeds",
        ("GB-20", "EX-0"),
    ),
    Entity(
        "LF-US",
        "Larkfield Advisory Inc.",
        "US",
        "USD",
        "America/New_York",
        "Boston",
        ("US-0", "EX-0"),
    ),
)


def _clients(entity: str, rows: str) -> tuple[Client, ...]:
    """Read a block of ``|``-separated lines: the fields of Client after ``entity``."""
    found = []
    for row in rows.strip().splitlines():
        code, name, street, postal, city, country, vat, tax, contact, strategic = (
            part.strip() for part in row.split("|")
        )
        email = f"accounts@{code.lower()}.example"
        found.append(
            Client(
                code=code,
                name=name,
                entity=entity,
                street=street,
                postal_code=postal,
                city=city,
                country=country,
                vat_number=vat,
                tax_code=tax,
                contact=contact,
                email=email,
                strategic=strategic == "strategic",
            )
        )
    return tuple(found)


CLIENTS = (
    *_clients(
        "LF-DE",
        """
MHH | Meridian Harbour Health | Kranichkai 4 | 20457 | Hamburg | DE | DE342366712 | DE-19 | Wiebke Ostermoor | strategic
BRA | Brackwasser Werke AG | Deichtor 19 | 28195 | Bremen | DE | DE676122202 | DE-19 | Jannis Feddersen |
SIL | Silberdistel Optik GmbH | Linsenweg 7 | 07745 | Jena | DE | DE532650201 | DE-19 | Frauke Nebelung |
KUP | Kupferkessel Brauhaus KG | Malzgasse 31 | 96047 | Bamberg | DE | DE520561748 | DE-19 | Anselm Grützner |
TAN | Tannenhäher Logistik SE | Am Umschlag 2 | 47119 | Duisburg | DE | DE471874633 | DE-19 | Solveig Brandner | strategic
WOL | Wolkenstein Mobility | Drosselallee 88 | 70173 | Stuttgart | DE | DE651505561 | DE-19 | Ruben Achterberg |
LOU | Loutre & Fils Assurances | 12 rue des Saules | 69002 | Lyon | FR | FR69626275960 | EU-RC | Maëlle Courtois |
DUI | Duinroos Energie BV | Zandpad 5 | 2586 | Den Haag | NL | NL921627993B01 | EU-RC | Sanne Verkolje |
EDE | Edelfalter Pharma GmbH | Schmettergasse 14 | 1070 | Wien | AT | ATU13693403 | EU-RC | Leopold Zirbner |
CIG | Cigüeña Ferroviaria SL | Calle del Nido 21 | 28012 | Madrid | ES | ESB25739962 | EU-RC | Inés Valderrama |
ENZ | Enzian Privatbank AG | Firnstrasse 3 | 8001 | Zürich | CH | CHE531518809MWST | EX-0 | Urs Hagenbucher | strategic
""",
    ),
    *_clients(
        "LF-UK",
        """
QFM | Quillfeather Mutual | 8 Inkwell Row | LS1 4DT | Leeds | GB | GB263779126 | GB-20 | Imogen Thackwray | strategic
OTT | Otterbourne Rail plc | 2 Signal Yard | YO24 1AB | York | GB | GB700456962 | GB-20 | Desmond Falkirk |
PEB | Pebblewick Water Ltd | 77 Culvert Lane | BS1 6QA | Bristol | GB | GB941919851 | GB-20 | Nerys Cadwallen |
HAR | Harrowgate & Finch LLP | 14 Gavel Court | EC4A 3BW | London | GB | GB699340543 | GB-20 | Rupert Lindqvist |
THI | Thistledown Textiles | 5 Shuttle Wynd | EH6 7RG | Edinburgh | GB | GB608649374 | GB-20 | Morag Abernetty |
SPA | Sparrowhawk Avionics | Hangar 9, Kestrel Way | BT3 9DZ | Belfast | GB | GB542031338 | GB-20 | Conall Devereaux |
CLO | Cloudberry Foods Ltd | 61 Bramble Street | M4 5JD | Manchester | GB | GB376074101 | GB-20 | Anjali Birkett |
SHA | Shamrock Tidal DAC | 3 Ebb Quay | T12 W8K4 | Cork | IE | IE5018378T | EX-0 | Aoife Kilbracken |
""",
    ),
    *_clients(
        "LF-US",
        """
BLU | Bluestem Prairie Foods | 400 Switchgrass Ave | 50309 | Des Moines | US |  | US-0 | Dwight Hollenbeck |
COP | Copperline Instruments | 1820 Gauge Street | 14604 | Rochester | US |  | US-0 | Marisol Entwhistle |
NIM | Nimbus & Larch Software | 77 Evergreen Walk | 98101 | Seattle | US |  | US-0 | Priyanka Overholt | strategic
PAL | Palmetto Credit Union | 9 Lantern Square | 29401 | Charleston | US |  | US-0 | Thaddeus Whitlow |
RED | Redwing Outfitters Co. | 250 Canoe Landing | 55802 | Duluth | US |  | US-0 | Britta Solheim |
MAP | Maple Hollow Biologics | 31 Sugarbush Road | H3B 2Y5 | Montréal | CA |  | EX-0 | Étienne Larocque |
""",
    ),
)

ROLES = ("Partner", "Principal", "Manager", "Senior consultant", "Consultant", "Analyst")
SKILLS = {
    "Partner": ("Client leadership", "Finance"),
    "Principal": ("Finance", "Programme management"),
    "Manager": ("Programme management", "Process design"),
    "Senior consultant": ("Process design", "Data modelling"),
    "Consultant": ("Data modelling", "Interviews"),
    "Analyst": ("Spreadsheets",),
}


def _card(*pairs: tuple[str, str]) -> dict[str, Rate]:
    return {
        role: Rate(Decimal(bill), Decimal(cost))
        for role, (bill, cost) in zip(ROLES, pairs, strict=True)
    }


RATE_CARDS: dict[str, dict[str, Rate]] = {
    "EUR": _card(
        ("385.00", "165.00"),
        ("310.00", "132.50"),
        ("245.00", "98.00"),
        ("195.00", "76.50"),
        ("148.50", "58.00"),
        ("112.00", "43.25"),
    ),
    "GBP": _card(
        ("340.00", "148.00"),
        ("275.00", "118.00"),
        ("215.00", "86.50"),
        ("168.00", "66.00"),
        ("129.50", "50.75"),
        ("98.00", "38.00"),
    ),
    "USD": _card(
        ("450.00", "190.00"),
        ("365.00", "152.00"),
        ("285.00", "112.50"),
        ("225.00", "88.00"),
        ("172.50", "67.25"),
        ("130.00", "49.00"),
    ),
}


def _people(entity: str, rows: str) -> tuple[Person, ...]:
    pairs = (row.split(":") for row in rows.strip().splitlines())
    return tuple(
        Person(name.strip(), role.strip(), entity)
        for role, names in pairs
        for name in names.split(",")
    )


PEOPLE = (
    *_people(
        "LF-DE",
        """
Partner: Henrike Sandvoss
Principal: Matthis Eschenbach, Roya Lindenau
Manager: Tilda Morgenroth, Kaspar Weidling, Yusuf Altmark
Senior consultant: Ilse Brunnhof, Emre Falkensee, Greta Hollander
Consultant: Jonte Vierland, Malin Rothbach, Oskar Tiedemond, Selma Kornfeld
Analyst: Pia Drosselmar, Levin Aschendorp, Nuria Kestenholz
""",
    ),
    *_people(
        "LF-UK",
        """
Partner: Cordelia Ashworthy
Principal: Gideon Marchbanks
Manager: Tamsin Fairweather, Kwame Ellerby
Senior consultant: Bronwen Hartsop, Dilip Ravensworth, Felicity Crane
Consultant: Rory Stonebeck, Zainab Mallory, Hugo Penhallow
Analyst: Maisie Thornbury, Callum Inglefield
""",
    ),
    *_people(
        "LF-US",
        """
Partner: Walter Brightwood
Principal: Lucinda Farrow
Manager: Caleb Windham, Noemi Castellane
Senior consultant: Harper Quillian, Darnell Oakes, Xochitl Riverton
Consultant: Wren Abbott, Theo Marquand, Keiko Stanfield
Analyst: Jasper Holloway, Delia Montrose
""",
    ),
)

PROJECT_TEMPLATES = {
    "Time and materials": "Advisory T&M",
    "Fixed fee": "Implementation fixed fee",
}
REGIONS = {"LF-DE": "Continental Europe", "LF-UK": "UK and Ireland", "LF-US": "North America"}
EXPENSE_TYPES = ("Rail", "Air travel", "Hotel", "Client meal", "Taxi", "Workshop material")
CHANGES = (
    "Two more sites",
    "Interviews in a second language",
    "Data migration added to scope",
    "Longer hypercare after handover",
    "Training for branch managers",
    "Board paper and presentation",
)
ENGAGEMENTS = (
    "Finance target operating model",
    "Order-to-cash redesign",
    "Data platform blueprint",
    "Supply chain resilience review",
    "Pricing and margin diagnostic",
    "Cloud cost programme",
    "Claims handling transformation",
    "Post-merger integration office",
    "Regulatory readiness assessment",
    "Workforce planning model",
    "Customer service redesign",
    "Treasury system selection",
    "Sustainability reporting set-up",
    "Procurement excellence wave 2",
    "Product portfolio review",
    "Month-end close acceleration",
)
