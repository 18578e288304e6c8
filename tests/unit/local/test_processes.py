"""Processes of the local stack: they end with their parent, and say what to do when they cannot go on."""

import os
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from local.children import Child
from local.console import NotReady
from local.ports import LOOPBACK, free_ports, require_free
from local.stack import make_private, only_one

SLEEPER = "import time; time.sleep(60)"


def test_a_child_that_dies_is_told_with_the_end_of_its_log(tmp_path: Path) -> None:
    child = Child("the engine", ["local.leash", "no_such_module"], tmp_path / "log", os.environ)
    with pytest.raises(NotReady, match=r"the engine has stopped by itself(.|\n)*no_such_module"):
        child.wait_until(lambda: False, seconds=30)


def test_a_child_that_does_not_get_ready_is_not_waited_for_forever(tmp_path: Path) -> None:
    child = Child(
        "the engine", ["local.leash", "--program", sys.executable, "-c", SLEEPER], tmp_path / "log", os.environ
    )
    with pytest.raises(NotReady, match="did not answer within"):
        child.wait_until(lambda: False, seconds=0.2)
    child.stop()
    assert child.process.returncode is not None


def test_a_child_ends_when_its_parent_is_killed(tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    grandchild = (
        f"import os, pathlib, time; pathlib.Path({str(pid_file)!r}).write_text(str(os.getpid())); time.sleep(60)"
    )
    parent = (
        "import os, pathlib, sys, time\nfrom local.children import Child\n"
        f"child = Child('it', ['local.leash', '--program', sys.executable, '-c', {grandchild!r}], "
        f"pathlib.Path({str(tmp_path / 'log')!r}), os.environ)\ntime.sleep(60)"
    )
    process = subprocess.Popen([sys.executable, "-c", parent], cwd=Path(__file__).parents[3])
    assert wait_for(lambda: pid_file.exists() and bool(pid_file.read_text()))
    process.send_signal(signal.SIGKILL)
    process.wait()
    pid = int(pid_file.read_text())
    assert wait_for(lambda: not is_running(pid))


def test_a_taken_port_is_told_with_the_way_out() -> None:
    with socket.socket() as taken:
        taken.bind((LOOPBACK, 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(NotReady, match=rf"Port {port} .*\n.*make run PORT={port + 1}"):
            require_free(port, "ministack", "PORT")


def test_free_ports_are_different_and_free() -> None:
    ports = free_ports(3)
    assert len(set(ports)) == 3
    for port in ports:
        require_free(port, "a test", "PORT")


def test_only_one_stack_uses_a_state_folder(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    with only_one(lock), pytest.raises(NotReady, match=f"already runs on .*process {os.getpid()}"), only_one(lock):
        pass


def test_a_stacks_folder_is_for_its_owner_alone(tmp_path: Path) -> None:
    for folder in (tmp_path / "new" / "local", tmp_path / "open"):
        if folder.name == "open":
            folder.mkdir(mode=0o755)
        make_private(folder)
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_a_stopped_child_leaves_nothing_behind_that_it_started(tmp_path: Path) -> None:
    starts_another = (
        "import subprocess, sys, time\n"
        f"print(subprocess.Popen([sys.executable, '-c', {SLEEPER!r}]).pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    (tmp_path / "starts_another.py").write_text(starts_another)
    log = tmp_path / "log"
    child = Child("it", ["starts_another"], log, {**os.environ, "PYTHONPATH": str(tmp_path)})
    child.wait_until(lambda: log.read_text().endswith("\n"), seconds=20)
    started = int(log.read_text())
    assert is_running(started)
    child.stop()
    assert wait_for(lambda: not is_running(started))


def wait_for(condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.05)
    return False


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    state = Path(f"/proc/{pid}/stat")
    return not (state.exists() and ") Z " in state.read_text())
