"""People who are two, links that others opened, and units that say what is not so."""

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from typer.testing import CliRunner

from api import serve
from api.accounts import codes, duties, people, resets, sessions, staff
from api.accounts.people import Role
from api.cli import app as command_line
from api.core.alert_targets import Webhook
from api.core.errors import AbsentError, ForbiddenError, InvalidError, LinkTakenError
from api.core.rate_limits import forget_rates
from api.db.models import AuditRow, CountRow, HitRow, InvitationRow, PersonRow
from api.hits.alerting.webhook import RefusedAddressError, judged
from api.hits.derived import UNLISTED, UNREGISTERED, kind_of_reading
from api.lists import proposals
from api.web.deps import COOKIE
from hotlist.entry import Severity
from hotlist.matching.match import MatchKind
from hotlist.plate import ALPHABET
from tests.api_kit import PLATE, Desk, make_entry, make_hit, registration


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """Return an empty department."""
    return Desk(tmp_path / "state")


def rows(desk: Desk, act: str) -> list[AuditRow]:
    """Return the records of one act."""
    with desk.service.database.read() as session:
        return list(session.scalars(select(AuditRow).where(AuditRow.act == act).order_by(AuditRow.seq)))


# Links


def test_there_is_one_first_link_and_it_ends_when_somebody_joins(desk: Desk) -> None:
    """Each start makes one anew; the older ones, and all of them once somebody is there, open nothing."""
    made = [people.first_invitation(desk.service) for _ in range(3)]
    for old in made[:2]:
        with pytest.raises(AbsentError):
            people.open_invitation(desk.service, str(old))
    assert people.open_invitation(desk.service, str(made[2])).roles == people.FIRST_ROLES
    desk.join("dora", Role.REVIEWER)
    with pytest.raises(AbsentError):
        people.open_invitation(desk.service, str(made[2]))
    assert people.first_invitation(desk.service) is None
    assert desk.count(InvitationRow) == 0


def test_the_first_link_lies_in_a_file_of_the_operator_and_is_never_printed(tmp_path: Path) -> None:
    """0600 in the state folder; what is printed names the file only; the file goes when people are there."""
    desk = Desk(tmp_path / "state")
    path = serve.write_first_link(desk.service)
    assert path is not None
    assert path.stat().st_mode & 0o777 == 0o600
    assert "/welcome/" in path.read_text()
    said = CliRunner().invoke(command_line, ["first-link", "--state", str(desk.settings.state)])
    assert path.read_text().strip() == said.stdout.strip()
    desk.join("dora", Role.REVIEWER)
    assert serve.write_first_link(desk.service) is None
    assert not path.exists()


@pytest.mark.parametrize("kind", ["welcome", "reset"])
def test_a_link_shows_its_seed_to_one_browser_only(desk: Desk, kind: str) -> None:
    """The first browser sees the same seed again; another sees none, cannot finish, and is recorded."""
    desk.join("ada", Role.ADMINISTRATOR)
    desk.join("dora", Role.REVIEWER)
    token = (
        people.invite(desk.service, frozenset({Role.REVIEWER}), "service")
        if kind == "welcome"
        else resets.issue(desk.service, "dora", "person:ada").token
    )
    mine, other = desk.client(), desk.client()
    first = mine.get(f"/{kind}/{token}")
    secret = first.text.partition('<code class="secret">')[2].partition("<")[0]
    assert len(secret) == 32
    assert secret in mine.get(f"/{kind}/{token}").text
    assert mine.get(f"/{kind}/{token}/code.svg").status_code == 200
    for path in (f"/{kind}/{token}", f"/{kind}/{token}/code.svg"):
        answer = other.get(path)
        assert answer.status_code == 403
        assert secret not in answer.text
    form = {
        "name": "eve",
        "full_name": "Eve",
        "password": "a long enough pass phrase",
        "code": desk.code(secret),
    }
    assert other.post(f"/{kind}/{token}", data=form).status_code == 403
    assert len(rows(desk, "link.refuse")) == 3
    assert len(rows(desk, "link.begin")) >= 1
    assert mine.post(f"/{kind}/{token}", data=form).status_code == 200


def test_no_seed_is_kept_before_a_link_is_shown(desk: Desk) -> None:
    """And a link that was never shown cannot be used."""
    token = people.invite(desk.service, frozenset({Role.REVIEWER}), "service")
    with desk.service.database.read() as session:
        assert session.scalars(select(InvitationRow.secret)).one() is None
    application = people.Application("eve", "Eve", "a long enough pass phrase", "000000")
    with pytest.raises(LinkTakenError):
        people.accept(desk.service, token, application, "")


# One person as two (R23)


@given(st.sets(st.sampled_from(list(Role)), min_size=1))
def test_no_roles_stand_together_that_must_be_apart(roles: set[Role]) -> None:
    """Editor and approver never; an auditor is nothing else; every other set may be."""
    bad = {Role.EDITOR, Role.APPROVER} <= roles or (Role.AUDITOR in roles and len(roles) > 1)
    if bad:
        with pytest.raises(InvalidError):
            duties.check_roles(roles)
    else:
        duties.check_roles(roles)


def test_every_door_keeps_the_roles_apart(desk: Desk) -> None:
    """Invitation and change, page and JSON."""
    ada = desk.sign_in("ada", Role.ADMINISTRATOR)
    desk.join("dora", Role.EDITOR)
    both = {"roles": ["editor", "approver"]}
    assert ada.post("/v1/invitations", json=both).status_code == 422
    assert ada.put("/v1/people/dora/roles", json=both).status_code == 422
    assert ada.post("/people/invite", data={"role": ["auditor", "reviewer"]}).status_code == 422
    assert ada.post("/people/dora/roles", data={"role": ["auditor", "reviewer"]}).status_code == 422


def test_two_administrators_agree_and_one_alone_is_recorded(desk: Desk) -> None:
    """Alone at once; with another only after that one agrees, and never by oneself."""
    ada = desk.sign_in("ada", Role.ADMINISTRATOR)
    desk.join("dora", Role.EDITOR)
    assert ada.post("/v1/invitations", json={"roles": ["reviewer"]}).status_code == 201
    carl = desk.sign_in("carl", Role.ADMINISTRATOR)
    asked = ada.post("/v1/invitations", json={"roles": ["reviewer"]})
    assert asked.status_code == 202
    path = f"/v1/staff-requests/{asked.json()['request']}/agree"
    assert ada.post(path).status_code == 403
    assert "/welcome/" in carl.post(path).json()["link"]
    assert carl.post(path).status_code == 404
    roles = ada.put("/v1/people/dora/roles", json={"roles": ["approver"]})
    assert roles.status_code == 202
    assert ada.get("/v1/people/dora").json()["roles"] == ["editor"]
    assert carl.post(f"/v1/staff-requests/{roles.json()['request']}/agree").status_code == 200
    assert ada.get("/v1/people/dora").json()["roles"] == ["approver"]
    with pytest.raises(ForbiddenError):
        people.invite(desk.service, frozenset({Role.APPROVER}), "person:ada")
    with desk.service.database.read() as session:
        counts = {row.what: row.n for row in session.scalars(select(CountRow))}
    assert counts[duties.ROLES] == 1


def test_putting_the_other_administrator_out_makes_nobody_alone_at_once(desk: Desk) -> None:
    """For a week the disabled one still counts; then a department with one administrator can go on."""
    ada = desk.sign_in("ada", Role.ADMINISTRATOR)
    desk.join("carl", Role.ADMINISTRATOR)
    people.disable(desk.service, "carl", "person:ada")
    assert ada.post("/v1/invitations", json={"roles": ["reviewer"]}).status_code == 202
    desk.clock.move(days=8)
    assert staff.invite(desk.service, frozenset({Role.REVIEWER}), "person:ada").token


def person(name: str, age: int, *sponsors: str, desk: Desk) -> PersonRow:
    """Return somebody of an age in days, whom others vouched for."""
    return PersonRow(
        name=name,
        sponsors=[f"person:{one}" for one in sponsors],
        sponsored=desk.clock.now.replace(microsecond=0) - timedelta(days=age),
    )


@given(chain=st.lists(st.integers(0, 400), min_size=1, max_size=6), swap=st.booleans())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
def test_a_new_account_at_the_end_of_any_chain_is_near_its_beginning(
    desk: Desk, chain: list[int], *, swap: bool
) -> None:
    """Whoever invites who invites who approves: flagged, whichever of the two wrote the entry."""
    names = ["root", *(f"p{place}" for place in range(len(chain)))]
    made = {"root": person("root", 900, desk=desk)}
    for place, age in enumerate(chain):
        made[names[place + 1]] = person(names[place + 1], age, names[place], desk=desk)
    first, second = ("root", names[-1]) if not swap else (names[-1], "root")
    assert duties.near(made, first, second, desk.clock.now) is (chain[-1] < 7)


def test_two_new_accounts_of_one_inviter_are_near_and_two_old_ones_are_not(desk: Desk) -> None:
    """Siblings that came the same week; colleagues of years."""
    made = {name: person(name, age, "boss", desk=desk) for name, age in (("a", 1), ("b", 2), ("c", 99))}
    made["boss"] = person("boss", 900, desk=desk)
    assert duties.near(made, "a", "b", desk.clock.now)
    assert not duties.near(made, "a", "c", desk.clock.now)


def test_withdrawing_is_for_the_author_and_approvers(desk: Desk) -> None:
    """Another editor's attempt is refused, and the proposal stands."""
    editor, other = desk.sign_in("edith", Role.EDITOR), desk.sign_in("emil", Role.EDITOR)
    form = {
        "plate": PLATE, "region": "GB", "purpose": "stolen_vehicle", "case_number": "30-1", "source": "county",
        "severity": "routine", "expires": "2030-02-01", "verified": "2030-01-06",
    }  # fmt: skip

    def who(client: TestClient) -> sessions.SignedIn:
        return sessions.resume(desk.service, client.cookies[COOKIE])

    form["purpose"] = str(make_entry().purpose)
    batch = proposals.propose_new(desk.service, who(editor), form)
    with pytest.raises(ForbiddenError):
        proposals.withdraw(desk.service, who(other), batch)
    proposals.withdraw(desk.service, who(desk.sign_in("arno", Role.APPROVER)), batch)


# Units that lie


def stored(desk: Desk) -> HitRow:
    """Return the one hit that is held."""
    with desk.service.database.read() as session:
        row: HitRow = session.scalars(select(HitRow)).one()
        return row


def test_a_routine_entry_stays_routine_whatever_the_unit_says(desk: Desk) -> None:
    """The entry is the list's; source and severity too; the camera must be registered."""
    listed = make_entry(severity=Severity.ROUTINE)
    desk.approve(listed)
    lie = replace(listed, severity=Severity.URGENT, source="AB12CDE seen here")
    hit = replace(make_hit(entry=lie), camera="another gate")
    box = desk.box()
    box.deliver(box.sealed(hit))
    row = stored(desk)
    assert (row.severity, row.source, row.camera) == ("routine", listed.source, UNREGISTERED)
    assert rows(desk, "hit.receive")[0].detail.count("camera entry") == 1


def test_an_entry_that_is_not_listed_counts_as_weak_and_under_no_source(desk: Desk) -> None:
    """A unit cannot make an entry up, nor another plate for one."""
    desk.approve(make_entry())
    box = desk.box()
    box.deliver(box.sealed(make_hit(entry=replace(make_entry(), plate="AB12CDE"))))
    row = stored(desk)
    assert (row.severity, row.kind, row.source) == ("routine", "weak", UNLISTED)


@given(
    reading=st.text(alphabet=ALPHABET.replace("_", ""), min_size=4, max_size=8),
    region=st.sampled_from(["", "GB", "FR", "US-NH"]),
    kind=st.sampled_from(list(MatchKind)),
)
@settings(max_examples=200, deadline=None)
def test_a_strong_match_needs_the_reading_and_the_region(reading: str, region: str, kind: MatchKind) -> None:
    """Whatever a unit claims: exact only for the listed characters, strong only in the listed region."""
    match = replace(make_hit().matches[0], kind=kind)
    found = kind_of_reading(reading, region, match)
    if region != "GB":
        assert found is MatchKind.WEAK
    if found is MatchKind.EXACT:
        assert reading == PLATE


def test_a_unit_fills_no_log(tmp_path: Path) -> None:
    """What is over its bound is refused, counted, and summed up in one record."""
    desk = Desk(tmp_path / "state", limits={"unit_records_per_minute": 5})
    box = desk.box()
    before = len(desk.acts())
    for _ in range(4):
        box.deliver(*(b"{}" for _ in range(10)))
    assert len(desk.acts()) - before == 5
    desk.clock.move(minutes=1)
    with desk.service.database.begin() as session:
        forget_rates(session, desk.clock.now)
        forget_rates(session, desk.clock.now)
    (summary,) = rows(desk, "hit.refuse-many")
    assert '"envelopes":35' in summary.detail


@pytest.mark.parametrize("origin", ["http://[", "http://]", "//[::1", "\\", "null", "http://a@[b"])
def test_no_origin_is_a_fault_of_the_service(desk: Desk, origin: str) -> None:
    """It is another site's, and answered so."""
    client = desk.client()
    del client.headers["Sec-Fetch-Site"]
    assert client.post("/sign-in", headers={"Origin": origin}, data={"name": "x"}).status_code == 403


@pytest.mark.parametrize(
    "deep", ["[" * 3000, '{"kind":' * 1300, '{"kind":{"a":1},"key":[],"version":1}', "[]", "1"]
)
def test_no_nesting_in_a_key_is_a_fault_of_the_service(desk: Desk, deep: str) -> None:
    """A key's text may be any JSON; it is refused as what it is."""
    box = desk.box()
    body = json.dumps({"code": "ABCDEF-GHIJKL-MNOPQR-STUVWX", "verify_key": deep, "seal_key": deep}).encode()
    assert box.send("POST", "/v1/devices/enrol", body, key_id="enrolling").status_code == 422


@pytest.mark.parametrize(
    "address",
    ["64:ff9b::a00:1", "64:ff9b:1::1", "2002:7f00:1::", "2002:a00:1::1", "2001:0:1::1", "ff0e::1", "ff02::1",
     "224.0.0.1", "239.1.2.3", "::ffff:10.0.0.1", "::ffff:127.0.0.1", "::", "0.0.0.0", "240.0.0.1", "100.64.0.1",
     "169.254.169.254", "fe80::1%eth0", "fd00::1", "::7f00:1"],
)  # fmt: skip
def test_a_webhook_stands_at_a_public_host_only(address: str) -> None:
    """No multicast, no way through a translator into a private network; a public address is the control."""
    webhook = Webhook(name="desk", url="https://hooks.example", secret="s" * 32)
    assert judged(webhook, ["93.184.215.14"]).version == 4
    assert judged(webhook, ["2606:2800:21f:cb07:6820:80da:af6b:8b2c"]).version == 6
    with pytest.raises(RefusedAddressError):
        judged(webhook, [address])


def test_acts_that_meet_in_the_database_are_a_conflict_and_the_second_did_nothing(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two rows of one key: the first stands, the second is answered with 409, whole and without a record."""
    browser = desk.sign_in("ada", Role.ADMINISTRATOR)
    monkeypatch.setattr(codes, "new_code", lambda: "ABCDEF-GHJKLM-NPQRST-UVWXYZ")
    answers = [
        browser.post("/v1/devices", json=registration(device).model_dump(mode="json"))
        for device in ("gate-1", "gate-2")
    ]
    assert [answer.status_code for answer in answers] == [201, 409], answers[-1].text
    assert [row.object for row in rows(desk, "device.register")] == ["device:gate-1"]
    monkeypatch.undo()
    again = browser.post("/v1/devices", json=registration("gate-2").model_dump(mode="json"))
    assert again.status_code == 201
