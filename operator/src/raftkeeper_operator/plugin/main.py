"""The command line of `kubectl raftkeeper`. Says what is wrong in one line, and never with a stack trace."""

import argparse
import sys
from collections.abc import Sequence

from rich.console import Console

from raftkeeper_operator.plugin import commands
from raftkeeper_operator.plugin.commands import GaveUp, Scene
from raftkeeper_operator.plugin.resources_api import KubeconfigApi, Object, Refused

FAILED, GAVE_UP = 1, 3
TRANSFER_TIMEOUT_S = 60.0
PLAN_TIMEOUT_S = 1_800.0
BACKUP_TIMEOUT_S = 3_600.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; the exit code is 1 when it was refused, 3 when it was not done in time."""
    parsed = build_parser().parse_args(arguments)
    try:
        api = KubeconfigApi(parsed.kubeconfig, parsed.context, parsed.namespace)
        run(parsed, Scene(api, Console(highlight=False)))
    except Refused as error:
        sys.stderr.write(f"kubectl raftkeeper: {error}\n")
        return FAILED
    except GaveUp as error:
        sys.stderr.write(f"kubectl raftkeeper: {error}\n")
        return GAVE_UP
    except KeyboardInterrupt:
        return 130
    return 0


def build_parser() -> argparse.ArgumentParser:
    """All commands and flags."""
    parser = argparse.ArgumentParser(
        prog="kubectl raftkeeper",
        description="RaftKeeper clusters: what they do, and what they may be asked to do.",
    )
    _add_access(parser, None)
    commands_of = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def add(name: str, text: str) -> argparse.ArgumentParser:
        command = commands_of.add_parser(name, help=text)
        # As with kubectl they may stand behind the command too.
        _add_access(command, argparse.SUPPRESS)
        return command

    status = add("status", "one cluster in full, or all in a table")
    status.add_argument("name", nargs="?")

    members = add("members", "the membership")
    members.add_argument("name")

    plan = add("plan", "what the operator does next, or waits for")
    plan.add_argument("name")
    plan.add_argument("-w", "--watch", action="store_true", help="until nothing is left to do")
    plan.add_argument("--timeout", type=float, default=PLAN_TIMEOUT_S, help="seconds")

    transfer = add("transfer", "hand leadership over")
    transfer.add_argument("name")
    transfer.add_argument("--to", help="pod or member id; the best one if left out")
    transfer.add_argument("--timeout", type=float, default=TRANSFER_TIMEOUT_S, help="seconds")

    restart = add("restart", "restart all members, one by one")
    restart.add_argument("name")

    _add_backup(add("backup", "make a backup now"))
    return parser


def _add_access(parser: argparse.ArgumentParser, default: str | None) -> None:
    parser.add_argument("-n", "--namespace", default=default, help="instead of the context's")
    parser.add_argument("--context", default=default, help="of the kubeconfig")
    parser.add_argument("--kubeconfig", default=default, help="path, instead of KUBECONFIG")


def _add_backup(backup: argparse.ArgumentParser) -> None:
    backup.add_argument("name", help="the cluster")
    where = backup.add_mutually_exclusive_group(required=True)
    where.add_argument("--to-claim", metavar="CLAIM", help="a PersistentVolumeClaim")
    where.add_argument("--to-bucket", metavar="BUCKET", help="a bucket that speaks S3")
    where.add_argument("--like", metavar="SCHEDULE", help="where this schedule's backups go")
    backup.add_argument("--path", default="", help="folder of the claim")
    backup.add_argument("--prefix", default="", help="of keys in the bucket")
    backup.add_argument("--endpoint", help="of the bucket's service; Amazon's if left out")
    backup.add_argument("--region")
    backup.add_argument("--credentials-secret", metavar="SECRET")
    backup.add_argument("--no-wait", action="store_true", help="do not wait for its end")
    backup.add_argument("--timeout", type=float, default=BACKUP_TIMEOUT_S, help="seconds")


def run(parsed: argparse.Namespace, scene: Scene) -> None:
    """The command of the line."""
    match parsed.command:
        case "status":
            commands.status(scene, parsed.name)
        case "members":
            commands.members(scene, parsed.name)
        case "plan":
            commands.plan(scene, parsed.name, watch=parsed.watch, timeout_s=parsed.timeout)
        case "transfer":
            commands.transfer(scene, parsed.name, parsed.to, parsed.timeout)
        case "restart":
            commands.restart(scene, parsed.name)
        case "backup":
            destination = _destination(parsed, scene)
            commands.backup(
                scene,
                parsed.name,
                destination,
                wait=not parsed.no_wait,
                timeout_s=parsed.timeout,
            )
        case _:
            raise Refused(f"{parsed.command} is no command")


def _destination(parsed: argparse.Namespace, scene: Scene) -> Object:
    if parsed.like:
        return commands.destination_of_schedule(scene, parsed.like)
    if parsed.to_claim:
        return {"volume": {"claimName": parsed.to_claim, "path": parsed.path}}
    if not parsed.credentials_secret:
        raise Refused("--to-bucket needs --credentials-secret: a Secret with AWS_ACCESS_KEY_ID")
    given = {
        "bucket": parsed.to_bucket,
        "prefix": parsed.prefix,
        "endpoint": parsed.endpoint,
        "region": parsed.region,
        "credentialsSecret": parsed.credentials_secret,
    }
    return {"s3": {key: value for key, value in given.items() if value is not None}}


if __name__ == "__main__":
    sys.exit(main())
