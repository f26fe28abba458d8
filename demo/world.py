"""Who is in the demo: two MSPs that know nothing of each other, and one person who works for both.

People are named by their first names, which are unique in an MSP.
"""

from dataclasses import dataclass
from enum import Enum, auto

PASSWORD = "convene-demo"  # noqa: S105  # of people who exist only in the demo


@dataclass(frozen=True)
class Member:
    name: str
    email: str
    role: str
    zone: str = ""


@dataclass(frozen=True)
class Contact:
    """Somebody at a client, who can sign in to the portal."""

    name: str
    email: str
    phone: str
    zone: str
    client: str


@dataclass(frozen=True)
class Service:
    name: str
    minutes: int
    performers: tuple[str, ...]
    description: str
    public: bool = False


class Ending(Enum):
    """What became of a request."""

    PENDING = auto()
    APPROVED = auto()
    MEETING = auto()
    """Approved, with an online meeting where there is a provider."""
    DECLINED = auto()
    WITHDRAWN = auto()
    """Cancelled by the client before anybody decided."""
    CALLED_OFF = auto()
    """Approved with a meeting, then cancelled by the MSP."""


PENDING, APPROVED, MEETING = Ending.PENDING, Ending.APPROVED, Ending.MEETING
DECLINED, WITHDRAWN, CALLED_OFF = Ending.DECLINED, Ending.WITHDRAWN, Ending.CALLED_OFF


@dataclass(frozen=True)
class Request:
    """Asked for ``hours_ago``; ``days`` are counted from the day of the seed, also backwards.

    ``clock`` is the wall's of whoever asks; an empty one is a whole hour that comes soon. Of a
    pending request ``technician`` is a wish.
    """

    contact: str
    service: str
    days: int
    clock: str
    hours_ago: int
    about: str
    ending: Ending = PENDING
    technician: str = ""
    reason: str = ""


@dataclass(frozen=True)
class Busy:
    """Time that somebody has for nothing else; days and clocks as of a request, here their own."""

    technician: str
    title: str
    days: int
    starts_at: str
    ends_at: str


@dataclass(frozen=True)
class Hours:
    """When people work on some days of the week (Monday is 0), by their own clocks."""

    people: tuple[str, ...]
    weekdays: tuple[int, ...]
    starts_at: str
    ends_at: str


@dataclass(frozen=True)
class Availability:
    """When appointments can be booked.

    The holiday is everybody's, on the first weekday so many days or more after the seed.
    """

    hours: tuple[Hours, ...]
    holiday: str
    holiday_in_days: int
    rules: dict[str, int]


@dataclass(frozen=True)
class Msp:
    """Without ``availability`` its clients ask for any time; with it they choose a free one."""

    slug: str
    name: str
    zone: str
    email: str
    phone: str
    staff: tuple[Member, ...]
    contacts: tuple[Contact, ...]
    services: tuple[Service, ...]
    requests: tuple[Request, ...]
    availability: Availability | None = None
    busy: tuple[Busy, ...] = ()


ROBIN = "robin@two-desks.example"

# fmt: off  # tables
NORTHWIND = Msp(
    "northwind",
    "Northwind IT",
    "Europe/Berlin",
    "service@northwind.example",
    "+49 30 23125 100",
    staff=(
        Member("Greta Holm", "greta@northwind.example", "admin"),
        Member("Dana Weber", "dana@northwind.example", "dispatcher"),
        Member("Tom Brandt", "tom@northwind.example", "technician"),
        Member("Aylin Kaya", "aylin@northwind.example", "technician"),
        Member("Ines Duarte", "ines@northwind.example", "technician", "Europe/Lisbon"),
        Member("Robin Keller", ROBIN, "dispatcher"),
    ),
    contacts=(
        Contact(
            "Marta Silva",
            "marta@lighthouse-law.example",
            "+351 21 555 0117",
            "Europe/Lisbon",
            "Lighthouse Law",
        ),
        Contact(
            "Mikkel Hansen",
            "mikkel@hansen-dental.example",
            "+45 55 55 01 42",
            "Europe/Copenhagen",
            "Hansen Dental",
        ),
        Contact(
            "Freja Lund",
            "freja@hansen-dental.example",
            "+45 55 55 01 43",
            "Europe/Copenhagen",
            "Hansen Dental",
        ),
        Contact(
            "Lukas Moser",
            "lukas@alpine-bikes.example",
            "+43 1 555 0198",
            "Europe/Vienna",
            "Alpine Bikes",
        ),
    ),
    services=(
        Service(
            "Remote support",
            30,
            ("Tom", "Aylin", "Ines"),
            "We look at your screen with you and solve it there and then.",
            public=True,
        ),
        Service("On-site visit", 120, ("Tom", "Aylin"), "A technician comes to your office."),
        Service(
            "New workstation",
            90,
            ("Aylin",),
            "We set up a new computer, with everything that was on the old one.",
        ),
        Service(
            "Security check",
            60,
            ("Ines", "Tom"),
            "Updates, backups, passwords and who may do what, on one page at the end.",
            public=True,
        ),
        Service(
            "Quarterly review", 45, ("Greta",), "What happened, what it cost, and what comes next."
        ),
    ),
    requests=(
        # Freja asks for Tom while he is with her colleague.
        Request(
            "Mikkel",
            "Remote support",
            1,
            "10:00",
            26,
            "The X-ray viewer is slow since Monday.",
            MEETING,
            "Tom",
        ),
        Request(
            "Freja",
            "Remote support",
            1,
            "10:15",
            3,
            "Could Tom look at the printer of the front desk?",
            PENDING,
            "Tom",
        ),
        Request(
            "Lukas",
            "Remote support",
            0,
            "",
            45,
            "The till prints every receipt twice.",
            MEETING,
            "Tom",
        ),
        Request(
            "Marta",
            "Quarterly review",
            4,
            "16:30",
            50,
            "Please bring the numbers of the backup test.",
        ),
        Request("Lukas", "New workstation", 2, "08:00", 1, "Our new colleague starts that day."),
        Request(
            "Mikkel",
            "On-site visit",
            3,
            "09:00",
            30,
            "The new access point in room 4.",
            APPROVED,
            "Aylin",
        ),
        Request(
            "Marta",
            "Security check",
            5,
            "11:00",
            44,
            "Two colleagues left last month.",
            MEETING,
            "Ines",
        ),
        Request(
            "Lukas", "Remote support", -3, "14:00", 140, "The till does not print.", APPROVED, "Tom"
        ),
        Request(
            "Freja",
            "On-site visit",
            6,
            "07:00",
            70,
            "Before the first patients, please.",
            DECLINED,
            reason="Nobody can be with you before 8:00. Please choose a later time.",
        ),
        Request(
            "Marta",
            "Remote support",
            2,
            "15:00",
            20,
            "The scanner. It works again by now.",
            WITHDRAWN,
        ),
        Request(
            "Mikkel",
            "Security check",
            7,
            "10:00",
            90,
            "As agreed on the phone.",
            CALLED_OFF,
            "Tom",
            reason="Tom is at a training that day. We call you for another time.",
        ),
        Request(
            "Lukas",
            "Security check",
            8,
            "13:45",
            120,
            "The insurance asks for it once a year.",
            PENDING,
            "Ines",
        ),
    ),
    availability=Availability(
        hours=(
            Hours(("Greta", "Aylin", "Ines"), (0, 1, 2, 3, 4), "08:00", "18:00"),
            Hours(("Tom",), (0, 1, 2, 3), "08:00", "18:00"),
            Hours(("Tom",), (4,), "08:00", "13:00"),
        ),
        holiday="Company holiday",
        holiday_in_days=18,
        rules={"notice_hours": 24, "horizon_days": 60, "step_minutes": 30, "buffer_after": 15},
    ),
    busy=(
        Busy("Tom", "Van to the garage", 2, "09:00", "10:30"),
        Busy("Aylin", "Training", 4, "13:00", "17:00"),
    ),
)

FABRIKAM = Msp(
    "fabrikam",
    "Fabrikam Support",
    "America/New_York",
    "help@fabrikam.example",
    "+1 212 555 0142",
    staff=(
        Member("Carol Reyes", "carol@fabrikam.example", "admin"),
        Member("Marcus Lee", "marcus@fabrikam.example", "dispatcher"),
        Member("Priya Shah", "priya@fabrikam.example", "technician"),
        Member("Owen Brooks", "owen@fabrikam.example", "technician"),
        Member("Lena Novak", "lena@fabrikam.example", "technician", "America/Los_Angeles"),
        Member("Robin Keller", ROBIN, "dispatcher", "Europe/Berlin"),
    ),
    contacts=(
        Contact(
            "Grace Miller",
            "grace@harbor-bakery.example",
            "+1 617 555 0119",
            "America/New_York",
            "Harbor Bakery",
        ),
        Contact(
            "Diego Alvarez",
            "diego@summit-dental.example",
            "+1 303 555 0164",
            "America/Denver",
            "Summit Dental",
        ),
        Contact(
            "Hannah Kim",
            "hannah@maple-street.example",
            "+1 312 555 0187",
            "America/Chicago",
            "Maple Street School",
        ),
    ),
    services=(
        Service(
            "Help desk call",
            30,
            ("Priya", "Owen", "Lena"),
            "Tell us what does not work; we stay on the line until it does.",
        ),
        Service("Network visit", 120, ("Owen",), "Cables, switches and wireless, at your place."),
        Service("Cloud migration", 60, ("Priya", "Lena"), "Planning the move of mail and files."),
        Service("Onboarding", 45, ("Priya", "Owen"), "Accounts and devices for new people."),
        Service(
            "Backup restore test", 60, ("Lena",), "We restore a file of your choice and time it."
        ),
    ),
    requests=(
        Request(
            "Diego", "Onboarding", 0, "", 41, "Sam begins today and needs a phone.", MEETING, "Owen"
        ),
        # 9:45 in New York is 7:45 in Denver: Diego asks for Priya while she is with Grace.
        Request(
            "Grace",
            "Help desk call",
            1,
            "09:30",
            22,
            "The order tablet logs out every hour.",
            MEETING,
            "Priya",
        ),
        Request(
            "Diego",
            "Help desk call",
            1,
            "07:45",
            5,
            "Priya helped last time, she knows the setup.",
            PENDING,
            "Priya",
        ),
        Request("Hannah", "Onboarding", 3, "15:00", 49, "Four new teachers."),
        Request("Hannah", "Network visit", 9, "08:15", 96, "The gym has no wireless."),
        Request(
            "Grace",
            "Network visit",
            2,
            "06:00",
            40,
            "Before we open, if you can.",
            APPROVED,
            "Owen",
        ),
        Request(
            "Diego",
            "Cloud migration",
            6,
            "14:00",
            60,
            "Our first look at the plan.",
            MEETING,
            "Lena",
        ),
        Request(
            "Hannah",
            "Help desk call",
            -2,
            "13:00",
            75,
            "The grade book did not open.",
            APPROVED,
            "Owen",
        ),
        Request(
            "Grace",
            "Cloud migration",
            5,
            "19:00",
            55,
            "After closing time.",
            DECLINED,
            reason="Our evenings are for emergencies. Would the morning work for you?",
        ),
        Request(
            "Hannah",
            "Onboarding",
            7,
            "10:00",
            33,
            "Two more laptops. We found them in the storeroom.",
            WITHDRAWN,
        ),
        Request(
            "Diego",
            "Onboarding",
            8,
            "11:00",
            80,
            "A hygienist starts in the new year.",
            CALLED_OFF,
            "Owen",
            reason="She starts later, as you told us. Ask again when you know the day.",
        ),
        Request("Diego", "Backup restore test", 4, "12:00", 1, "Can we take last year's invoices?"),
    ),
)
# fmt: on

MSPS = (NORTHWIND, FABRIKAM)
