"""Person or machine, on what mail clients, proxies and scanners really send."""

import re
import string
import time

import pytest
from crawleruseragents import CRAWLER_USER_AGENTS_DATA  # type: ignore[import-untyped]
from hypothesis import example, given
from hypothesis import strategies as st

from chalicelib.tracking import agents
from chalicelib.tracking.agents import is_speculative, machine_reason

IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148"
CHROME = "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/128.0.0.0"

# What mail programs call themselves, from their makers' and web analysts' documentation; versions differ.
MAIL_PROGRAMS = [
    IPHONE,
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko)",
    "Mail/3826.400.131 CFNetwork/3826.400.120 Darwin/24.3.0",
    "Mozilla/4.0 (compatible; ms-office; MSOffice 16)",
    "Mozilla/4.0 (compatible; MSIE 7.0; Windows NT 10.0; Trident/7.0; .NET4.0E; Microsoft Outlook 16.0.5300)",
    "Microsoft Office/16.0 (Windows NT 10.0; Microsoft Outlook 16.0.14326; Pro)",
    "MacOutlook/16.90.24101387 (Intelx64 Mac OS X Version 14.7)",
    "Outlook-iOS/711.2620504.prod.iphone (3.34.0)",
    "Outlook-Express/7.0 (MSIE 7.0; Windows NT 6.1; TmstmpExt)",
    "Windows-Live-Mail/16.4.3528.331",
    "WindowsMail/17.5.9600",
    "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Thunderbird/128.4.0",
    "Mozilla/5.0 (Windows NT 10.0; WOW64; rv:60.0) Gecko/20100101 Postbox/7.0.59",
    f"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) {CHROME} Electron/32.1 Safari/537.36 SparkDesktop/3.17",
    f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {CHROME} Safari/537.36 foxmail/7.2.25.170",
    "Airmail 1.4 rv:239 (Macintosh; Mac OS X 10.9.2; en_US)",
    "eM Client/8.2.1509.0",
    "eMClient/9.2.2157.0",
    "The Bat! 10.5.2",
    "The Bat! Voyager 9.4",
    "Postbox/7.0.59",
    "Lotus-Notes/6.0; Windows-NT",
    "Mozilla/4.0 (compatible; Lotus-Notes/6.0; Windows-NT)",
    "Barca/2.8.4400",
    "BarcaPro/1.4 (4400)",
    "IncrediMail/6.6.0.5336",
    "PocoMail 4.8 (4320)",
    "Pegasus Mail/4.81",
    "Eudora/7.1.0.9",
    "Evolution/3.54.1",
    "Geary/44.1 (Linux; x86_64)",
    "KMail/5.24.5 (Linux/6.8.0; KDE/5.115.0; x86_64; ; )",
    "Claws Mail/4.3.0 (x86_64-pc-linux-gnu)",
    "Sylpheed/3.8.0beta1 (MinGW32; Windows NT 10.0)",
    "Superhuman/1038.0.31",
    "MailMate/6046 (Macintosh; Intel Mac OS X 14.5)",
    "Zimbra/10.0.9_GA_4646",
    "Android-Mail/2024.08.25.673731292",
    "Android/13-email",
    "Dalvik/2.1.0 (Linux; U; Android 14; SM-S911B Build/UP1A.231005.007)",
    "K-9 Mail/6.804",
    "FairEmail/1.2228 (Android 14; Pixel 8)",
    "AquaMail/1.52.0-91 (build: 105200091)",
    "BlueMail/1.140.91",
    "Nine/4.9.6a",
    "SamsungEmail/6.1.91.16",
    "YahooMobileMail/1.0 (Android Mail; 5.37.3) (q2q;samsung;SM-G998B;12/SP1A)",
    "YahooMail/7.30 (iOS; 17.5; en_US)",
    "Edison/1.62 (com.edisonmail.ios; build:2; iOS 17.5.1) Alamofire/5.4.4",
    "Newton/10.0.52 (Android 12; K)",
    "K-9/6.602",
    "Tutanota/3.118",
    "Tuta/240.2",
    "Mimestream/1.2",
    "Becky! ver. 2.82.02 [ja]",
    "HCL-Notes/14.0",
    "IBM Notes/9.0",
    "VMware Boxer/23.05",
    "URL/Emacs Emacs/29.3 (PureGTK; x86_64-pc-linux-gnu)",
    "mail.com/7.2 (iPhone; iOS 17.5; Scale/3.00)",
    "Mail.com%20Mail/3 CFNetwork/1494.0.7 Darwin/23.4.0",
    "GMX.net Mail/8",
]

# Mail services that fetch an image when a person opens the mail (sources: docs/decisions/0022).
IMAGE_PROXIES = [
    "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)",
    "YahooMailProxy; https://help.yahoo.com/kb/yahoo-mail-proxy-SLN28749.html",
    "Mozilla/5.0 SeznamEmailProxy/2.0.174",
    f"hey.com/imageproxy Mozilla/5.0 (X11; Linux x86_64) {CHROME} Safari/537.36",
    f"Mozilla/5.0 (X11; Linux x86_64) {CHROME} Safari/537.36 FastmailUA/1.0",
]


# What protects mailboxes, and what collects addresses. Documented: Barracuda's (Braze, "Bot filtering";
# JayBizzle/Crawler-Detect #552), Kaspersky's and Yandex's (Matomo's device-detector), EmailSiphon's and EmailWolf's
# (isbot). The others are names that public projects filter, or that such a program could have: vendors publish none,
# and most of their scanners send a browser's agent.
MAIL_SCANNERS = [
    "Barracuda Sentinel (EE)",
    "BarracudaLinkProtect/2.1",
    "Mozilla/5.0 (compatible; Barracuda Email Security Gateway)",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Proofpoint URL Defense",
    "Mozilla/5.0 (compatible; ProofpointURLDefense)",
    "proofpoint-urldefense/2.1",
    "Mimecast-Link-Protect",
    f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {CHROME} Safari/537.36 Mimecast/1.0",
    "Microsoft Defender SafeLinks",
    "Mozilla/5.0 SafeLinks (Microsoft ATP)",
    "SafeLinks",
    "BrokenLinks/2.0",
    "CiscoSecureEmail",
    "FortiMail",
    "Trustwave MailMarshal/10",
    "Kaspersky Lab CFR link resolver cfradmins@kaspersky.com",
    "Mozilla/5.0 (compatible; YandexAntivirus/2.0; +http://yandex.com/bots)",
    f"Mozilla/5.0 (X11; Linux x86_64) {CHROME} Safari/537.36 PhishingFilter/1.4",
    f"Mozilla/5.0 (X11; Linux x86_64) {CHROME} Safari/537.36 MalwareDetonation",
    "EmailSiphon",
    "EmailWolf 1.00",
    "Outlook bot",
    "Thunderbirdbot (+http://x.example)",
    "webmail-proxy crawler (+http://x.example/bot)",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:91.0) Gecko/20100101 Thunderbird/91.0 - Crawler http://x.example/bot",
]

# Gmail loads some images in advance (source: docs/decisions/0022).
GMAIL_PREFETCH = [
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/42.0.2311.135 "
    "Safari/537.36 Edge/12.246 Mozilla/5.0",
    f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {CHROME} Safari/537.36 Gmail-content-sampling",
]

# What browsers and apps call themselves where a word in it looks like a program's.
BROWSERS = [
    "Mozilla/5.0 (Linux; Android 9; X20 PRO Build/PPR1.180610.011; wv) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Version/4.0 Chrome/91.0 Mobile Safari/537.36 Booking.com/42.1",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Booking.com/42",
    f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {CHROME} Safari/537.36 Securly/3.1",
    "Mozilla/5.0 (X11; Linux x86_64) Ladybird/1.0",
    "Mozilla/5.0 (X11; Linux x86_64; Servo) Servo/1.0",
    "Links (2.29; Linux 6.1 x86_64; GNU C 13; text)",
    "ELinks/0.16.1.1 (textmode; Linux; 80x25-2)",
]


@pytest.mark.parametrize("agent", MAIL_PROGRAMS + IMAGE_PROXIES)
def test_mail_programs_and_image_proxies_that_load_an_image_are_persons(agent: str) -> None:
    assert machine_reason(agent, click=False) is None


@pytest.mark.parametrize("agent", IMAGE_PROXIES[:3])
def test_no_click_of_an_image_proxy_is_a_persons(agent: str) -> None:
    assert machine_reason(agent, click=True) is not None


@pytest.mark.parametrize("agent", MAIL_SCANNERS)
def test_no_click_of_a_mail_scanner_is_a_persons(agent: str) -> None:
    assert machine_reason(agent, click=True) is not None


@pytest.mark.parametrize("agent", GMAIL_PREFETCH)
def test_an_image_that_gmail_loads_in_advance_is_no_persons(agent: str) -> None:
    assert machine_reason(agent, click=False) == "privacy_proxy"


@pytest.mark.parametrize("agent", BROWSERS)
def test_a_word_that_programs_also_use_makes_no_person_a_machine(agent: str) -> None:
    assert machine_reason(agent, click=True) is None


@given(st.text(string.ascii_letters + string.digits + " _-+/.", min_size=1))
@example("CUBOT X19")
@example("HTC Ruby Build/IML74K")
def test_no_model_of_a_phone_makes_a_person_a_machine(model: str) -> None:
    agent = f"Mozilla/5.0 (Linux; Android 14; {model}) {CHROME} Mobile Safari/537.36"
    assert machine_reason(agent, click=True) is None


@given(
    st.sampled_from(
        [
            "(Linux; Android 9; {0}) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/91.0 Mobile Safari/537.36 "
            "Instagram 237.0.0.7.102 Android (28/9; 480dpi; 1080x2115; {0}; {1}; mt6771; en_US; 367515500)",
            "(Linux; Android 9; wv) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/91.0 Mobile Safari/537.36 "
            "[FB_IAB/FB4A;FBAV/320.0;FBDV/{0}_{1};FBSV/9;]",
            "(Android 9; Mobile; {0} {1}; rv:91.0) Gecko/91.0 Firefox/91.0",
            "YahooMobileMail/1.0 (Android Mail; 6.4) (q2q;{0};{1};9/PPR1)",
        ]
    ),
    st.text(string.ascii_uppercase + string.digits + " _-", max_size=12).filter(
        lambda model: not re.search("(?i)bot|check|scan|seo", model)
    ),
)
def test_apps_may_name_the_maker_of_a_phone_anywhere(form: str, model: str) -> None:
    agent = f"Mozilla/5.0 {form.format('CUBOT', model)}"
    assert machine_reason(agent, click=True) is None


def test_a_long_user_agent_takes_no_longer_than_one_of_512_characters() -> None:
    def seconds(agent: str) -> float:
        times = []
        for _ in range(10):
            started = time.perf_counter()
            machine_reason.__wrapped__(agent, click=False)
            times.append(time.perf_counter() - started)
        return min(times)

    for word in ("mail", "android 1.", "a@", "bot", "x.", "1.com."):
        assert seconds(word * 3000) < 3 * seconds((word * 512)[:512]), word


@pytest.mark.parametrize(
    ("agent", "reason"),
    [
        (None, "no_user_agent"),
        ("  ", "no_user_agent"),
        ("Mozilla/5.0", "privacy_proxy"),
        ("curl/8.5.0", "tool"),
        ("Barracuda Sentinel (EE)", "tool"),
        ("WhatsApp/2.24.20.89 A", "tool"),
        ("WhatsApp/2.24.11.85 iPhone_OS/17.5", "tool"),
        ("Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)", "tool"),
        ("Feedly/1.0 (+http://www.feedly.com/fetcher.html; like FeedFetcher-Google)", "tool"),
        ("axios/1.7.7", "not_a_browser"),
        ("Mozilla/5.0 (compatible; Example/1.0)", "not_a_browser"),
        ("Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)", "tool"),
        (f"Mozilla/5.0 (X11; Linux x86_64) {CHROME} HeadlessChrome/128.0 Safari/537.36", "tool"),
        ("Mozilla/5.0 (Windows NT 6.1; WOW64) AppleWebKit/537.36 SkypeUriPreview Preview/0.5", "tool"),
        (f"{IPHONE} (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)", "tool"),
        ("Mozilla/5.0 (Linux; Android 9; CUBOT X19; AdsBot-Google) AppleWebKit/537.36 Chrome/91.0", "tool"),
        ("Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; Amzn-User/0.1) Chrome/119.0", "tool"),
        # Passed by name in the first edition of the rules.
        ("amazon-kendra-customer-id-<id>", "not_a_browser"),
        ("mozilliqa", "not_a_browser"),
        ("Mozilla/5.0 (compatible; lucidworks-example/1.0)", "not_a_browser"),
        ("MyLib/1.11 (vert.x/4.11.2; GraalVM/21; Java; custom-client)", "not_a_browser"),
        ("LWPrCa2l') OR 941=(SELECT 941 FROM PG_SLEEP(15))--", "not_a_browser"),
    ],
)
def test_machines_are_told_with_their_reason(agent: str | None, reason: str) -> None:
    assert machine_reason(agent, click=True) == reason


@pytest.mark.parametrize(
    ("method", "headers"),
    [("HEAD", {}), ("GET", {"sec-purpose": "prefetch;prerender"}), ("GET", {"x-moz": "prefetch"})],
)
def test_what_nobody_looked_at_is_speculative(method: str, headers: dict[str, str]) -> None:
    assert is_speculative(method, headers)


def test_an_ordinary_request_is_not_speculative() -> None:
    assert not is_speculative("GET", {"user-agent": IPHONE, "accept": "image/*"})


def test_the_patterns_compile_ten_times_faster_than_a_list_of_names() -> None:
    """They are compiled at every cold start of the tracking function, while somebody waits."""
    patterns = [value.pattern for value in vars(agents).values() if isinstance(value, re.Pattern)]
    names = ["|".join(crawler["pattern"] for crawler in CRAWLER_USER_AGENTS_DATA)]

    def compile_all(wanted: list[str]) -> float:
        re.purge()
        started = time.perf_counter()
        for pattern in wanted:
            re.compile(pattern)
        return time.perf_counter() - started

    # The best of ten, taken in turns: what the patterns take, and not what else the machine is doing.
    ours, theirs = zip(*((compile_all(patterns), compile_all(names)) for _ in range(10)), strict=True)
    assert min(ours) * 10 < min(theirs)
