"""``alpr-edge``: run the box, check it, set up a camera, look after models and keys.

No plate is ever printed, but by ``read``, to a person who already has the picture.

Each command imports what it works with when it is called: ``--help`` needs no OpenCV and no ONNX Runtime.
"""

import sys

if __name__ == "__main__":  # as `python -m edge.cli`: before OpenCV and ONNX Runtime read the environment
    from edge.start import main as begin

    begin()
    sys.exit()

import json
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from edge.errors import ConfigError, EdgeError, Exit, ModelError, SourceError, StorageError
from edge.runtime.places import CONFIG, FOLDER
from edge.runtime.terminal import err, out
from hitonly_core.errors import HitonlyError, KeyFileError
from hitonly_core.version_option import add_version

if TYPE_CHECKING:
    from edge.config import EdgeConfig
    from hitonly_core.safeguard import Measure

app = typer.Typer(
    help="A plate reader that forgets: reads are matched in memory, and destroyed within the window.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    add_completion=False,
)
add_version(app, "alpr-edge")
models_app = typer.Typer(
    help="Model files: only those whose digest matches are ever loaded.", no_args_is_help=True
)
app.add_typer(models_app, name="models")

receipts_app = typer.Typer(
    help="Receipts: what became of the reads, signed and chained.", no_args_is_help=True
)
app.add_typer(receipts_app, name="receipts")

ConfigOption = Annotated[Path, typer.Option("--config", "-c", help="The configuration file.")]
PasswordFile = Annotated[
    Path | None,
    typer.Option(
        "--source-password-file",
        help="The password for --source rtsp://user@host; without it, a terminal is asked.",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="One JSON object a line, for machines.")]


def main() -> None:
    """Run the command line; every expected failure is one clear line and its documented exit code."""
    try:
        app()
    except KeyboardInterrupt:
        sys.exit(128 + signal.SIGINT)
    except HitonlyError as problem:
        err.print(f"alpr-edge: {problem}", markup=False)
        if problem.hint:
            err.print(f"  {problem.hint}", markup=False)
        sys.exit(exit_code(problem))


def exit_code(problem: HitonlyError) -> int:
    """Return the documented exit code of a failure (docs/configuration.md)."""
    if isinstance(problem, EdgeError):
        return problem.exit_code
    return Exit.KEY if isinstance(problem, KeyFileError) else Exit.HOT_LIST


@app.command()
def run(
    config: ConfigOption,
    source: Annotated[
        str,
        typer.Option(
            help="Read this instead of the first camera's source: a clip, a folder, a URL without its password, "
            "a device."
        ),
    ] = "",
    *,
    password_file: PasswordFile = None,
    every: Annotated[int, typer.Option(min=1, help="Of a clip, every N-th frame.")] = 1,
    realtime: Annotated[bool, typer.Option(help="A clip at its own pace, as a camera would.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Read plates, match them, seal the hits, forget the rest. Ctrl-C stops cleanly."""
    _demand_new_start()
    from edge.config import load_config
    from edge.hardening import process
    from edge.runtime.allowances import allowed
    from edge.runtime.box import Box
    from edge.runtime.instance_lock import alone
    from edge.runtime.run_report import print_summary, reporter
    from edge.runtime.signals import stopped_by_signals

    settings = _with_source(load_config(config), source, password_file, every=every, realtime=realtime)
    if settings.device.demo:
        err.print(
            "DEMO: no registration, agency or policy is set; not for use on a road (R18).", style="bold red"
        )
    measures = process.harden(allowed(settings), unsafe_allow_swap=settings.unsafe_allow_swap)
    with alone(settings.storage.state), reporter(as_json=as_json) as listener:
        box = Box.assemble(settings, listener=listener, measures=measures)
        with stopped_by_signals(box.stop):
            summary = box.run()
    print_summary(summary, as_json=as_json)
    if summary.unwritten:
        raise StorageError(f"{summary.unwritten} hits were never written to any disk and are LOST")
    if box.account.silent:
        raise StorageError("the last receipt could not be written: nothing signed says how this run ended")
    if summary.blind:
        told = "; ".join(f"camera {name} {what}" for name, what in summary.blind.items())
        raise SourceError(told, hint="Look at the recording; `alpr-edge check` says more about a camera.")


@app.command()
def check(config: ConfigOption, as_json: JsonOption = False) -> None:  # noqa: FBT002 - a flag
    """Check the configuration, keys, models, hot list, cameras and the platform's protection of memory."""
    _demand_new_start()
    from edge.config import load_config
    from edge.hardening import process
    from edge.hardening.pausing import pauses
    from edge.runtime.allowances import allowed

    settings = load_config(config)
    measures = process.harden(allowed(settings), unsafe_allow_swap=True)
    wrong = _checked(settings, as_json=as_json)
    for measure in (*measures, *pauses()):
        _print_measure(measure, as_json=as_json)
    if as_json:
        _print_line({"event": "checked", "wrong": wrong})
    if wrong:
        raise typer.Exit(Exit.CONFIG)


@app.command()
def aim(
    *,
    config: Annotated[Path, typer.Option("--config", "-c", help="The configuration file.")] = CONFIG,
    camera: Annotated[str, typer.Option(help="The camera's name; else the first.")] = "",
    source: Annotated[
        str, typer.Option(help="Look at this instead; with it, the configuration may be absent.")
    ] = "",
    password_file: PasswordFile = None,
    seconds: Annotated[int, typer.Option(min=1, max=3600, help="Ends after so many seconds.")] = 600,
    as_json: JsonOption = False,
) -> None:
    """Aim a camera: how plates are seen, in numbers, once a second. No picture and no plate is shown or kept."""
    _demand_new_start()
    from edge.runtime.aim_run import aim_at
    from edge.runtime.aim_target import target_of

    aim_at(target_of(config, camera, source, password_file), seconds=seconds, as_json=as_json)


@app.command()
def read(
    images: Annotated[list[Path], typer.Argument(help="Picture files or folders.")],
    config: Annotated[Path | None, typer.Option("--config", "-c", help="Take models from this file.")] = None,
    as_json: JsonOption = False,  # noqa: FBT002 - a flag
) -> None:
    """Unsafe: print the plates in given pictures, to set up a camera. Only for pictures you already have."""
    from edge.config import load_config
    from edge.runtime.unsafe_read import unsafe_read

    err.print("Unsafe: plates are printed on this terminal; nothing is stored.", style="yellow")
    chosen = load_config(config).models if config else None
    for path, findings in unsafe_read(images, chosen):
        if as_json:
            out.print_json(data={"picture": str(path), "plates": findings})
            continue
        texts = [f"{each['plate']} ({each['probability']:.0%}{_region(each)})" for each in findings]
        out.print(f"{path}: {', '.join(texts) or 'no plate'}", markup=False)


@app.command()
def keygen(
    folder: Annotated[Path, typer.Argument(help="Where the device's keys are made; never replaced.")],
) -> None:
    """Make the device's signing and sealing keys. The private halves never leave this box."""
    from edge.department.enrol import SIGNING, make_keys

    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if (folder / SIGNING).exists():
        raise KeyFileError(f"{folder / SIGNING} is already there", hint="Keys are never replaced.")
    signing, sealing = make_keys(folder)
    out.print(f"signing key {signing.public.id}, sealing key {sealing.public.id} in {folder}", markup=False)


@app.command()
def enrol(
    api: Annotated[str, typer.Option(help="The department's address: https://..., or http:// on loopback.")],
    folder: Annotated[Path, typer.Option(help="The box's folder: keys and trust are made in it.")],
    code_file: Annotated[
        Path | None,
        typer.Option(help="Where the one-time code stands, - for standard input; else a terminal is asked."),
    ] = None,
    ca: Annotated[Path | None, typer.Option(help="The department's certificate authority (ca.pem).")] = None,
) -> None:
    """Make this box known to its department; prints what belongs in the configuration."""
    from edge.department import enrol as enrolment
    from edge.runtime.config_text import config_text
    from edge.runtime.questions import secret_line
    from edge.runtime.setup import enrolment_tables

    enrolled = enrolment.enrol(api, secret_line(code_file, "One-time code"), folder, ca)
    out.print(f"# enrolled with {enrolled.agency}; put this into the configuration", markup=False)
    department = {"url": api, "service_key": str(folder / enrolment.KEYS / enrolment.SERVICE)}
    if ca:
        department["authority"] = str(folder / enrolment.KEYS / enrolment.AUTHORITY)
    out.print(config_text(enrolment_tables(enrolled, folder, department)), markup=False, soft_wrap=True)


@app.command()
def setup(
    *,
    camera: Annotated[
        str, typer.Option(help="The camera: rtsp://user@host/path, /dev/video0, or a clip; else it is asked.")
    ] = "",
    name: Annotated[str, typer.Option(help="The camera's name, in logs and hits.")] = "",
    place: Annotated[str | None, typer.Option(help="Where it stands, in words; written in hits.")] = None,
    policy: Annotated[
        Path | None, typer.Option(help="The policy document: compared with the registration's.")
    ] = None,
    enrolment_file: Annotated[
        Path | None, typer.Option(help="Where the enrolment string stands, - for standard input; else asked.")
    ] = None,
    camera_password_file: Annotated[
        Path | None, typer.Option(help="Where the camera's password stands; else asked, if it has a user.")
    ] = None,
    camera_authority: Annotated[
        Path | None, typer.Option(help="For rtsps://: the camera's certificate, or its authority's.")
    ] = None,
    config: Annotated[Path, typer.Option("--config", "-c", help="The configuration to write.")] = CONFIG,
    folder: Annotated[Path, typer.Option(help="The unit's folder: keys, trust, spool, state.")] = FOLDER,
) -> None:
    """Set this unit up: ask, enrol, write the configuration, check it, and say how to start."""
    _demand_new_start()
    from edge.config import load_config
    from edge.runtime.questions import Questions
    from edge.runtime.setup import set_up

    questions = Questions(camera, name, place, policy, enrolment_file, camera_password_file, camera_authority)
    enrolled = set_up(questions.ask(config, folder))
    out.print(f"enrolled as {enrolled.device} with {enrolled.agency}; {config} is written", markup=False)
    wrong = _checked(load_config(config), as_json=False)
    if wrong:
        out.print(f"Mend what is wrong, then look again: alpr-edge check --config {config}", markup=False)
        raise typer.Exit(Exit.CONFIG)
    out.print(f"Aim the camera: alpr-edge aim --config {config}", markup=False)
    out.print(f"Start it: alpr-edge run --config {config}", markup=False)
    out.print("or, where it was installed as a service: sudo systemctl enable --now alpr-edge", markup=False)


@app.command()
def deliver(
    config: ConfigOption,
    again: Annotated[bool, typer.Option(help="Offer the hits that were refused once more.")] = False,  # noqa: FBT002 - a flag
) -> None:
    """Deliver what waits on the spool and end: for a box that is only sometimes connected."""
    from edge.config import load_config
    from edge.department.delivery import deliver_all
    from edge.department.spool import Spool

    settings = load_config(config)
    spool = Spool(settings.storage.spool, settings.storage.spare)
    delivered = deliver_all(settings, spool, lambda words: err.print(words, markup=False), again=again)
    left, refused = len(list(spool.pending())), len(list(spool.refused()))
    aside = f", {refused} refused and set aside" if refused else ""
    out.print(f"{delivered} delivered, {left} left on the spool{aside}", markup=False)
    if left or refused:
        raise typer.Exit(Exit.LINK)


@app.command("accept-audit-log")
def accept_audit_log(config: ConfigOption) -> None:
    """Go on with a department's audit log that contradicts the one this box was shown; the evidence is kept.

    For after a restore that the auditor knows of. The box must not be running.
    """
    from edge.config import load_config
    from edge.department.audit_memory import ACCEPTED, AuditMemory
    from edge.runtime.instance_lock import alone
    from hitonly_core.keys import VerifyKey

    settings = load_config(config)
    if settings.department is None:
        raise ConfigError("the configuration has no [department]")
    state = settings.storage.state
    with alone(state):
        memory = AuditMemory(state, VerifyKey.load(settings.department.service_key), lambda _: None)
        number = memory.accept()
    if not number:
        out.print("nothing contradicts what this box was shown", markup=False)
        return
    out.print(f"accepted; {number} pair(s) of signed ends are kept in {state / ACCEPTED}", markup=False)


@models_app.command("list")
def models_list(
    folder: Annotated[Path | None, typer.Option(help="Looked in first.")] = None,
    as_json: JsonOption = False,  # noqa: FBT002 - a flag
) -> None:
    """List the models that can be loaded by name, and whether each is here."""
    from rich.table import Table as Grid

    from edge.vision import models

    rows = list(models.status(models.folders(folder)))
    if as_json:
        body = [
            {"name": spec.name, "kind": spec.kind, "licence": spec.licence, "status": how}
            for spec, how in rows
        ]
        out.print_json(data=body)
        return
    grid = Grid("name", "kind", "licence", "source", "here")
    for spec, how in rows:
        grid.add_row(
            spec.name, spec.kind, spec.licence, spec.source, "verified" if how == "verified" else "no"
        )
    out.print(grid)


@models_app.command("verify")
def models_verify(folder: Annotated[Path | None, typer.Option(help="Looked in first.")] = None) -> None:
    """Verify the digest of every model that is here; exit 5 when a file was altered."""
    from edge.vision import models

    altered = 0
    for spec, how in models.status(models.folders(folder)):
        absent = "is in none of" in how
        altered += how != "verified" and not absent
        out.print(f"{spec.name}: {'absent' if absent else how}", markup=False)
    if altered:
        raise typer.Exit(Exit.MODEL)


@models_app.command("fetch")
def models_fetch(
    name: Annotated[str, typer.Argument(help="A name of `alpr-edge models list`.")],
    folder: Annotated[Path, typer.Option(help="Where to put it.")],
) -> None:
    """Download a model and verify it. Never done at run time."""
    import urllib.request

    from edge.vision import models
    from hitonly_core.files import write_durably

    spec = models.manifest().get(name)
    if spec is None or not spec.url:
        known = ", ".join(each.name for each in models.manifest().values() if each.url)
        raise ModelError(f"nothing to fetch for {name!r}", hint=f"Can be fetched: {known}.")
    folder.mkdir(parents=True, exist_ok=True)
    for file, digest in spec.files.items():
        try:
            with urllib.request.urlopen(spec.url + file, timeout=60) as answer:  # noqa: S310 - https, from the manifest
                content = answer.read(models.MAX_BYTES)
        except OSError as problem:
            raise ModelError(
                f"{spec.url}{file} cannot be fetched: {problem}", hint="Is there a network?"
            ) from None
        models.demand_digest(content, digest, where=spec.url + file)
        write_durably(folder / file, content, mode=0o644)
    out.print(f"{name}: verified, in {folder}", markup=False)


@receipts_app.command("verify")
def receipts_verify(
    folder: Annotated[Path, typer.Argument(help="The state folder, or a copy of its receipts.")],
    key: Annotated[Path, typer.Option(help="The device's verify key (signing.pub).")],
) -> None:
    """Check the chain, the signatures and the sum of a device's receipts; exit 1 when a fault is found."""
    from edge.department.ledger import read_lines
    from hitonly_core.keys import VerifyKey
    from protocol.receipt_chain import verify

    verdict = verify(read_lines(folder), VerifyKey.load(key))
    for finding in verdict.findings:
        fault = "fault" if finding.kind.is_fault else "note"
        out.print(f"{fault}: line {finding.line}: {finding.kind.value}: {finding.message}", markup=False)
    totals = ", ".join(f"{count} {name}" for name, count in verdict.totals.items())
    told = f"{verdict.receipts} receipts of {verdict.runs} runs; {totals}"
    out.print(f"{told}; {'holds' if verdict.holds else 'DOES NOT HOLD'}")
    if verdict.runs:
        out.print("Not counted: what passed after the last step of each run.")
    if not verdict.holds:
        raise typer.Exit(Exit.FAULT)


def _demand_new_start() -> None:
    """Start anew where this was not begun by `edge.start`, as another program that imports it may."""
    from edge.hardening import renewal

    if not renewal.renewed():
        renewal.renew()


def _checked(settings: "EdgeConfig", *, as_json: bool) -> int:
    """Try all that the configuration names and print what came of it; return how much is wrong."""
    from edge.runtime import checks

    wrong = 0
    for finding in checks.check(settings):
        wrong += finding.problem is not None
        hint = finding.problem.hint if finding.problem else None
        if as_json:
            line = {"event": "finding", "what": finding.what, "found": finding.found, "good": hint is None}
            _print_line({**line, "hint": hint or ""})
        else:
            _print_finding(finding.what, finding.found, hint)
    return wrong


def _print_line(body: dict[str, Any]) -> None:
    """Print one JSON object on one line."""
    out.print(json.dumps(body, ensure_ascii=False), markup=False, highlight=False, soft_wrap=True)


def _print_finding(what: str, found: str, hint: str | None) -> None:
    """Print one line of ``check``; `hint` is None when all is well."""
    out.print("[green]good[/green]   " if hint is None else "[red]wrong[/red]  ", end="")
    out.print(f"{what}: {found}" + (f" {hint}" if hint else ""), markup=False)


def _print_measure(measure: "Measure", *, as_json: bool) -> None:
    """Print what came of one protective measure."""
    from hitonly_core.safeguard import State

    if as_json:
        state = measure.state.value
        _print_line({"event": "measure", "name": measure.name, "state": state, "reason": measure.reason})
        return
    colour = "green" if measure.state is State.APPLIED else "yellow"
    out.print(f"[{colour}]{measure.state.value:<8}[/{colour}] ", end="")
    out.print(measure.name + (f": {measure.reason}" if measure.reason else ""), markup=False)


def _with_source(
    config: "EdgeConfig", source: str, password_file: Path | None, *, every: int, realtime: bool
) -> "EdgeConfig":
    """Return the configuration with the first camera's source replaced, and a clip's pace set."""
    from edge.capture.settings import FileSettings
    from edge.runtime.source_option import source_given

    first = config.cameras[0]
    chosen = first.source
    if source:
        chosen = source_given(source, password_file, name=first.name)
    elif password_file is not None:
        raise ConfigError("--source-password-file is for --source")
    if isinstance(chosen, FileSettings):
        chosen = chosen.model_copy(
            update={"every": every if every > 1 else chosen.every, "realtime": realtime or chosen.realtime}
        )
    elif every > 1 or realtime:
        raise ConfigError("--every and --realtime are for clips")
    camera = first.model_copy(update={"source": chosen})
    return config.model_copy(update={"cameras": (camera, *config.cameras[1:])})


def _region(finding: dict[str, Any]) -> str:
    return f", {finding['region']}" if finding.get("region") else ""
