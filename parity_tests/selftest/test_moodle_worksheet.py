"""Moodle's grading worksheet in other languages than English: filled like the English one, and never guessed at."""

from __future__ import annotations

from pathlib import Path

import pytest

from parity_tests.selftest.test_grade import Parity, asked
from parity_tests.selftest.test_gradebook import Filled, Graded, filled, graded, kept, moodle_class

__all__ = ["asked", "filled", "graded", "kept"]
pytestmark = pytest.mark.usefixtures("asked")
GERMAN = (
    'ID,"Vollständiger Name",E-Mail-Adresse,Status,Bewertung,Bestwertung,"Bewertung kann geändert werden",'
    '"Zuletzt geändert (Bewertung)","Feedback als Kommentar"\n'
    '"Teilnehmer/in5101","Ann Lee",ann@school,Abgegeben,,"100,00",Ja,-,\n'
    '"Teilnehmer/in5102","Bob Ray",bob@school,Abgegeben,"70,00","100,00",Nein,-,\n'
    '"Teilnehmer/in5104","Dan Öz",dan@school,Abgegeben,,"100,00",Ja,-,\n'
)
HEADERS = {
    "French": "Identifiant,Nom complet,Adresse de courriel,Statut,Note,Note maximale,La note peut être modifiée",
    "Spanish": "Identificador,Nombre completo,Dirección de correo,Estado,Calificación,Calificación máxima,"
    "La calificación puede ser cambiada",
    "Spanish of Spain": "Identificador,Nombre completo,Dirección de correo,Estado,Calificación,Calificación máxima,"
    "La calificación puede cambiarse",
    # Of these the last title alone is known; the others are told by their places and what stands in them.
    "Italian": "a,b,c,d,e,f,La valutazione può essere cambiata",
    "Portuguese": "a,b,c,d,e,f,A nota pode ser alterada.",
    "Dutch": "a,b,c,d,e,f,Het cijfer kan gewijzigd worden",
}
ROWS = "Person 5101,Ann Lee,ann@school,x,,100.00,x\nPerson 5104,Dan Öz,dan@school,x,,100.00,x\n"


def test_a_german_worksheet_is_filled_with_its_own_commas_and_comments(
    parity: Parity, filled: Filled, tmp_path: Path
) -> None:
    source, comments = moodle_class(tmp_path / "class"), tmp_path / "comments.csv"
    comments.write_text("submission,comment\nAnn Lee,gut\n", encoding="utf-8")
    parity("grade", source, "--out", tmp_path / "out", "--comments", comments)
    back, said = filled(tmp_path / "out", GERMAN)
    expected = GERMAN.replace('ann@school,Abgegeben,,"100,00",Ja,-,', 'ann@school,Abgegeben,100,"100,00",Ja,-,gut')
    assert back == expected.replace("dan@school,Abgegeben,,", "dan@school,Abgegeben,85,")
    assert "2 grades are filled in: moodle, column 'Bewertung'." in said
    assert "Bob Ray: the table says that the grade cannot be changed." in said


@pytest.mark.parametrize("language", HEADERS)
def test_the_worksheet_of_another_language_is_known_by_its_words_and_places(
    graded: Graded,
    filled: Filled,
    language: str,
) -> None:
    table = f"{HEADERS[language]}\n{ROWS}"
    back, said = filled(graded(moodle_class), table)
    assert back == table.replace("ann@school,x,,", "ann@school,x,100,").replace("dan@school,x,,", "dan@school,x,85,")
    assert "moodle" in said


def test_any_other_language_is_taken_where_the_column_is_named(graded: Graded, filled: Filled) -> None:
    table = f"Identyfikator,a,b,c,Ocena,d,e\n{ROWS}"
    back, _ = filled(graded(moodle_class), table, "--column", "ocena")
    assert "ann@school,x,100," in back


@pytest.mark.parametrize(
    "table",
    [
        f"Identyfikator,a,b,c,Ocena,d,e\n{ROWS}",
        HEADERS["Dutch"] + "\nno number,Ann Lee,ann@school,x,,100.00,x\n",
        HEADERS["Dutch"] + "\nPerson 5101,Ann Lee,ann@school,x,good,100.00,x\n",
        HEADERS["Dutch"] + "\nPerson 5101,Ann Lee,ann@school,x,,a scale,x\n",
        "Het cijfer kan gewijzigd worden,b,c\nPerson 5101,1,2\n",
    ],
    ids=["no known word", "nobody's number", "grades that are none", "a scale", "another place"],
)
def test_what_only_looks_like_one_is_refused(
    parity: Parity,
    graded: Graded,
    tmp_path: Path,
    table: str,
) -> None:
    path = tmp_path / "export.csv"
    path.write_text(table, encoding="utf-8")
    status, _, err = parity("gradebook", graded(moodle_class), path)
    assert status == 2
    assert "line 1: these are not the columns" in err
    assert "--column" in err
