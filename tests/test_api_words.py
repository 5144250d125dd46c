"""What a person is told when something is wrong: plain words, and no password that is easily guessed."""

import re
from pathlib import Path

import pytest

from api.accounts.credentials import hash_password
from api.accounts.people import Role
from api.core.errors import InvalidError
from api.web.pages import sentence
from tests.api_kit import PASSWORD, Desk


@pytest.mark.parametrize(
    "password",
    ["password1234", "qwertyuiop12", "aaaaaaaaaaaaaaaa", "abcabcabcabcabc", "Password2026", "123456789012"],
)
def test_a_password_that_is_easily_guessed_is_refused(password: str) -> None:
    """By an estimate, not by rules of letters and digits; the password is not in what is said."""
    with pytest.raises(InvalidError, match="easily guessed") as refused:
        hash_password(password, "ada")
    assert password not in str(refused.value) + refused.value.hint


@pytest.mark.parametrize("password", [PASSWORD, "x" * 11 + "Lz7-verdigris-moth", "m0th verdigris tuba" * 10])
def test_a_password_that_is_hard_to_guess_is_taken(password: str) -> None:
    """Long ones too."""
    assert hash_password(password, "ada").startswith("$argon2id$")


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("/hits/nothing", 404, "There is no such page."),
        ("/queue/next?after=x", 422, "“after” is not one of the values that can be there."),
        ("/audit?before=x", 422, "“before” is not a whole number."),
        ("/nowhere", 404, "Not Found."),
    ],
)
def test_an_error_page_speaks_plainly_and_keeps_the_navigation(
    tmp_path: Path, path: str, status: int, words: str
) -> None:
    """No name of a framework's error, no doubled full stop; whoever is signed in can go on from there."""
    desk = Desk(tmp_path / "state")
    role = Role.AUDITOR if path.startswith("/audit") else Role.REVIEWER
    answer = desk.sign_in("rita", role).get(path)
    assert answer.status_code == status
    main = re.sub(r"<[^>]+>", " ", answer.text[answer.text.index("<main") :])
    assert words in main
    assert "parsing" not in main
    assert ".." not in main
    assert 'aria-label="Main"' in answer.text
    assert 'aria-label="Main"' not in desk.client().get("/nowhere").text
    desk.service.close()


@pytest.mark.parametrize(
    ("text", "said"),
    [("locked.", "Locked."), ("no", "No."), ("sure?", "Sure?"), ("", ""), ("A. b..", "A. b.")],
)
def test_a_sentence_has_one_end(text: str, said: str) -> None:
    """Whatever the error said."""
    assert sentence(text) == said


def test_the_navigation_says_where_one_is(tmp_path: Path) -> None:
    """The page itself, or the part of the service that it is in."""
    desk = Desk(tmp_path / "state")
    ada = desk.sign_in("ada", Role.ADMINISTRATOR)
    assert '<a href="/people" aria-current="page">' in ada.get("/people").text
    desk.join("rita", Role.REVIEWER)
    page = ada.get("/people/rita").text
    assert '<a href="/people" aria-current="true">' in page
    assert page.count("aria-current") == 1
    desk.service.close()
