import pytest

from libs.common.problems import GENERAL
from tests.generated import DOCS, error_classes, pages

PAGES = pages()


@pytest.mark.parametrize("place", PAGES)
def test_a_generated_page_is_what_the_code_says(place: str) -> None:
    assert (DOCS / place).read_text() == PAGES[place], "run `make docs`"


def test_an_error_code_has_one_meaning() -> None:
    meanings: dict[str, set[tuple[str, str]]] = {}
    for leaf in error_classes():
        meanings.setdefault(leaf.code, set()).add((leaf.en, leaf.fr))
    assert {code: texts for code, texts in meanings.items() if len(texts) > 1 or code in GENERAL} == {}


def test_every_error_speaks_both_languages() -> None:
    for leaf in error_classes():
        assert leaf.en.strip().endswith((".", "?"))
        assert leaf.fr.strip().endswith((".", "?"))
        assert leaf.en != leaf.fr
