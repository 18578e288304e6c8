"""Runs the commands of this folder: what goes wrong is a line on stderr that says what to do, and exit code 1."""

import sys
from collections.abc import Callable

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    EndpointConnectionError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
)

from local.cloudformation import message_of
from local.console import NotReady


def run(main: Callable[[], int | None]) -> None:
    """Run a command to its end, and exit with the code that it gives: None is 0."""
    try:
        sys.exit(main())
    except (NotReady, OSError) as problem:
        sys.exit(f"\n{problem}")
    except (BotoCoreError, ClientError) as error:
        sys.exit(f"\n{advice_on(error)}")


def advice_on(error: BotoCoreError | ClientError) -> str:
    """One line that says what is wrong with the way to AWS, and what to do."""
    if isinstance(error, NoRegionError):
        return "No AWS region is set. Name yours: export AWS_DEFAULT_REGION=eu-central-1"
    if isinstance(error, NoCredentialsError | PartialCredentialsError):
        return "No AWS credentials were found. Sign in with `aws configure` or `aws sso login`, or set AWS_PROFILE."
    if isinstance(error, EndpointConnectionError):
        return f"AWS cannot be reached: {error}. Check the network, and the spelling of the region."
    if not isinstance(error, ClientError):
        return str(error)
    code = error.response["Error"].get("Code", "")
    if code.startswith("ExpiredToken") or code == "RequestExpired":
        return "Your AWS credentials have expired. Sign in again, for example with `aws sso login`."
    if code in ("InvalidClientTokenId", "UnrecognizedClientException", "InvalidAccessKeyId", "SignatureDoesNotMatch"):
        return f"AWS does not know your credentials ({code}). Sign in again, or check AWS_PROFILE."
    return f"AWS refused {error.operation_name}: {message_of(error)}"
