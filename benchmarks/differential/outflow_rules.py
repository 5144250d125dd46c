"""What must differ between two runs of the same box, replaced by name: one rule each, as narrow as it says.

| rule | covers | what keeps it narrow |
|---|---|---|
| hit id | UUID version 4 of a hit, in names, events, envelopes | the kernel's own random bytes; never twice |
| temporary name | 16 hexadecimal digits before ``.part`` | the same |
| run id | 16 hexadecimal digits in a receipt | the same |
| nonce | 32 characters of a signed request | the same |
| wall clock | times of receipts, hits and requests | inside the run |
| boot clock | ``boot_ns`` of receipts | inside the run |
| chain | ``previous`` of a receipt | is the SHA-256 of the line before |
| digest | ``Content-Digest`` | is the body's |
| signature | Ed25519, of receipts, envelopes, requests | made again with the device's key: the same bytes |
| ciphertext | ``sealed`` of an envelope | opened with the department's key; inside and length are compared |
| from the department | hot list, ends of the audit log that a box keeps or names | was received, byte for byte |
| clip | ``detections``, ``readings``, the purge's times in a clip's summary | it says ``"live": false`` |
| load | there too: ``drops``, ``watched``, ``looked`` | and only in runs at the clip's own pace |
| counts | there too: ``reads``, ``destroyed``, ``passes`` | and only where fewer vehicles pass, or at window 0 |

Everything else is compared byte for byte. A field that a rule covers and that has not the rule's form is a fault.
"""

import base64
import hashlib
import json
import re
import time
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from benchmarks.differential.outflow import Call, Outflow
from hitonly_core.canonical import canonical
from hitonly_core.keys import SealKey, SigningKey
from protocol.hit import Envelope, EnvelopeError, open_hit
from protocol.signed_requests import Request, sign_request

UUID4: Final = r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
_PATH: Final = re.compile(rf"(?P<id>{UUID4})|(?<=\.)(?P<part>[0-9a-f]{{16}})(?=\.part)")
_SIGNED: Final = re.compile(r';created=(\d{10});keyid="([\w.-]+)";nonce="([\w-]{32})";')
_KEPT: Final = re.compile(
    r"/(?:trust|lists|state)/\.?(?P<name>list\.sealed|hotlist\.sealed|checkpoint\.json|audit-ends\.jsonl)(?:\.[0-9a-f]{16}\.part)?$"
)
_ENDS: Final = ("checkpoint.json", "audit-ends.jsonl")
_CLIPS: Final = ("detections", "readings", "oldest_live_ns", "worst_late_ns")
_LOAD: Final = ("drops", "watched", "looked")
_COUNTS: Final = ("reads", "destroyed", "passes")
_SLACK_S: Final = 2.0
_NS: Final = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Keys:
    """The trial's own department: with its keys, nothing that is sealed or signed stays unread."""

    device: SigningKey = field(repr=False)
    department: SealKey = field(repr=False)


@dataclass(slots=True)
class Rules:
    """The rules over one run.

    Attributes:
        keys: the device's and the department's.
        run: the run.
        loaded: whether the run went at the clip's own pace, so that a busy machine dropped frames: rule "load".
        counted: whether as many reads are made as in the run it is held against; else rule "counts" applies. Not
            where fewer vehicles pass; nor at window 0, where every reading is a read of its own.
        drawn: values by rule that the rule says are random.
        faults: fields that a rule covers and that are not of its form.
    """

    keys: Keys
    run: Outflow
    loaded: bool = False
    counted: bool = True
    drawn: list[tuple[str, str]] = field(default_factory=list, repr=False)
    faults: list[str] = field(default_factory=list)
    _ids: dict[str, int] = field(default_factory=dict)
    _last: str = ""
    _request: tuple[str, str, str] | None = None

    def path(self, text: str) -> str:
        """Return a path, or arguments with paths, without ids and random names."""
        return _PATH.sub(self._name, text)

    @property
    def hits(self) -> int:
        """How many hits were told, each by its own id."""
        return len(self._ids)

    def unnumbered(self, text: str) -> str:
        """Return a path without ids and random names, and without telling one hit from another."""
        return _PATH.sub(lambda found: "<hit>" if found["id"] else "<temporary>", text)

    def restart_chain(self) -> None:
        """Read receipts from the first one on again."""
        self._last = ""

    def content(self, call: Call) -> str:
        """Return what a call handed over, without what must differ; anything unknown stays as it is."""
        if call.target.endswith("/receipts.jsonl"):
            return self.receipts(call.data)
        if re.search(rf"/spool/\.{UUID4}\.hit\.[0-9a-f]{{16}}\.part$", call.target):
            return self.envelope(call.data)
        if (kept := _KEPT.search(call.target)) and self.run.received:
            return self._from_department(kept["name"], call.data)
        if call.target.endswith("/out.txt"):
            return "\n".join(self._event(line) for line in call.data.decode(errors="replace").split("\n"))
        if call.target.startswith("TCP "):
            return self._http(call.data)
        return repr(call.data)

    def receipts(self, lines: bytes) -> str:
        """Return receipts' lines, checked against the device's key and the chain."""
        return "\n".join(self._receipt(line) for line in lines.split(b"\n"))

    def envelope(self, content: bytes) -> str:
        """Return a sealed hit as what is inside it, with the envelope's length."""
        try:
            outer = Envelope.from_bytes(content)
            hit = open_hit(content, department=self.keys.department, device_key=self.keys.device.public)
        except EnvelopeError:
            self.faults.append("ciphertext: an envelope does not open")
            return repr(content)
        self._same("signature", outer.signature, self.keys.device.sign(outer.signed_bytes()))
        if outer.to_bytes() != content:
            self.faults.append("ciphertext: an envelope holds more than its members")
        inside = {
            name: getattr(hit, name) for name in hit.__slots__ if name not in {"id", "captured", "clock"}
        }
        inside["clock"] = (hit.clock.state.value, hit.clock.boot, self._since_boot(hit.clock.boot_ms))
        inside["captured"] = self._moment("wall clock", hit.captured.timestamp())
        return f"hit {self._identified(str(hit.id))}, {len(content)} bytes: {inside!r}"

    def _from_department(self, name: str, data: bytes) -> str:
        """Return a word for a file that holds what the department sent, byte for byte or member for member."""
        pieces = [data]
        if name in _ENDS:
            marks = [json.loads(line) for line in data.splitlines()]
            if "".join(f"{json.dumps(mark, sort_keys=True)}\n" for mark in marks).encode() != data:
                return repr(data)
            pieces = [json.dumps(value).encode() for mark in marks for pair in mark.items() for value in pair]
        if not all(piece in self.run.received for piece in pieces):
            self.faults.append(f"from the department: {name} holds what it did not send")
        return f"<from the department: {name}>"

    def _name(self, found: "re.Match[str]") -> str:
        if found["id"]:
            return self._identified(found["id"])
        self._random("temporary name", found["part"], bytes.fromhex(found["part"]))
        return "<temporary>"

    def _identified(self, text: str) -> str:
        """Replace a hit's id by its place among the run's hits, so that the same hit stays the same."""
        if text not in self._ids:
            self._ids[text] = len(self._ids)
            drawn = {str(UUID(bytes=raw, version=4)) for raw in self.run.drawn if len(raw) == 16}
            self._note("hit id", text, known=text in drawn)
        return f"<hit {self._ids[text]}>"

    def _event(self, line: str) -> str:
        try:
            body = json.loads(line)
        except ValueError:
            return line
        if not isinstance(body, dict) or json.dumps(body, sort_keys=True) != line:
            return line
        if body.get("event") == "summary":
            return json.dumps(self._clips_summary(body), sort_keys=True)
        if body.get("event") != "hit":
            return line
        body["hit"] = self.path(str(body["hit"]))
        body["captured"] = self._iso(body["captured"])
        return json.dumps(body, sort_keys=True)

    def _receipt(self, line: bytes) -> str:
        try:
            outer = json.loads(line)
            body, signature = outer["body"], base64.b64decode(outer["signature"])
            whole = canonical(outer) == line and set(outer) == {"body", "signature"}
        except (ValueError, KeyError, TypeError):
            return repr(line)
        if not whole:
            return repr(line)
        self._same("signature", signature, self.keys.device.sign(canonical(body)))
        known = self._last or body["previous"]
        self._same("chain", str(body["previous"]).encode(), known.encode())
        self._last = hashlib.sha256(line).hexdigest()
        self._random("run id", body["run"]["run"], bytes.fromhex(body["run"]["run"]))
        body["run"]["run"], body["previous"] = "<run id>", "<chain>"
        return json.dumps(self._timeless(body), sort_keys=True)

    def _clips_summary(self, body: dict[str, Any]) -> dict[str, Any]:
        """Replace counts that whoever holds a clip may be told; the summary of a live camera holds none of them."""
        if body.get("live") is not False:
            return body
        names = {*_CLIPS, *(_LOAD if self.loaded else ()), *(() if self.counted else _COUNTS)}
        for part in (body, body["counts"], *body["cameras"].values()):
            for name in names & set(part):
                if type(part[name]) is int:
                    part[name] = "<clip>"
        return body

    def _timeless(self, body: dict[str, Any]) -> dict[str, Any]:
        """Replace a receipt's two clocks."""
        if "utc" in body:
            body["utc"] = self._iso(body["utc"])
        if "boot_ns" in body:
            boot = time.time() - time.clock_gettime(time.CLOCK_BOOTTIME)
            body["boot_ns"] = self._moment("boot clock", boot + int(body["boot_ns"]) / _NS)
        return body

    def _http(self, data: bytes) -> str:
        head, separator, body = data.partition(b"\r\n\r\n")
        told = ""
        if separator and b" HTTP/1.1\r\n" in head:
            told, data = self._head(head.decode("latin-1")), body
        if self._request and data:
            told += self._body(data)
        return told or repr(data)

    def _head(self, head: str) -> str:
        method, path, _ = head.split("\r\n", 1)[0].split(" ")
        headers = dict(line.split(": ", 1) for line in head.split("\r\n")[1:])
        lower = {name.lower(): name for name in headers}
        given = headers.get(lower.get("signature-input", ""), "")
        found = _SIGNED.search(given)
        if found is None:
            self.faults.append("signature: a request is not signed in the known way")
            return head
        self._request = (method, path, json.dumps(headers))
        created, _, nonce = found.groups()
        self._moment("wall clock", float(created))
        self._random("nonce", nonce, base64.urlsafe_b64decode(nonce))
        for name in ("signature-input", "signature", "content-digest"):
            headers[lower[name]] = f"<{name}>"
        if method == "GET":
            self._check_request(b"")
        return f"{method} {path} {json.dumps(headers)}"

    def _body(self, data: bytes) -> str:
        path = self._request[1] if self._request else ""
        self._check_request(data)
        try:
            body = json.loads(data)
        except ValueError:
            return repr(data)
        if path == "/v1/heartbeat" and json.dumps(body).encode() == data:
            last, self._last = self._last, ""
            body["receipts"] = [self._receipt(line.encode()) for line in body["receipts"]]
            self._last = last
            if body.get("boot_ms"):
                body["boot_ms"] = self._since_boot(body["boot_ms"])
            if body.get("audit_end") is not None:
                end = json.dumps(body["audit_end"], sort_keys=True).encode() + b"\n"
                body["audit_end"] = self._from_department("checkpoint.json", end)
        elif path == "/v1/hits" and json.dumps(body).encode() == data and set(body) == {"envelopes"}:
            body["envelopes"] = [self.envelope(text.encode()) for text in body["envelopes"]]
        else:
            return repr(data)
        return json.dumps(body, sort_keys=True)

    def _check_request(self, body: bytes) -> None:
        """Make a request's digest and signature again; they must be the same bytes."""
        if self._request is None:
            return
        method, path, text = self._request
        self._request = None
        headers = {name.lower(): value for name, value in json.loads(text).items()}
        found = _SIGNED.search(headers["signature-input"])
        if found is None:
            return
        again = sign_request(
            Request(method, headers.get("host", ""), path, "", body),
            key=self.keys.device, key_id=found[2], created=int(found[1]), nonce=found[3],
        )  # fmt: skip
        for name, value in again.items():
            rule = "digest" if name == "Content-Digest" else "signature"
            self._same(rule, headers.get(name.lower(), "").encode(), value.encode())

    def _iso(self, text: object) -> str:
        try:
            moment = datetime.fromisoformat(str(text))
        except ValueError:
            self.faults.append("wall clock: no time")
            return str(text)
        same = str(text) in {moment.isoformat(timespec=spec) for spec in ("seconds", "milliseconds")}
        if not same or not str(text).endswith("+00:00"):
            self.faults.append("wall clock: a time in another form")
        return self._moment("wall clock", moment.timestamp())

    def _moment(self, rule: str, seconds: float) -> str:
        if not self.run.started - _SLACK_S <= seconds <= self.run.ended + _SLACK_S:
            self.faults.append(f"{rule}: a time outside the run")
        return f"<{rule}>"

    def _since_boot(self, boot_ms: object) -> str:
        """Return a word for a boot time inside the run."""
        if type(boot_ms) is not int:
            return repr(boot_ms)
        booted = time.time() - time.clock_gettime(time.CLOCK_BOOTTIME)
        return self._moment("boot time", booted + boot_ms / 1000)

    def _random(self, rule: str, text: str, raw: bytes) -> None:
        self._note(rule, text, known=raw in self.run.drawn)

    def _note(self, rule: str, text: str, *, known: bool) -> None:
        if (rule, text) not in self.drawn:
            self.drawn.append((rule, text))
            if not known:
                self.faults.append(f"{rule}: not the kernel's random bytes")

    def _same(self, rule: str, found: bytes, expected: bytes) -> None:
        if found != expected:
            self.faults.append(f"{rule}: not what it is made from")
