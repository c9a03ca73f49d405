"""Sessions in the trash over HTTP: listed, and brought back."""

from pathlib import Path

from support.gateway import LocalGateway


def test_what_was_deleted_is_in_the_trash_and_comes_back(tmp_path: Path) -> None:
    with LocalGateway(tmp_path) as gateway:
        sid = gateway.session(title="kept")
        assert gateway.ask("DELETE", f"/v3/sessions/{sid}").status == 200
        assert gateway.get("/v3/sessions").json()["sessions"] == []
        restored = gateway.post(f"/v3/put-away/{sid}/restore", b"")
        assert (restored.status, restored.json()["title"]) == (200, "kept")
        assert [session["id"] for session in gateway.get("/v3/sessions").json()["sessions"]] == [sid]
        assert gateway.get("/v3/put-away").json() == {"sessions": [], "nextCursor": None}


def test_what_is_in_neither_folder_is_not_found(tmp_path: Path) -> None:
    with LocalGateway(tmp_path) as gateway:
        assert gateway.post("/v3/put-away/zzzzzz/restore", b"").refusal == (404, "not_found")
        assert gateway.post("/v3/put-away/..%2ftoken/restore", b"").status in (400, 404)
        assert gateway.get("/v3/put-away?where=home").refusal == (422, "invalid")


def test_a_list_without_archived_sessions_is_asked_for(tmp_path: Path) -> None:
    with LocalGateway(tmp_path) as gateway:
        first, second = gateway.session(title="first"), gateway.session(title="second")
        gateway.post(f"/v3/sessions/{first}", {"archived": True}, method="PATCH")

        def ids(query: str) -> list[str]:
            return sorted(session["id"] for session in gateway.get(f"/v3/sessions?{query}").json()["sessions"])

        assert (ids("archived=0"), ids("archived=1"), ids("")) == ([second], [first], sorted([first, second]))
        assert gateway.get("/v3/sessions?archived=yes").refusal == (422, "invalid")
