"""/v1/tokens: issue, list, revoke. The first one is issued by the operator, who has no token yet (`make token`)."""

from dataclasses import asdict
from typing import Annotated

from pydantic import Field

from chalicelib.api.http.answers import AnswerModel, Moment
from chalicelib.api.http.paging import Page
from chalicelib.api.http.requests import RequestModel
from chalicelib.api.http.resources import Call, Operation, Resource
from chalicelib.model.access import Scope

tokens = Resource("tokens")


class NewToken(RequestModel):
    name: Annotated[str, Field(min_length=1, max_length=100, description="Who or what will use it.")]
    scope: Annotated[Scope, Field(description="`read` may only GET.")] = Scope.FULL


class TokenAnswer(AnswerModel):
    token_id: str
    name: str
    scope: Scope
    created_at: Moment


class IssuedToken(TokenAnswer):
    token: str = Field(description="The token itself. It is shown only here.")


@Operation(tokens, "POST", "/v1/tokens", IssuedToken, status=201, body=NewToken, answers_secret=True)
def issue_token(call: Call) -> object:
    """Issue a token.

    The token is shown in this answer only; it is stored as a hash. A repeated Idempotency-Key gets 409.
    """
    wanted = call.body(NewToken)
    token, secret = call.context.tokens.issue(wanted.name, wanted.scope, call.context.now())
    return asdict(token) | {"token": secret}


@Operation(tokens, "GET", "/v1/tokens", Page[TokenAnswer])
def list_tokens(call: Call) -> object:
    """List tokens.

    All of them, oldest first; a new one may take a second to appear.
    """
    return {"items": call.context.tokens.list_all(), "cursor": None}


@Operation(tokens, "DELETE", "/v1/tokens/{token_id}", status=204)
def revoke_token(call: Call, token_id: str) -> None:
    """Revoke a token.

    At once and permanently.
    """
    call.context.tokens.revoke(token_id)
