"""/v1/tokens: issue, list, revoke. The first one is issued by the operator, who has no token yet:

python -m chalicelib.api.tokens create --name "ops laptop" --table <the stack's campaigns table>
"""

import argparse
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Self

from pydantic import BaseModel, Field

from chalicelib.api.http.answers import Answer, no_content, ok
from chalicelib.api.http.paging import Page
from chalicelib.api.http.problems import ProblemType
from chalicelib.api.http.requests import RequestModel
from chalicelib.api.http.resources import Call, Resource
from chalicelib.api.lead_models import Moment
from chalicelib.model.access import Scope, Token
from chalicelib.store.access import TokenNotFound, Tokens
from chalicelib.store.client import dynamodb

tokens = Resource("tokens", errors={TokenNotFound: ProblemType(404, "token-not-found", "There is no such token")})


class NewToken(RequestModel):
    name: Annotated[str, Field(min_length=1, max_length=100, description="Who or what will use it.")]
    scope: Annotated[Scope, Field(description="`read` may only GET.")] = Scope.FULL


class TokenAnswer(BaseModel):
    token_id: str
    name: str
    scope: Scope
    created_at: Moment

    @classmethod
    def of(cls, token: Token) -> Self:
        return cls(token_id=token.token_id, name=token.name, scope=token.scope, created_at=token.created_at)


class IssuedToken(TokenAnswer):
    token: str = Field(description="The token itself. It is told here and nowhere else.")


@tokens.operation(
    "POST", "/v1/tokens", summary="Issue a token", body=NewToken, answers={201: IssuedToken}, answers_secret=True
)
def issue_token(call: Call) -> Answer:
    """The token is told in this answer only; it is stored as a hash. A repeated Idempotency-Key gets 409."""
    wanted = call.body(NewToken)
    token, secret = call.context.tokens.issue(wanted.name, wanted.scope, call.context.now())
    return call.created(IssuedToken(**TokenAnswer.of(token).model_dump(), token=secret), token.token_id)


@tokens.operation("GET", "/v1/tokens", summary="List tokens", answers={200: Page[TokenAnswer]})
def list_tokens(call: Call) -> Answer:
    """All of them, oldest first; a new one may take a second to appear."""
    return ok(Page[TokenAnswer](items=[TokenAnswer.of(token) for token in call.context.tokens.list_all()], cursor=None))


@tokens.operation(
    "DELETE", "/v1/tokens/{token_id}", summary="Revoke a token", answers={204: None}, raises=(TokenNotFound,)
)
def revoke_token(call: Call, token_id: str) -> Answer:
    """At once, and for good."""
    call.context.tokens.revoke(token_id)
    return no_content()


def main(arguments: Sequence[str]) -> None:
    """Issue a token with the operator's own AWS credentials, and print it."""
    parser = argparse.ArgumentParser(prog="python -m chalicelib.api.tokens")
    create = parser.add_subparsers(required=True).add_parser("create", help="issue a token and print it")
    create.add_argument("--name", required=True, help="who or what will use it")
    create.add_argument("--scope", choices=[scope.value for scope in Scope], default=Scope.FULL.value)
    create.add_argument("--table", required=True, help="the stack's campaigns table")
    options = parser.parse_args(arguments)
    _, secret = Tokens(dynamodb(), options.table).issue(options.name, Scope(options.scope), datetime.now(UTC))
    sys.stdout.write(f"{secret}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
