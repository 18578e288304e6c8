/** Signing in: at first in place of the page; later, when a session has ended, in front of it, so that nothing is lost. */

import { h, request, say, signedIn } from "./app.js";

/** Resolves once somebody is signed in. */
export function signIn(place) {
  document.title = "Sign in · Leadflip Campaigns";
  document.body.classList.add("signed-out");
  return new Promise((resolve) => {
    place.replaceChildren(h("div", { class: "welcome" },
      h("h1", {}, "Sign in"),
      h("p", {}, "See what became of every mail you sent, and what the numbers cannot say."),
      form(() => {
        document.body.classList.remove("signed-out");
        place.replaceChildren();
        resolve();
      }),
      h("p", { class: "note" }, "A token begins with ", h("code", {}, "lf_"), ". Whoever runs Leadflip for you issues it ",
        "(", h("code", {}, "make token"), "); it stays on this page and becomes a session of at most twelve hours.")));
    place.querySelector("input[type=password]").focus();
  });
}

let asking = null;

/** As signIn, in front of the view; requests that meet the end of the session together wait for one answer. */
export function signInAgain() {
  asking ||= new Promise((resolve) => {
    const dialog = h("dialog", { class: "dialog", "aria-labelledby": "again" },
      h("h2", { id: "again" }, "Your session has ended"),
      h("p", {}, "Sign in to go on. Nothing on this page is lost."),
      form(() => {
        dialog.close();
        dialog.remove();
        asking = null;
        say("Signed in again.");
        resolve();
      }));
    dialog.addEventListener("cancel", (event) => event.preventDefault());
    document.body.append(dialog);
    dialog.showModal();
  });
  return asking;
}

function form(done) {
  const token = h("input", {
    type: "password", name: "token", id: "token", required: true, autocomplete: "current-password", spellcheck: "false",
    "aria-describedby": "token-error",
  });
  const error = h("p", { class: "error", id: "token-error", role: "alert" });
  const button = h("button", { class: "primary" }, "Sign in");
  const submit = async (event) => {
    event.preventDefault();
    error.textContent = "";
    button.disabled = true;
    try {
      const response = await request("session", { method: "POST", body: new URLSearchParams({ token: token.value }) });
      const told = await response.json().catch(() => ({}));
      if (!response.ok) throw new Error(told.detail || "Signing in did not work. Try again.");
      signedIn(told);
      done();
    } catch (problem) {
      error.textContent = problem.message;
      token.setAttribute("aria-invalid", "true");
      token.select();
    } finally {
      button.disabled = false;
    }
  };
  return h("form", { class: "stack", onsubmit: submit },
    // Password managers keep a token under a name.
    h("input", { type: "text", name: "username", value: "Leadflip", autocomplete: "username", hidden: true }),
    h("label", { for: "token" }, "API token"), token, error, button);
}
