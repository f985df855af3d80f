"""The pages of a sealed run for people: HTML and PDF, in Vietnamese and English, made anew from the sealed files.

Rules: a page is no sealed file and needs no keeping, for the same sealed bytes always give the same page; what it shows
is what was sealed, since the files that it is made of are verified by their digests first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from infra.audit.pages.composing import Sealed, compose
from infra.audit.pages.document import Document
from infra.audit.pages.html import html
from infra.audit.pages.numbers import Language
from infra.audit.pages.pdf import pdf
from infra.audit.report_files import MANIFEST, SealedRun
from infra.blobs import BlobFolder

FORMS: Mapping[str, tuple[str, Callable[[Document], bytes]]] = {
    "html": ("text/html", html),
    "pdf": ("application/pdf", pdf),
}
PAGES = {f"page.{language}.{form}": (language, form) for language in Language for form in FORMS}


def media_type_of_page(name: str) -> str:
    return FORMS[PAGES[name][1]][0]


def page(blobs: BlobFolder, run: SealedRun, name: str) -> bytes:
    """`name` is one of PAGES. Raises KeyError or BlobDamaged when a sealed file is not there as it was sealed."""
    language, form = PAGES[name]
    return FORMS[form][1](compose(_sealed(blobs, run), language))


def pages(blobs: BlobFolder, run: SealedRun) -> Iterator[tuple[str, bytes]]:
    sealed = _sealed(blobs, run)
    for name, (language, form) in PAGES.items():
        yield name, FORMS[form][1](compose(sealed, language))


def _sealed(blobs: BlobFolder, run: SealedRun) -> Sealed:
    digests = run.digests()
    return Sealed(
        result=blobs.get(digests["result.json"]),
        manifest=blobs.get(digests[MANIFEST]),
        checkpoint=run.seal.checkpoint,
        cosigned_by=run.seal.cosigned_by,
    )
