"""Invented customers of the demo, the same at every start: names from lists, IINs with true check digits."""

import csv
import io
import random
from datetime import date, timedelta
from typing import NamedTuple

from subjects.identifiers import check_digit

COUNT = 500
HEADERS = ("client_number", "iin", "last_name", "first_name", "patronymic", "phone", "email", "language", "kind")
# one of so many has no e-mail, is a minor; primes, so that all languages are met among them
WITHOUT_EMAIL, MINOR = 29, 97

# {language: {sex: (last names, first names, patronymics)}}
NAMES = {
    "kk": {
        "male": (
            "Ахметов Әбенов Байжанов Досымов Ермеков Жұмабеков Қасымов Мұратов Нұрланов Оразов Сәрсенов Тілеуов "
            "Төлегенов Үсенов Шәріпов Ысқақов",
            "Абай Айдос Арман Бауыржан Дәулет Ерлан Жандос Қанат Мұрат Нұрлан Олжас Самат Серік Талғат Тимур Шыңғыс",
            "Асқарұлы Бақытұлы Ғалымұлы Ержанұлы Қайратұлы Маратұлы Нұрболұлы Сейітұлы",
        ),
        "female": (
            "Ахметова Әбенова Байжанова Досымова Ермекова Жұмабекова Қасымова Мұратова Нұрланова Оразова Сәрсенова "
            "Тілеуова Төлегенова Үсенова Шәріпова Ысқақова",
            "Айгүл Айнұр Әсел Ботагөз Гүлнәр Динара Жанар Жұлдыз Қарлығаш Мадина Нұргүл Назерке Сәуле Толғанай Шолпан",
            "Асқарқызы Бақытқызы Ғалымқызы Ержанқызы Қайратқызы Маратқызы Нұрболқызы Сейітқызы",
        ),
    },
    "ru": {
        "male": (
            "Ким Иванов Кузнецов Ли Мельников Новиков Пак Петров Попов Садыков Сидоров Смирнов Ткаченко Цой Шевченко",
            "Александр Алексей Андрей Виктор Владимир Дмитрий Евгений Игорь Олег Павел Ринат Руслан Сергей Юрий",
            "Александрович Алексеевич Викторович Дмитриевич Николаевич Олегович Сергеевич",
        ),
        "female": (
            "Ким Иванова Кузнецова Ли Мельникова Новикова Пак Петрова Попова Садыкова Сидорова Смирнова Ткаченко Цой",
            "Анна Валентина Виктория Галина Екатерина Елена Ирина Марина Наталья Ольга Светлана Татьяна Юлия",
            "Александровна Алексеевна Викторовна Дмитриевна Николаевна Олеговна Сергеевна",
        ),
    },
    "en": {
        "male": ("Brown Demir Khan Novak Schmidt Yilmaz", "Adam Emre Imran Jan Lukas Thomas", ""),
        "female": ("Brown Demir Khan Novak Schmidt Yilmaz", "Alice Elif Eva Hannah Sara Zeynep", ""),
    },
}
LANGUAGES = ("kk", "kk", "ru", "kk", "ru", "en", "kk", "ru", "kk", "ru")
PREFIXES = ("700", "701", "702", "705", "707", "708", "747", "771", "775", "776", "777", "778")
DOMAINS = ("example.kz", "mail.example")


class Person(NamedTuple):
    """A row of the file; all of it is invented, a phone or an IIN may be somebody's by chance alone."""

    client_number: str
    iin: str
    last_name: str
    first_name: str
    patronymic: str
    phone: str
    email: str
    language: str
    kind: str


def people(today: date) -> list[Person]:
    """The 500, the first three of them adults with an e-mail whose languages are kk, ru, en; today: in Almaty."""
    chance = random.Random(94)  # noqa: S311 -- the same people at every start, and no secrets
    taken: set[str] = set()
    return [_person(number, chance, taken, today) for number in range(1, COUNT + 1)]


def _person(number: int, chance: random.Random, taken: set[str], today: date) -> Person:
    language = ("kk", "ru", "en")[number - 1] if number <= 3 else LANGUAGES[number % len(LANGUAGES)]
    sex = chance.choice(("male", "female"))
    last, first, patronymic = (chance.choice(names.split() or [""]) for names in NAMES[language][sex])
    minor = number % MINOR == 0
    # adults are the same whenever the demo is loaded, minors are young on that day
    year = today.year - chance.randint(12, 16) if minor else chance.randint(1952, 2006)
    born = date(year, 1, 1) + timedelta(days=chance.randrange(360))
    return Person(
        client_number=f"K-{number:05d}",
        iin=iin_of(born, sex, chance, taken),
        last_name=last,
        first_name=first,
        patronymic=patronymic,
        phone=f"+7{chance.choice(PREFIXES)}{2_000_000 + number * 13:07d}",
        email="" if number % WITHOUT_EMAIL == 0 else f"client{number:03d}@{chance.choice(DOMAINS)}",
        language=language,
        kind="heir" if minor else "customer",
    )


def iin_of(born: date, sex: str, chance: random.Random, taken: set[str]) -> str:
    """An IIN nobody in `taken` has; a number whose check digit would be 10 is never issued (law.md 3.1)."""
    century = (5 if born.year >= 2000 else 3) + (sex == "female")
    while True:
        eleven = f"{born:%y%m%d}{century}{chance.randrange(10_000):04d}"
        digit = check_digit(eleven)
        if digit is not None and f"{eleven}{digit}" not in taken:
            taken.add(f"{eleven}{digit}")
            return f"{eleven}{digit}"


def as_csv(rows: list[Person]) -> bytes:
    """The file an officer would upload."""
    out = io.StringIO()
    writer = csv.writer(out, delimiter=";")
    writer.writerow(HEADERS)
    writer.writerows(rows)
    return out.getvalue().encode()
