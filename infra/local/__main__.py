"""`python -m infra.local COMMAND`; the Makefile's targets call it."""

import argparse
import importlib
import os
import sys

from infra.local.errors import LocalError
from infra.local.home import Home
from infra.services import LOGS, NAMES


def main(arguments: list[str]) -> int:
    """Exit code of the command; an error of ours is its message alone, without a traceback."""
    options = _parser().parse_args(arguments)
    try:
        code = _run(options, Home.from_environment())
        sys.stdout.flush()
        return code
    except LocalError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # the reader, a `head` perhaps, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def _run(options: argparse.Namespace, home: Home) -> int:
    """Each command imports what it needs here, where a Ctrl-C is answered."""
    match options.command:
        case "up" | "down" | "reset":
            return _live(options, home)
        case "recover" | "rebuild" | "dsn" | "refill":
            return _mend(options, home)
        case "status":
            from infra.local.status import status

            return status(home)
        case "token":
            return _print_token(options, home)
        case "supervise":
            from infra.local.supervisor import supervise

            return supervise(home)
        case _:
            demo = importlib.import_module("infra.demo.__main__")
            return int(demo.main() or 0)


def _live(options: argparse.Namespace, home: Home) -> int:
    from infra.local import lifecycle

    match options.command:
        case "up":
            return lifecycle.up(home) or (_load_demo(home, options.registrations) if options.demo else 0)
        case "down":
            return lifecycle.down(home)
        case _:
            return lifecycle.reset(home, confirmed=options.yes)


def _load_demo(home: Home, registrations: int | None) -> int:
    load = importlib.import_module("infra.demo.load")
    return int(load.load(home, registrations))


def _mend(options: argparse.Namespace, home: Home) -> int:
    from infra.local import mend

    match options.command:
        case "dsn":
            return mend.print_dsn(home, options.service)
        case "refill":
            return mend.refill(home, options.topic, options.partition)
        case "recover":
            given = ["--yes"] if options.yes else []
            given += [f"--confirm-erasure={subject}" for subject in options.confirm_erasure]
            return mend.mend(home, "recover", options.service, given)
        case command:
            return mend.mend(home, command, options.service)


def _print_token(options: argparse.Namespace, home: Home) -> int:
    from infra.local.keys import ensure_keys
    from infra.local.tokens import make_token, parse_centers, parse_hours

    token = make_token(
        ensure_keys(home.up / "keys"),
        options.role,
        tenant=options.tenant,
        centers=parse_centers(options.centers) if options.centers is not None else None,
        subject=options.subject,
        hours=parse_hours(options.hours),
    )
    print(token)
    return 0


def _positive(written: str) -> int:
    if not written.isdecimal() or not int(written):
        raise argparse.ArgumentTypeError("a whole number from 1 is needed")
    return int(written)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m infra.local", description="Rahnama on this machine")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    commands.add_parser("demo", help="start everything, send a cohort through, print what happened, stop")
    up = commands.add_parser("up", help="start Kafka, Postgres and the services, and leave them running")
    up.add_argument("--demo", action="store_true", help="load the demo's cohort")
    up.add_argument(
        "--registrations", type=_positive, help="send so many of its students' events, the first ones"
    )
    commands.add_parser("down", help="stop what up started")
    reset = commands.add_parser("reset", help="stop, ask, and delete the data")
    reset.add_argument("--yes", action="store_true", help="do not ask")
    commands.add_parser("status", help="what runs, with memory and lag")
    recover = commands.add_parser("recover", help="bring events back that a restored database has lost")
    recover.add_argument("service", nargs="?", choices=LOGS, help="this one alone")
    recover.add_argument("--yes", action="store_true", help="do not ask; doubtful erasures are not done")
    recover.add_argument("--confirm-erasure", action="append", default=[], metavar="SUBJECT",
                         help="erase this subject, which a tombstone alone requests")  # fmt: skip
    rebuild = commands.add_parser("rebuild", help="tell a service's read models again")
    rebuild.add_argument("service", choices=LOGS)
    dsn = commands.add_parser("dsn", help="print the DSN of a database's owner, for psql")
    dsn.add_argument("service", choices=NAMES)
    refill = commands.add_parser("refill", help="empty a log's topic partition, for its relay to fill again")
    refill.add_argument("topic", choices=[f"rahnama.{name}" for name in LOGS])
    refill.add_argument("partition", type=int)
    token = commands.add_parser("token", help="print a bearer token")
    token.add_argument("role", help="admin, operator, auditor, upstream or metrics")
    token.add_argument("--tenant", default="default")
    token.add_argument("--centers", help="numbers separated by commas; limits an operator")
    token.add_argument("--subject", help="who the token is for (claim sub)")
    token.add_argument("--hours", default="12", help="how long it is valid")
    commands.add_parser("supervise", help="(the process behind up)")
    return parser


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
