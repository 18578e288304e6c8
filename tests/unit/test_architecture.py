"""Who may know whom (docs/ARCHITECTURE.md), read from the imports themselves."""

import ast
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest

from chalicelib.settings import Settings

ROOT = Path(__file__).parents[2]
CHALICELIB = ROOT / "chalicelib"

FOUNDATION = {"model", "backoff", "threads", "sdk", "store", "settings", "telemetry", "aws", "sqs", "scheduler"}
CAPABILITIES = {"crm", "content", "senders", "campaigns", "sending", "tracking", "analytics", "automation"}
TRACKING = {"model", "store", "settings", "telemetry", "aws", "sqs"}
MAY_KNOW = {
    "model": set(),
    "settings": {"model"},
    "telemetry": {"settings"},
    "aws": {"settings"},
    "backoff": set(),
    "threads": set(),
    "sdk": set(),
    "sqs": {"backoff", "model", "telemetry"},
    "scheduler": {"model"},
    "store": {"model", "backoff", "threads", "telemetry", "settings", "aws", "sdk"},
    "tracking": TRACKING,
    "crm": FOUNDATION,
    "content": FOUNDATION,
    "senders": FOUNDATION,
    "analytics": FOUNDATION,
    "automation": FOUNDATION | {"crm", "analytics"},
    "campaigns": FOUNDATION | {"crm", "content", "senders", "tracking", "analytics"},
    "sending": FOUNDATION | {"crm", "content", "campaigns", "tracking", "analytics"},
    "wiring": FOUNDATION | CAPABILITIES,
    "web": FOUNDATION | {"wiring"},
    "api": FOUNDATION | CAPABILITIES | {"web", "wiring"},
}
ENTRY_POINTS = {CHALICELIB / "tracking" / "routes.py": TRACKING | {"tracking", "wiring"}}
"""Files that ask the wiring for what their folder's other files are given."""
FORBIDDEN_NAMES = {"utils", "util", "helpers", "helper", "common", "misc"}


def _imports(file: Path) -> set[str]:
    """The folders of chalicelib that a file imports from."""
    package = file.relative_to(ROOT).with_suffix("").parts[:-1]
    known = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            names = [".".join([*base, *filter(None, [node.module])])]
            if names[0] == "chalicelib":
                names = [f"chalicelib.{alias.name}" for alias in node.names]
        else:
            continue
        known |= {name.split(".")[1] for name in names if name.startswith("chalicelib.")}
    return known


@pytest.mark.parametrize("part", sorted(MAY_KNOW))
def test_a_part_knows_only_whom_it_may(part: str) -> None:
    place = CHALICELIB / part
    files = sorted(place.rglob("*.py")) if place.is_dir() else [place.with_suffix(".py")]
    for file in files:
        if not file.exists():
            continue
        allowed = ENTRY_POINTS.get(file, MAY_KNOW[part])
        strangers = _imports(file) - allowed - {part}
        assert not strangers, (
            f"{file.relative_to(ROOT)} imports from {sorted(strangers)}: it may know only "
            f"{sorted(allowed)}. Pass the collaborator in, or move the code to where both may reach it."
        )


MODEL_MAY_IMPORT = {
    "idna": "IDNA 2008 for international domains: pure tables. The standard library has IDNA 2003.",
}


def test_the_model_imports_the_standard_library_and_idna_only() -> None:
    for file in sorted((CHALICELIB / "model").glob("*.py")):
        for node in ast.walk(ast.parse(file.read_text())):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            packages = {name.split(".")[0] for name in names} - {"chalicelib"} - sys.stdlib_module_names
            assert packages <= set(MODEL_MAY_IMPORT), f"{file.name} imports {packages}: do this in another folder."
            assert "os" not in names, f"{file.name} reads the environment: pass the value in (settings.py)."


def test_every_part_has_a_rule() -> None:
    parts = {each.stem for each in CHALICELIB.iterdir() if not each.name.startswith("_")}
    assert parts <= set(MAY_KNOW), "Say in MAY_KNOW whom the new part may know."


def test_only_the_store_says_dynamodb() -> None:
    for file in CHALICELIB.rglob("*.py"):
        if "store" in file.parts:
            continue
        words = {node.value for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.Constant)}
        assert not any(
            isinstance(word, str) and ("attribute_exists(" in word or "ExpressionAttribute" in word) for word in words
        ), f"{file.relative_to(ROOT)} speaks DynamoDB; give the store a method for it."


def test_the_package_never_imports_what_stays_at_home() -> None:
    for file in [ROOT / "app.py", *CHALICELIB.rglob("*.py")]:
        for node in ast.walk(ast.parse(file.read_text())):
            module = getattr(node, "module", None) or ""
            assert not module.startswith(("local", "bench", "tests")), f"{file.relative_to(ROOT)} imports {module}"


def test_no_file_has_a_name_that_says_nothing() -> None:
    files = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    assert not [file for file in files if Path(file).stem in FORBIDDEN_NAMES]


HEAVY = {
    "aws_lambda_powertools",
    "boto3",
    "botocore.client",
    "botocore.httpsession",
    "botocore.session",
    "dns",
    "html5lib",
    "idna",
    "markdown_it",
    "minijinja",
    "mjml",
    "pydantic",
    "urllib3",
}
A_HIT = """
app.track({
    "rawPath": "/t/o/" + "A" * 48 + ".gif",
    "headers": {"user-agent": "a person's"},
    "requestContext": {"http": {"method": "GET"}},
}, None)
"""


def _modules_of(routes: str, work: str = "") -> set[str]:
    """What a fresh process holds after importing the app as a function with these routes, and after some work."""
    code = f"import app, sys\n{work}\nprint('\\n'.join(sys.modules))"
    environment = {
        "ROUTES": routes,
        "PATH": "",
        "AWS_DEFAULT_REGION": "eu-central-1",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_ENDPOINT_URL": "http://127.0.0.1:9",  # nobody's
        **{setting.name.upper(): "unused" for setting in fields(Settings)},
    }
    answer = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    return set(answer.stdout.split())


@pytest.mark.parametrize("work", ["", A_HIT], ids=["cold start", "a hit while everything is down"])
def test_tracking_loads_nothing_heavy(work: str) -> None:
    loaded = _modules_of("track", work)
    assert "chalicelib.tracking.routes" in loaded
    assert not loaded & HEAVY, "People wait while the tracking function starts: import this where it is used."
    assert not [name for name in loaded if name.startswith(("chalicelib.api", "chalicelib.content"))]


SENDING = """
from chalicelib.sending.send import send_deliveries
from chalicelib.wiring.workers import Workers
send_deliveries({"Records": []}, None, Workers(__import__("chalicelib.settings").settings.settings(), None).send)
"""


def test_sending_reads_no_html() -> None:
    loaded = _modules_of("none", SENDING)
    assert "chalicelib.content.render" in loaded
    assert not loaded & {"html5lib", "chalicelib.content.html_tree", "chalicelib.content.proof"}, (
        "What is sent was proven at launch: import html5lib where launch, preflight, send and schedule need it."
    )
    assert not loaded & {"markdown_it", "mjml", "chalicelib.content.made_html", "chalicelib.content.markup"}, (
        "What is sent was made HTML at launch: import these where HTML is made of what was written."
    )
    assert not loaded & {"chalicelib.campaigns.account", "chalicelib.senders", "chalicelib.store.erasures"}, (
        "Import these in the wiring's property that needs them."
    )


def test_html5lib_is_loaded_only_where_a_mail_is_proven() -> None:
    parts = ("wiring.requests", "wiring.workers", "sending.launch", "campaigns.preflight", "api.http.registry")
    loaded = _modules_of("api", "; ".join(f"import chalicelib.{part}" for part in parts))
    assert "chalicelib.campaigns.proving" in loaded
    assert "html5lib" not in loaded, "It takes 54 ms: import it in the function that proves."
    assert not loaded & {"markdown_it", "mjml"}, "Import these where HTML is made of what was written."
    assert "dns" not in loaded, "It takes 95 ms: import it where a sender is looked up."


def test_event_functions_never_import_the_routes() -> None:
    loaded = {name for name in _modules_of("none") if name.startswith("chalicelib.")}
    settings = {"chalicelib.settings", "chalicelib.model", "chalicelib.model.delivery", "chalicelib.model.ids"}
    assert loaded == settings, "An event function imports its module inside its body."


def test_no_clock_that_outlives_a_call_is_monotonic() -> None:
    """It may stand still while Lambda has frozen the process, and what was known for a second is believed for hours."""
    kept = [
        f"{file.relative_to(ROOT)}:{number}"
        for file in sorted(CHALICELIB.rglob("*.py"))
        for number, line in enumerate(file.read_text().splitlines(), start=1)
        if "time.monotonic" in line.replace("time.monotonic()", "")
    ]
    assert kept == [], f"{kept}: pass time.time instead; time.monotonic() may be called where one call begins and ends"
