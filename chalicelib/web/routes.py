"""The start page: where to go from here, until there is a web page for marketers."""

from chalice import Blueprint, Response

routes = Blueprint(__name__)

_START = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Leadflip Campaigns</title>
<style>
:root { color-scheme: light dark; }
body { font: 1.05rem/1.55 system-ui, sans-serif; max-width: 40rem; margin: 12vh auto 0; padding: 0 1.25rem; }
</style>
</head>
<body>
<main>
<h1>Leadflip Campaigns</h1>
<p>The campaign engine is running. Marketers use its JSON API with an API token:</p>
<ul>
<li><a href="v1/openapi.json">The API's description (OpenAPI 3.1)</a></li>
<li><a href="v1/health">Is it well?</a></li>
</ul>
</main>
</body>
</html>
"""


@routes.route("/", methods=["GET", "HEAD"])
def start_page() -> Response:
    return Response(
        body=_START,
        headers={
            "Content-Type": "text/html; charset=utf-8",
            "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'",
        },
    )
