"""`python -m tests.contract.remake`: writes the golden files of new event types and versions.

It never changes a file that is there: events with those bytes may stand in somebody's log for ever. A breaking
change is a new version of the type, with an upcaster from the old one, and gets files of its own. A field that is
added with a default changes the schema of its type only: delete that one file under `golden/schemas` first.
"""

import sys

from tests.contract.snapshots import GOLDEN, made


def main() -> int:
    """Writes what is missing. Returns 1 if a file that is there differs from what would be written."""
    differing = []
    for name, content in made().items():
        path = GOLDEN / name
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
            sys.stdout.write(f"written: {name}\n")
        elif path.read_bytes() != content:
            differing.append(name)
    for name in differing:
        sys.stderr.write(f"differs, and was left as it is: {name}\n")
    return 1 if differing else 0


if __name__ == "__main__":
    sys.exit(main())
