"""What a form refused is said in words: in the unit's configuration, the service's, and over HTTP."""

import json
from pathlib import Path

import pytest
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from api.core.errors import SettingsError
from api.core.settings import load_settings
from edge.config import load_config
from edge.errors import ConfigError
from hitonly_core.form_words import sentence, with_causes_only
from tests.box_kit import BASE

FOREIGN = (
    "Input should",
    "should have",
    "should be",
    "should match",
    "String ",
    "Tuple ",
    "Field required",
    "^",
    "\\x",
)
"""What the library says to programmers."""


@pytest.mark.parametrize(
    ("camera", "said"),
    [
        ('{ kind = "usb", device = 99 }', "cameras 1: source.device must be 63 or less"),
        ('{ kind = "rstp", url = "x" }', "must have a kind that is one of"),
        ('{ url = "x" }', "source has no kind"),
        ('"x"', "source must be a table"),
        ('{ kind = "file" }', "cameras 1: source.path is missing"),
        ('{ kind = "file", path = "x", every = 0 }', "source.every must be 1 or more"),
        ('{ kind = "pictures", paths = [] }', "source.paths must have 1 entries or more"),
        ('{ kind = "usb", device = 1, sise = 1 }', "unknown key cameras 1: source.sise"),
        ('{ kind = "rtsp", url = "http://h" }', "cameras 1: source.url: must begin with"),
    ],
)
def test_the_units_configuration(camera: str, said: str, tmp_path: Path) -> None:
    """The key as it stands in the file, cameras counted from 1; and the cause alone, not what follows from it."""
    path = tmp_path / "edge.toml"
    path.write_text(f'{BASE}\n[[cameras]]\nname = "north"\nplace = "x"\nsource = {camera}\n')
    with pytest.raises(ConfigError) as caught:
        load_config(path)
    assert said in str(caught.value)
    assert ";" not in str(caught.value)
    assert not any(words in str(caught.value) for words in FOREIGN)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"port": 99999999}, "port must be 65535 or less"),
        ({"port": "x"}, "port must be a whole number"),
        ({"tls": {"mode": "on"}}, "tls.mode must be one of"),
        ({"retention": {"pending": "soon"}}, "retention.pending must be a length of time"),
        ({"department": "a\nb"}, "department has a character"),
        ({"limits": {"batch": 0}}, "limits.batch must be 1 or more"),
        (
            {"alerts": [{"name": "desk", "kind": "webhook", "url": "https://d", "secret": "QXZJ"}]},
            "webhook.secret must have 32 characters or more",
        ),
        ({"staffed": {"reason": "QXZJ " * 5}}, "staffed.authority is missing"),
    ],
)
def test_the_services_settings(given: dict[str, object], said: str) -> None:
    """The same words; no value is in them."""
    with pytest.raises(SettingsError) as caught:
        load_settings(None, state=Path("x"), **given)
    assert said in str(caught.value)
    assert not any(words in str(caught.value) for words in (*FOREIGN, "QXZJ"))


class _Inner(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")
    count: int = Field(gt=1, lt=9)
    name: str = Field(min_length=2, max_length=5, pattern="^[a-z]+$")
    kind: float = Field(ge=0, allow_inf_nan=False)


class _Outer(BaseModel):
    inner: tuple[_Inner, ...] = Field(min_length=1, max_length=2)


@pytest.mark.parametrize(
    "value", [None, 0, 99, "a", "abcdefg", "A1", [], {}, True, 1.5, float("nan"), "QXZJ\n"]
)
@pytest.mark.parametrize("name", ["count", "name", "kind", "other"])
def test_no_value_and_no_words_of_the_librarys(name: str, value: object) -> None:
    """Whatever is given for whatever field."""
    good = {"count": 5, "name": "abc", "kind": 1.0}
    try:
        _Outer.model_validate({"inner": ({**good, name: value},)})
    except ValidationError as problem:
        said = [sentence(error) for error in with_causes_only(problem.errors())]
        assert all(words.startswith("inner 1: " + name) for words in said), said
        assert not any(foreign in json.dumps(said) for foreign in (*FOREIGN, "QXZJ"))
