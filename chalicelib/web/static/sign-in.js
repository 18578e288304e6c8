/** Signing in: on a page of its own, or in a dialog when a session has ended, so that nothing on the page is lost. */

import { h, rename, replace, request, say, signedIn } from "./app.js";

/** Resolves once the user is signed in: by the sign-in link in the address, or with a token. */
export async function signIn(place) {
  document.title = "Sign in · Leadflip Campaigns";
  document.body.classList.add("signed-out");
  const [path, search] = location.hash.slice(1).split("?");
  let refusal = "";
  if (path === "/sign-in") {
    refusal = await follow(new URLSearchParams(search).get("code") || "");
    // The code leaves the address, the history too.
    rename("#/campaigns");
    if (!refusal) return document.body.classList.remove("signed-out");
  }
  // A link that is opened in this window changes the fragment alone.
  const reload = () => location.reload();
  addEventListener("hashchange", reload);
  return new Promise((resolve) => {
    place.replaceChildren(h("div", { class: "card welcome" },
      h("h1", {}, "Sign in"),
      h("p", { role: refusal ? "alert" : null }, refusal ? `${refusal} Sign in with a token instead.` : "Send email campaigns and see how every lead reacts."),
      form(() => {
        removeEventListener("hashchange", reload);
        document.body.classList.remove("signed-out");
        place.replaceChildren();
        resolve();
      }),
      h("p", { class: "note" }, "A token starts with ", h("code", {}, "lf_"), ". Your administrator creates one with ",
        h("code", {}, "make token"), ". You stay signed in for up to 12 hours.")));
    place.querySelector("input[type=password]").focus();
  });
}

/** The view of a sign-in link that somebody opens who is signed in already. */
export async function show(place, { query }) {
  const refusal = await follow(query.get("code") || "");
  if (refusal) say(refusal);
  replace("#/campaigns");
}

/** Sign in by a link's code, which works once: "", or the reason why that failed. */
const follow = (code) => begin({ code }).then(() => "", (problem) => problem.message);

/** Begin a session with a form's fields. Throws an error that says why it could not. */
async function begin(fields) {
  const response = await request("session", { method: "POST", body: new URLSearchParams(fields) });
  const session = await response.json().catch(() => ({}));
  if (!response.ok) throw new Error(session.detail || "Signing in failed. Try again.");
  signedIn(session);
}

let asking = null;

/** The dialog. Requests that fail together because the session has ended share one dialog. */
export function signInAgain() {
  asking ||= new Promise((resolve) => {
    const dialog = h("dialog", { class: "dialog", "aria-labelledby": "again" },
      h("h2", { id: "again" }, "Your session has ended"),
      h("p", {}, "Sign in to continue. Nothing on this page is lost."),
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
      await begin({ token: token.value });
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
    // Password managers store a token under a user name.
    h("input", { type: "text", name: "username", value: "Leadflip", autocomplete: "username", hidden: true }),
    h("label", { for: "token" }, "API token"), token, error, button);
}
