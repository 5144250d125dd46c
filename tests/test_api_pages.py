"""Every page's template uses the fields of its own dataclass and nothing else."""

import dataclasses
import importlib
import pkgutil

import pytest
from jinja2 import meta

import api
from api.web.pages import ENVIRONMENT, Page

for module in pkgutil.walk_packages(api.__path__, "api."):
    if ".routes." in module.name:
        importlib.import_module(module.name)
MACROS = {name for name in vars(ENVIRONMENT.get_template("macros.html").module) if not name.startswith("_")}


def pages() -> list[type[Page]]:
    """Return every kind of page; a slotted class stands there twice, once without its slots."""
    return list({kind.__name__: kind for kind in Page.__subclasses__()}.values())


def names_in(template: str) -> set[str]:
    """Return the names that a template, and those it extends or imports, want from outside."""
    assert ENVIRONMENT.loader is not None
    source = ENVIRONMENT.loader.get_source(ENVIRONMENT, template)[0]
    tree = ENVIRONMENT.parse(source)
    found = meta.find_undeclared_variables(tree)
    for other in meta.find_referenced_templates(tree):
        if other is not None and other != "macros.html":
            found |= names_in(other)
    return found - set(ENVIRONMENT.globals) - MACROS


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.__name__)
def test_a_template_uses_its_pages_own_fields_only(page: type[Page]) -> None:
    """And the page has no field that its template does not use."""
    fields = {field.name for field in dataclasses.fields(page)}
    assert names_in(page.template) <= fields
    assert fields - {"person", "title"} <= names_in(page.template)


def test_no_template_has_inline_script_or_style() -> None:
    """The content policy forbids them, so a page with one would be broken."""
    for name in ENVIRONMENT.list_templates():
        assert ENVIRONMENT.loader is not None
        source = ENVIRONMENT.loader.get_source(ENVIRONMENT, name)[0]
        assert "<style" not in source
        assert "style=" not in source
        assert "<script>" not in source
        assert " onclick=" not in source
        assert "|safe" not in source
