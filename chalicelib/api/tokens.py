"""/v1/tokens: issue, list, revoke. The operator, who has no token yet, issues the first one (`make token`)."""

from typing import Annotated

from pydantic import Field

from chalicelib.api.http.answers import AnswerModel, Moment, Overlaid
from chalicelib.api.http.authentication import Forbidden, caller
from chalicelib.api.http.paging import Page
from chalicelib.api.http.requests import RequestModel, one_line
from chalicelib.api.http.resources import Call, Operation, Resource
from chalicelib.model.access import Scope
from chalicelib.store.access import LastFullToken

tokens = Resource("tokens")


class NewToken(RequestModel):
    name: Annotated[str, *one_line(100), Field(description="Who or what will use it.")]
    scope: Scope = Field(default=Scope.FULL, description="`read` may only GET.")


class TokenAnswer(AnswerModel):
    token_id: str
    name: str
    scope: Scope
    created_at: Moment
    used_at: Moment | None = Field(default=None, description="When it was last used, at most an hour too early.")
    current: bool = Field(default=False, description="Whether this request came with it, or its session.")


class IssuedToken(TokenAnswer):
    token: str = Field(description="The token itself. It is shown only here.")


@Operation(tokens, "POST", "/v1/tokens", IssuedToken, status=201, body=NewToken, answers_secret=True)
def issue_token(call: Call) -> object:
    """Issue a token.

    The token is shown in this answer only; it is stored as a hash. A repeated Idempotency-Key gets 409.
    """
    wanted = call.body(NewToken)
    token, secret = call.context.tokens.issue(wanted.name, wanted.scope, call.context.now())
    return Overlaid(token, token=secret)


@Operation(tokens, "GET", "/v1/tokens", Page[TokenAnswer], raises=[Forbidden])
def list_tokens(call: Call) -> object:
    """List tokens.

    All of them, oldest first; a new one may take a second to appear. Needs a token of scope `full`.
    """
    current = caller(call.request)
    if current.scope is not Scope.FULL:
        raise Forbidden("Tokens are for tokens of scope full.", 'Bearer error="insufficient_scope", scope="full"')
    found = call.context.tokens.list_all()
    items = [Overlaid(each, current=each.token_id == current.token_id) for each in found]
    return {"items": items, "cursor": None}


@Operation(tokens, "DELETE", "/v1/tokens/{token_id}", status=204, raises=[LastFullToken])
def revoke_token(call: Call, token_id: str) -> None:
    """Revoke a token.

    At once and permanently, with its sessions. The last token of scope `full` cannot be revoked.
    """
    call.context.tokens.revoke(token_id)
