"""/v1/workspace: what all campaigns share. What makes it valid is decided in model/workspace.py."""

from dataclasses import replace
from typing import Literal

from pydantic import Field

from chalicelib.api.http.answers import MERGE_PATCH, Answer, AnswerModel
from chalicelib.api.http.requests import RequestModel
from chalicelib.api.http.resources import Call, Operation, Resource
from chalicelib.api.previews import HTML, page_for_frame
from chalicelib.campaigns.preview import theme_page
from chalicelib.model.errors import Conflict
from chalicelib.model.workspace import InvalidWorkspace, Language, Theme, Workspace, checked

workspace = Resource("workspace", "/v1/workspace")

Font = Literal["sans", "verdana", "serif", "mono"]
_COLOUR = "As `#rrggbb`; its contrast with white must be at least 4.5:1."


class ThemeBody(RequestModel):
    """How mails written in Markdown look."""

    accent: str = Field(default="#3b4fc4", description=f"Links and buttons. {_COLOUR}")
    text: str = Field(default="#1f2937", description=_COLOUR)
    font: Font = "sans"
    logo_url: str | None = Field(default=None, description="An image at the top, with `https://`.")
    width: int = Field(default=600, description="In pixels, 480 to 720.")


class WorkspacePatch(RequestModel):
    """What to change. Absent members stay as they are, those of `theme` too; null clears."""

    name: str = ""
    theme: ThemeBody = ThemeBody()
    postal_address: str | None = Field(
        default=None, description="The sender's, at most 8 lines of at most 100 characters."
    )
    language: Language = Field(default=Language.EN, description="Of the texts that recipients see beside your own.")
    version: int = Field(
        default=0, ge=0, description="The version that this change is based on; 409 when there is a newer one."
    )


class SampleQuery(ThemeBody):
    """A workspace that need not be saved."""

    name: str = ""
    postal_address: str | None = None
    language: Language = Language.EN

    def workspace(self) -> Workspace:
        theme = Theme(self.accent, self.text, self.font, self.logo_url, self.width)
        return checked(_tidy(Workspace(self.name, theme, self.postal_address, self.language)))


class WorkspaceAnswer(AnswerModel):
    name: str
    theme: ThemeBody
    postal_address: str | None
    language: Language
    version: int = Field(description="Counts the changes.")


@Operation(workspace, "GET", "", WorkspaceAnswer)
def get_workspace(call: Call) -> object:
    """Read the workspace.

    What all campaigns share: the theme of mails written in Markdown, the postal address, the language.
    """
    return call.context.workspaces.get()


@Operation(
    workspace,
    "PATCH",
    "",
    WorkspaceAnswer,
    body=WorkspacePatch,
    content_types=MERGE_PATCH,
    raises=[InvalidWorkspace, Conflict],
)
def change_workspace(call: Call) -> object:
    """Change the workspace.

    Campaigns sent before keep what they were sent with. Send the `version` that you read, so that no other change is
    lost.
    """
    patch = call.body(WorkspacePatch)
    before = call.context.workspaces.get()
    if "version" in patch.model_fields_set and patch.version != before.version:
        raise Conflict("The settings were changed meanwhile. Read them again.")
    changes = patch.model_dump(exclude_unset=True, exclude={"version"})
    theme = replace(before.theme, **changes.pop("theme", {}))
    return call.context.workspaces.update(before, checked(_tidy(replace(before, theme=theme, **changes))))


@Operation(workspace, "GET", "/preview.html", query=SampleQuery, answer_type=HTML, raises=[InvalidWorkspace])
def preview_workspace(call: Call) -> Answer:
    """Preview a theme as an HTML page.

    A sample mail for a frame: its policy allows no scripts and gives it an origin of its own. Nothing is stored.
    """
    return page_for_frame(theme_page(call.query(SampleQuery).workspace()))


def _tidy(written: Workspace) -> Workspace:
    """Without surrounding space, and with empty texts as none."""
    lines = (line.strip() for line in (written.postal_address or "").strip().splitlines())
    theme = replace(written.theme, logo_url=(written.theme.logo_url or "").strip() or None)
    return replace(written, name=written.name.strip(), postal_address="\n".join(lines) or None, theme=theme)
