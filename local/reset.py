"""`make reset`: forget the local stack's leads, campaigns, mails and token; keep what was built or downloaded."""

import shutil

from local.command import run
from local.console import say
from local.stack import DEFAULTS, only_one


def main() -> None:
    folder = DEFAULTS.folder
    if not folder.exists():
        say("Nothing to forget.")
        return
    with only_one(folder / "lock"):
        for each in folder.iterdir():
            if each == DEFAULTS.builds or each.name in ("lock", "npm"):
                continue
            if each.is_dir():
                shutil.rmtree(each)
            else:
                each.unlink()
    say("Forgotten. `make run` starts afresh.")


if __name__ == "__main__":
    run(main)
