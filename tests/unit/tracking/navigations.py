"""What real browsers sent to a local server when somebody followed a link of a mail over TLS. Measured on 2026-11-27.

Each browser ran in a window, without translation or other extensions: Debian's chromium 156.0.8078.108-1~deb12u1,
firefox-esr 153.7.0esr-1~deb12u1, and WebKitGTK 2.50.6 (libwebkit2gtk-4.1-0 2.50.6-1~deb12u2, MiniBrowser). `Host` and
`Connection` are left out. Private windows sent the same, Firefox's with `Sec-GPC: 1`, as did Firefox that resists
fingerprinting. Plain HTTP: the same to 127.0.0.1, nothing that begins with `Sec-` to any other address.
"""

from itertools import product

CHROMIUM = {
    "user-agent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 "
    "Safari/537.36",
    "accept": "text/html,application/xhtml+xml,application/xml;q=0.9,image/jxl,image/avif,image/webp,image/apng,"
    "*/*;q=0.8,application/signed-exchange;v=b3;q=0.7",
    "accept-encoding": "gzip, deflate, br, zstd",
    "accept-language": "en-US,en;q=0.9",
    "sec-ch-ua": '"Not:A-Brand";v="8", "Chromium";v="156"',
    "sec-ch-ua-mobile": "?0",
    "sec-ch-ua-platform": '"Linux"',
    "sec-fetch-dest": "document",
    "sec-fetch-mode": "navigate",
    "upgrade-insecure-requests": "1",
}
FIREFOX = {
    "user-agent": "Mozilla/5.0 (X11; Linux x86_64; rv:153.0) Gecko/20100101 Firefox/153.0",
    "accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
    "accept-encoding": "gzip, deflate, br, zstd",
    "accept-language": "en-US,en;q=0.9",
    "sec-fetch-dest": "document",
    "sec-fetch-mode": "navigate",
    "upgrade-insecure-requests": "1",
    "priority": "u=0, i",
}
FIREFOX_PRIVATE = FIREFOX | {"sec-gpc": "1"}
FIREFOX_WITHOUT_LANGUAGES = {name: value for name, value in FIREFOX.items() if name != "accept-language"}
"""Its list of preferred languages is empty: the one browser that lacked a signal."""
WEBKIT = {
    # WebKitGTK names Linux: this is the agent of Safari 26.0, which sends with Apple's WebKit what WebKitGTK sends.
    "user-agent": "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/26.0 Safari/605.1.15",
    "accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
    "accept-encoding": "gzip, deflate, br",
    "accept-language": "en",
    "sec-fetch-dest": "document",
    "sec-fetch-mode": "navigate",
}
BROWSERS = (CHROMIUM, FIREFOX, FIREFOX_PRIVATE, FIREFOX_WITHOUT_LANGUAGES, WEBKIT)

CLICKED = {"sec-fetch-user": "?1"}
"""Chromium and Firefox; WebKit never sends it."""
REFERRED = {"referer": "https://mail.example/"}
WAYS = (
    # A link of a web mail: in the same tab, in a new one, or by way of a redirect.
    {"sec-fetch-site": "cross-site"} | CLICKED | REFERRED,
    # A link with rel=noreferrer, of a mail in a sandboxed frame, or of a file.
    {"sec-fetch-site": "cross-site"} | CLICKED,
    # By way of a page that refreshes.
    {"sec-fetch-site": "cross-site"} | REFERRED,
    # Opened by a mail program, or typed.
    {"sec-fetch-site": "none"} | CLICKED,
    {"sec-fetch-site": "none"},
)

NAVIGATIONS = [browser | way for browser, way in product(BROWSERS, WAYS)]
