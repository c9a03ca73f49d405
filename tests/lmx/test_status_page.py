"""The status page: static files without data, figures that need a key wherever LMX needs one, and nothing of other origins."""

import re
from pathlib import Path

import pytest
from support.in_process_lmx import in_process_lmx

from opta_lmx.server.status_page import PATHS

ASKED = {"messages": [{"role": "user", "content": "hi"}]}


@pytest.mark.parametrize("allows_anonymous", [True, False])
def test_the_page_is_static_and_guarded(tmp_path: Path, allows_anonymous: bool) -> None:
    with in_process_lmx(tmp_path, allows_anonymous=allows_anonymous) as lmx, lmx.client() as client:
        before = {path: client.get(path).content for path in PATHS}
        with lmx.client(lmx.keys.admin_key()) as admin:
            assert admin.post("/v1/chat/completions", json=ASKED).status_code == 200
        for path in PATHS:
            answer = client.get(path)
            assert (answer.status_code, answer.content) == (200, before[path])
            policy = answer.headers["content-security-policy"]
            assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy and "unsafe" not in policy
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert client.post(path).status_code in (401, 405)
        page = client.get("/").text
    links = re.findall(r'(?:href|src)="([^"]+)"', page)
    assert set(links) == PATHS - {"/"}
    assert "style=" not in page and "onclick" not in page and "<script>" not in page
    script = before["/page/status.js"].decode()
    assert "innerHTML" not in script and "eval" not in script and "Storage" not in script and "http" not in script


def test_the_figures_are_those_of_requests_by_client(tmp_path: Path) -> None:
    with in_process_lmx(tmp_path) as lmx:
        for key, times in (("", 1), ("lmx-a", 2)):
            with lmx.client(key) as client:
                for _ in range(times):
                    client.post("/v1/chat/completions", json=ASKED)
        with lmx.client() as client:
            status = client.get("/status").json()
    (model,) = status["models"]
    assert (model["id"], model["state"], model["default"]) == ("probe", "loaded", True)
    assert status["requests"] == {"running": 0, "waiting": 0, "total": 3, "failed": 0}
    assert status["tokens"] == {"prompt": 21, "cached": 0, "completion": 6}
    first, second = status["clients"]
    assert (first["requests"], first["prompt"], first["completion"]) == (2, 14, 4)
    assert (second["name"], second["requests"]) == ("anonymous", 1)
    assert status["memory"]["level"] == "ok"


def test_no_figure_is_shown_without_a_key_off_loopback(tmp_path: Path) -> None:
    with in_process_lmx(tmp_path, allows_anonymous=False) as lmx:
        with lmx.client() as client:
            for path in ("/status", "/status/", "/page/../status", "/page/status.js/../../status", "/Status"):
                assert client.get(path).status_code == 401
                assert client.head(path).status_code == 401
        with lmx.client("lmx-wrong") as client:
            assert client.get("/status").status_code == 401
        with lmx.client(lmx.keys.add("laptop", ["infer"])) as client:
            assert client.get("/status").json()["requests"]["total"] == 0
            assert client.get("/status", headers={"Origin": "https://evil.example"}).status_code == 403
