"""Addresses on the web: what is read is what rules and people see, and spellings with two readings are refused."""

import pytest

from opta_core.policy.path_names import origin_of
from opta_protocol import web_address
from opta_protocol.tools.web import WEB_FETCH


@pytest.mark.parametrize(
    ("url", "origin", "written"),
    [
        ("https://docs.example", "https://docs.example:443", "https://docs.example/"),
        ("HTTPS://Docs.Example/A?b=C#d", "https://docs.example:443", "https://docs.example/A?b=C"),
        ("http://docs.example:8080?x", "http://docs.example:8080", "http://docs.example:8080/?x"),
        ("http://docs.example:/a", "http://docs.example:80", "http://docs.example/a"),
        ("https://docs.example/\u00e9/%2e?q=\u00fc|x", "https://docs.example:443", "https://docs.example/%C3%A9/%2e?q=%C3%BC%7Cx"),
        ("http://[::1]:99/", "http://::1:99", "http://[::1]:99/"),
        ("http://192.0.2.1/", "http://192.0.2.1:80", "http://192.0.2.1/"),
        ("https://xn--bcher-kva.example/", "https://xn--bcher-kva.example:443", "https://xn--bcher-kva.example/"),
        ("https://good.test/to/@user", "https://good.test:443", "https://good.test/to/@user"),
    ],
)
def test_an_address_has_one_origin_for_rules_and_for_the_connection(url: str, origin: str, written: str) -> None:
    found = web_address.read(url)
    assert (found.origin, found.url) == (origin, written)
    assert origin_of(url) == origin == origin_of(written)
    assert WEB_FETCH.problem({"url": url}) == ""


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("file:///etc/passwd", "http:// or https://"),
        ("ftp://good.test/", "http:// or https://"),
        ("javascript:alert(1)", "http:// or https://"),
        ("data:text/html,x", "http:// or https://"),
        ("view-source:http://good.test/", "http:// or https://"),
        ("http:good.test", "http:// or https://"),
        ("good.test/x", "http:// or https://"),
        ("", "http:// or https://"),
        ("https://ada:secret@good.test/", "user name or password"),
        ("https://good.test@evil.test/", "user name or password"),
        ("https://@evil.test/", "user name or password"),
        ("https://good.test\\@evil.test/", "U+005C"),
        ("https://good.test\\evil.test/", "U+005C"),
        ("https://good.test/a b", "U+0020"),
        (" https://good.test/", "U+0020"),
        ("https://good.test/\r\nHost: evil.test", "U+000D"),
        ("https://go\tod.test/", "U+0009"),
        ("https://good.test/\u202ecod.exe", "U+202E"),
        ("https://good.test/\u200b", "U+200B"),
        ("https://good.test/\ud800", "U+D800"),
        ("https://b\u00fccher.example/", "xn--bcher-kva.example"),
        ("https://\u0430pple.com/", "xn--"),
        ("https://good%2etest/", "not a host name"),
        ("https://good.test./", "not a host name"),
        ("https://-a.test/", "not a host name"),
        ("https:///path", "not a host name"),
        ("https://a..b/", "not a host name"),
        (f"https://{'a' * 64}.test/", "not a host name"),
        ("http://2130706433/", "four decimal numbers"),
        ("http://0x7f000001/", "four decimal numbers"),
        ("http://127.1/", "four decimal numbers"),
        ("http://0177.0.0.1/", "four decimal numbers"),
        ("http://127.0.0.0x1/", "four decimal numbers"),
        ("http://[0:0:0:0:0:0:0:1]/", "[::1]"),
        ("http://[fe80::1%25eth0]/", "not a host with"),
        ("http://[::1/", "not a host with"),
        ("http://good.test:0/", "from 1 to 65535"),
        ("http://good.test:65536/", "from 1 to 65535"),
        ("http://good.test:99999999999/", "from 1 to 65535"),
        ("http://good.test:80:80/", "not a host with"),
        (f"http://good.test/{'a' * 5000}", "at most 4096"),
    ],
)
def test_what_could_be_read_in_two_ways_is_refused_before_anybody_is_asked(url: str, said: str) -> None:
    problem = WEB_FETCH.problem({"url": url})
    assert problem.startswith("web_fetch: ") and said in problem
