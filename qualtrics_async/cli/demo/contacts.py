"""A file of contacts that looks like the real thing, made from a seed; nobody in it exists."""

from __future__ import annotations

import codecs
import csv
import io
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from pathlib import Path
from random import Random
from typing import Final, Literal, TypeAlias

__all__ = ["LIST_COLUMN", "SHARES", "Kind", "list_names", "write_contacts"]

LIST_COLUMN: Final = "Mailing list"

COLUMNS: Final = (
    LIST_COLUMN,
    "First Name",
    "Last Name",
    "Email",
    "Phone",
    "External Data Reference",
    "Language",
    "Unsubscribed",
    "Segment",
    "Note",
    "Last purchase",
)

Kind: TypeAlias = Literal[
    "plain", "invalid e-mail", "no contact field", "broken line", "doubled", "opted out"
]

SHARES: Final[Mapping[Kind, float]] = {
    "invalid e-mail": 0.006,
    "no contact field": 0.004,
    "broken line": 0.003,
    "doubled": 0.010,
    "opted out": 0.012,
}

_FIRST, _EMAIL, _REFERENCE, _UNSUBSCRIBED = 1, 3, 5, 7
_REMEMBERED = 500
_LISTS = (
    "Retail north",
    "Retail south",
    "Online, new",
    "Online, returning",
    "Business",
    "Partners",
    "Événements",
    "試用",
)

_PEOPLE: Final[Sequence[tuple[str, Sequence[str], Sequence[str]]]] = (
    ("EN", ("Grace", "Oliver", "Amelia", "Noah"), ("Walker", "O'Neill", "Smith-Jones", "Brown")),
    ("FR", ("Zoé", "François", "Éloïse", "Théo"), ("Lefèvre", "Dupré", "de la Forêt", "Gérard")),
    ("DE", ("Jörg", "Käthe", "Björn", "Änne"), ("Müller", "Groß", "Schäfer", "von Bülow")),
    ("ES", ("Íñigo", "Begoña", "José María", "Núria"), ("Muñoz", "Peña", "García Ibáñez", "Güell")),
    ("PL", ("Łukasz", "Małgorzata", "Żaneta", "Świętosław"), ("Wójcik", "Dąbrowska", "Źrebiec", "Kołacz")),
    ("TR", ("Gökçe", "İpek", "Çağla", "Şükrü"), ("Yıldız", "Öztürk", "Güneş", "Doğan")),  # noqa: RUF001  (as it is written)
    ("VI", ("Hằng", "Đức", "Phượng", "Tuấn"), ("Nguyễn", "Trần", "Phạm", "Đặng")),
    ("EL", ("Ελένη", "Γιώργος", "Αγγελική", "Νίκος"), ("Παπαδόπουλος", "Ιωάννου", "Καραγιάννη", "Δήμου")),
    ("RU", ("Наталья", "Дмитрий", "Юлия", "Фёдор"), ("Кузнецова", "Щербаков", "Ёлкин", "Соловьёва")),
    ("AR", ("ليلى", "يوسف", "مريم", "خالد"), ("الحسن", "عبد الله", "منصور", "حداد")),
    ("HE", ("נועה", "איתן", "שירה", "דוד"), ("כהן", "לוי", "בן־דוד", "מזרחי")),
    ("HI", ("अंजलि", "राहुल", "प्रिया", "विक्रम"), ("शर्मा", "सिंह", "गुप्ता", "वर्मा")),
    ("TH", ("สมชาย", "กัญญา", "ณัฐพล", "ปวีณา"), ("ใจดี", "สุขสวัสดิ์", "ทองคำ", "แสงจันทร์")),
    ("ZH-S", ("秀英", "伟", "静怡", "建国"), ("王", "欧阳", "张", "刘")),
    ("JA", ("さくら", "健太", "ユキ", "髙志"), ("佐藤", "𠮷田", "渡邉", "山本")),
    ("KO", ("서연", "민준", "하은", "도윤"), ("김", "박", "남궁", "최")),
)
_LOCAL_PARTS = ("first.last", "hello", "o'brien", "team+survey", "A.Reader", "x_y-z", "info", "me+2026")
_DOMAINS = ("example.com", "example.org", "example.net", "mail.example.com")
_PHONES = (
    "+1 202-555-01{:02}",
    "+44 20 7946 0{:03}",
    "+49 (0)30 23125 {:03}",
    "+33 1 99 00 00 {:02}",
    "+61 2 5550 {:04}",
)
_SEGMENTS = ("Gold, yearly", "Silver", 'The "early" ones', "north; south", "Überfällig", "=1+1", "")
_NOTES = (
    "",
    "",
    "called twice, no answer",
    'says "later"',
    "first line\nsecond line",
    "tab\there",
    "🎉 10 years with us",
    "50 % off: naïve café",
    "a, b; c | d",
)
_INVALID = (
    "{} at example.com",
    "{}@",
    "@{}.example.org",
    "{}@@example.com",
    "{}@example",
    "a b {}@example.com",
)


def list_names(count: int) -> list[str]:
    """Names for so many mailing lists."""
    return [*_LISTS[:count], *(f"List {number}" for number in range(len(_LISTS) + 1, count + 1))]


def write_contacts(path: Path, rows: int, lists: int, seed: int) -> Counter[Kind]:
    """Write a CSV file of so many rows, and tell how many there are of each kind; most are plain."""
    chance = Random(seed)  # noqa: S311  (a demo, repeatable)
    kinds = [kind for kind, share in SHARES.items() for _ in range(round(rows * share))]
    special = dict(zip(chance.sample(range(1, max(rows, 1)), len(kinds)), kinds, strict=True))
    names = list_names(lists)
    earlier: deque[list[str]] = deque(maxlen=_REMEMBERED)
    with path.open("wb") as file:
        file.write(codecs.BOM_UTF8 + _line(COLUMNS))
        for number in range(rows):
            kind = special.get(number, "plain")
            row = _person(number, chance.choice(names), chance)
            match kind:
                case "plain":
                    earlier.append(row)
                case "invalid e-mail":
                    row[_EMAIL] = chance.choice(_INVALID).format(number)
                case "no contact field":
                    row[_FIRST : _REFERENCE + 1] = [""] * (_REFERENCE + 1 - _FIRST)
                case "doubled":
                    row = [chance.choice((chance.choice(names), row[0])), *chance.choice(earlier)[1:]]
                case "opted out":
                    row[_UNSUBSCRIBED] = chance.choice(("true", "Yes", "1"))
            line = _line(row)
            file.write(_break(line, chance) if kind == "broken line" else line)
    return Counter(special.values()) + Counter({"plain": rows - len(kinds)})


def _person(number: int, list_name: str, chance: Random) -> list[str]:
    language, first_names, last_names = chance.choice(_PEOPLE)
    email = f"{chance.choice(_LOCAL_PARTS)}.{number:06}@{chance.choice(_DOMAINS)}"
    phone = chance.choice(_PHONES).format(number % 100)
    # The first row is one that can be doubled.
    reachable_by = chance.choice(("both", "both", "e-mail")) if number % 40 else "e-mail"
    return [
        list_name,
        chance.choice(first_names),
        chance.choice(last_names),
        email,
        phone if reachable_by == "both" else "",
        f"CRM-{number:07}",
        language,
        chance.choice(("", "", "no", "false")),
        chance.choice(_SEGMENTS),
        chance.choice(_NOTES),
        f"20{chance.randint(18, 25)}-{chance.randint(1, 12):02}-{chance.randint(1, 28):02}",
    ]


def _line(cells: Sequence[str]) -> bytes:
    out = io.StringIO()
    csv.writer(out, lineterminator="\r\n").writerow(cells)
    return out.getvalue().encode()


def _break(line: bytes, chance: Random) -> bytes:
    """Spoil a line as exports do: cells missing or too many, another encoding, an open quote, a NUL."""
    start = b"Retail north,Andr"
    return chance.choice(
        (
            start + b"\r\n",
            line.rstrip() + b",,,\r\n",
            start + b"\xe9,\xff\r\n",
            start + b',"\r\n',
            start + b"\0\r\n",
        )
    )
