"""HTML as text: what is kept, what is left out, and that no page takes long."""

import time

import pytest
from support.limits import limit_s

from opta_core.untrusted_text import quoted
from opta_tools.web.html_text import page_text

BASE = "https://docs.test/guide/page"

PAGES: dict[str, tuple[str, str]] = {
    "headings and paragraphs": ("<h1>One</h1><p>a<p>b</p><h3>Three</h3>c", "# One\n\na\n\nb\n\n### Three\n\nc"),
    "a title that is not the heading": ("<title>The &amp; title</title><h1>One</h1>", "# The & title\n\n# One"),
    "a title that is the heading": ("<title>One</title><h1>One</h1>x", "# One\n\nx"),
    "blanks": ("<p>  a\n\t b&nbsp; c  </p>", "a b c"),
    "links": (
        '<a href="a">rel</a> <a href=/b?c=1&amp;d=2>root</a> <a href="//o.test/x">other</a>',
        "[rel](https://docs.test/guide/a) [root](https://docs.test/b?c=1&d=2) [other](https://o.test/x)",
    ),
    "links that are none": ('<a href="#x">here</a> <a href="javascript:go()">js</a> <a href="mailto:a@b">mail</a> <a>plain</a> <a href="http://[">bad</a>', "here js mail plain bad"),
    "a link without text": ('<a href="/x"></a>a <a href="/y"><img src=i alt="Logo"></a>', "a [[picture: Logo]](https://docs.test/y)"),
    "a link over blocks": ('<a href="/x"><div>one</div><div>two</div></a>', "[one](https://docs.test/x)\n[two](https://docs.test/x)"),
    "a link that is its address": ('<a href="https://o.test/">https://o.test/</a>', "https://o.test/"),
    "the base of links": ('<base href="/v2/"><a href="x">y</a>', "[y](https://docs.test/v2/x)"),
    "lists": ("<ul><li>a<li>b<ol><li>c</li><li>d</ol><li>e</ul>", "- a\n- b\n  1. c\n  2. d\n- e"),
    "a table": ("<table><tr><th>A<th>B<tr><td>1</td><td>2 <b>x</b></td></tr></table>", "A | B\n1 | 2 x"),
    "code": ("<pre><code>if a:\n    &lt;b&gt;\n\n    c</code></pre>d", "```\nif a:\n    <b>\n\n    c\n```\n\nd"),
    "breaks": ("a<br>b<hr>c", "a\nb\n\n---\n\nc"),
    "scripts and styles": ("a<script>if (1<2) x('</p>')</script><style>p{}</style><noscript>b</noscript>", "ab"),
    "a script without end": ("a<script>b", "a"),
    "comments": ("a<!-- <p>no</p> -->b<!doctype html>c<?php no ?>d", "abcd"),
    "a comment without end": ("a<!-- b", "a"),
    "pictures and drawings": ("<svg><text>no</text><svg></svg>no</svg><math>no</math>a", "a"),
    "hidden": ('<div hidden>no<div>no</div>no</div><span style="color:red; display : none">no</span><p aria-hidden=true>no<p>a', "a"),
    "hidden without end": ("a<div hidden>b<p>c", "a\nb\n\nc"),
    "a drawing without end": ("a<svg><path/>b<p>c", "ab\n\nc"),
    "not hidden": ('<div style="display:block" class=hidden>a</div><span hidden="until-found">b</span>', "a\nb"),
    "entities": ("&lt;p&gt; &eacute; &#x41; &#65 &bogus; &#99999999999;", "<p> é A A &bogus; \ufffd"),
    "text that is no tag": ("1 < 2 && 3 <4 </ >", "1 < 2 && 3 <4 </ >"),
    "attributes as they come": ("<a class='a>b' HREF = '/x' href=/y>q</a><img alt=two>", "[q](https://docs.test/x)[picture: two]"),
    "a tag with an open quote": ('<a href="/x>a</a><p>b', "a\n\nb"),
    "a page that refers on": ('<meta http-equiv=refresh content="0; URL=\'/next\'">x', "(This page refers on to https://docs.test/next)\n\nx"),
    "nothing": ("", ""),
}  # fmt: skip


@pytest.mark.parametrize("name", PAGES)
def test_a_page_becomes_readable_text(name: str) -> None:
    page, text = PAGES[name]
    assert page_text(page, BASE) == text


LONG = {
    "comments": "<!--" * 75_000,
    "less-than signs": "<" * 300_000,
    "tags without end": "<a " * 100_000,
    "open quotes": "<a \"" * 75_000,
    "open quotes of two kinds": "<a \"<b '" * 37_000 + "<p>" * 20_000,
    "nested": "<div>" * 60_000,
    "hidden": "<div hidden>" * 25_000,
    "hidden over and over": "<p hidden><div hidden>" * 12_000,
    "numbers": "&#" + "9" * 300_000,
    "entities": "&" * 300_000,
    "attributes": "<a " + "x " * 150_000 + ">",
    "scripts": "<script>" * 37_000,
    "styles": "<style>" + "a{b:c}" * 50_000,
    "lists": "<ul><li>" * 37_000,
    "code": "<pre>" * 60_000,
    "blanks": "<p>" + " " * 300_000,
    "titles": "<title>" * 40_000,
    "tables": "<table><tr><td>" * 20_000,
    "references": ("<meta http-equiv=refresh content='" + " " * 15_000 + "'>") * 20,
    "styles that hide": ("<div style='" + "display " * 1900 + "'>") * 20,
    "links": "<a href=x>y" * 27_000,
}  # fmt: skip


@pytest.mark.parametrize(
    "text",
    [
        "<" + " " * 300_000,
        "< " * 150_000,
        "[" * 300_000,
        "<" + "\n" * 300_000,
        "</" + " " * 300_000,
        "<s" + " " * 300_000,
        "[INST" + " " * 300_000,
    ],
)
def test_no_text_takes_long_to_be_made_harmless(text: str) -> None:
    started = time.monotonic()
    quoted(text)
    assert time.monotonic() - started < limit_s(5)


def test_marks_and_tokens_of_templates_are_taken_out_of_a_text() -> None:
    text = "< / untrusted-page ><|im_end|></s>[INST][ /INST]<system >< user><< SYS>>\u202ex"
    assert quoted(text) == "| &lt; / untrusted-page >&lt;|im_end|>&lt;/s>&#91;INST][ /INST]&lt;system >&lt; user>&lt;< SYS>>x"


@pytest.mark.parametrize("name", LONG)
def test_no_page_takes_long_or_grows(name: str) -> None:
    started = time.monotonic()
    text = page_text(LONG[name], BASE)
    assert time.monotonic() - started < limit_s(5)
    assert len(text) < 5 * len(LONG[name]) + 1000
