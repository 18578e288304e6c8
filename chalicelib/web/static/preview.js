/**
 * The email beside its text, as one lead will see it. It is shown in a frame that runs no scripts (decision 79), and the
 * frame's document is rewritten in place, so that nothing flickers and the reader's place is kept.
 */

import { api, button, failure, fill, h, query } from "./app.js";
import { chevron, chooser } from "./chooser.js";
import { CONTENT } from "./content.js";
import { readable } from "./idn.js";
import { nameOf } from "./lead-controls.js";
import { card, debounced, toggles } from "./parts.js";

/** Fields that are set together are one request; between a typist's keystrokes, any wait would only delay what is shown. */
const SHOW_AFTER_MS = 20;
/** Widths of a mail app's reading pane and of a phone, in pixels. They are scaled down to the room there is. */
const WIDTHS = { desktop: 680, phone: 375, dark: 680 };
const NARROW = 440;
const DARK = /\(\s*prefers-color-scheme\s*:\s*(dark|light)\s*\)/g;
const NOBODY = { lead_id: "", title: "No lead (default values)" };

/** { element, update(request, audience), retry(), lead() }. */
export function preview(signal) {
  let ask = null;
  let audience = null;
  let lead = null;
  let mode = "desktop";
  let isChosen = false;
  let shown = { html: "", text: "" };
  let isBehind = false;
  const who = button("", () => pickLead(who), { class: "lead-choice", "aria-haspopup": "listbox" });
  const inbox = h("div", { class: "inbox", role: "group", "aria-label": "In the inbox" });
  const frame = h("iframe", { class: "mail", sandbox: "allow-same-origin", src: "v1/previews/frame", title: "Preview of the email" });
  const text = h("pre", { class: "mail-text", dir: "auto", tabindex: "0" });
  const note = h("p", { class: "note preview-note" });
  const alert = h("div");
  const nothing = h("p", { class: "empty soft" }, "Loading…");
  const stage = h("div", { class: "preview-stage" }, frame, text, nothing);
  const modes = toggles("Preview as", { desktop: "Desktop", phone: "Phone", dark: "Dark", text: "Plain text" }, (value) => { mode = value; isChosen = true; draw(); });
  const element = card({ id: "preview", title: "Preview", tools: modes.element, class: "card preview" },
    h("div", { class: "bar" }, h("span", { class: "label" }, "As seen by"), who), inbox, alert, note, stage);
  /** The document that runs no scripts; none where the frame has a refusal. */
  const ready = new Promise((loaded) => { frame.addEventListener("load", loaded, { once: true }); })
    .then(() => (frame.contentDocument?.documentElement.hasAttribute("data-preview") ? frame.contentDocument : null));

  /** Write the email into the frame's document. Its policy lets nothing in it run. */
  function write(page) {
    const { scrollX, scrollY } = frame.contentWindow;
    call(page, "open");
    call(page, "write", `${shown.html || ""}<base target="_blank">`);
    call(page, "close");
    for (const name of ["click", "auxclick"]) call(page, "addEventListener", name, (event) => event.preventDefault(), true);
    color(page);
    frame.contentWindow.scrollTo(scrollX, scrollY);
  }

  /** Apply the styles for a dark or light screen, whatever the marketer's own is. */
  function color(page) {
    const scheme = mode === "dark" ? "dark" : "light";
    let isStyled = false;
    for (const sheet of get(page, "styleSheets")) {
      for (const rule of rulesOf(sheet)) {
        if (!rule.media) continue;
        const { mediaText } = rule.media;
        rule.media.mediaText = mediaText.replaceAll(DARK, (whole, wanted) => (wanted === scheme ? "(min-width: 0px)" : "(max-width: 0px)"));
        isStyled ||= mediaText.includes("dark");
      }
    }
    if (call(page, "querySelector", "meta[name='color-scheme'][content*='dark']")) get(page, "documentElement").style.colorScheme = scheme;
    note.textContent = mode === "dark" && !isStyled ? "This email has no styles for dark screens. Some apps change its colors themselves." : "";
  }

  function draw() {
    modes.press(mode);
    const isEmpty = !shown.html && !shown.text;
    const isText = mode === "text" || !shown.html;
    frame.hidden = isText;
    text.hidden = !isText || isEmpty;
    nothing.hidden = !isEmpty;
    stage.dataset.mode = mode;
    note.textContent = "";
    text.textContent = shown.text;
    fit();
    if (!isText) ready.then((page) => {
      if (page && page === frame.contentDocument) write(page);
      else if (!signal.aborted) fill(alert, failure({ message: "The preview could not be loaded." }, () => location.reload()));
    });
  }

  /** Scale the frame to the room there is. */
  function fit() {
    const room = stage.clientWidth;
    const width = mode === "phone" ? WIDTHS.phone : Math.max(room, WIDTHS.desktop);
    const scale = Math.min(1, room / width);
    Object.assign(frame.style, {
      width: `${width}px`, height: `${stage.clientHeight / scale}px`, transform: `scale(${scale})`, left: `${Math.max(0, (room - width * scale) / 2)}px`,
    });
  }
  new ResizeObserver(() => {
    // Where a mail app's pane would be too small to read, a phone's screen comes first.
    if (!isChosen && stage.clientWidth) mode = stage.clientWidth < NARROW ? "phone" : "desktop";
    modes.press(mode);
    fit();
  }).observe(stage);

  function envelope({ from_name: name, from_email: address, subject, preview_text: teaser, text: body }) {
    const sender = name || readable(address) || "From";
    fill(inbox, h("span", { class: "avatar", "aria-hidden": "true" }, sender.slice(0, 1).toUpperCase()),
      h("div", {}, h("p", { class: "inbox-from clip", dir: "auto" }, sender),
        h("p", { class: "inbox-subject clip", dir: "auto" }, subject || h("span", { class: "soft" }, "No subject")),
        h("p", { class: "inbox-teaser clip note", dir: "auto" }, teaser || (body || "").replaceAll(/\s+/g, " ").slice(0, 140) || "Preview text")));
  }

  // -- One request at a time. What was changed meanwhile is asked for next. ---------------------------------------------
  let isBusy = false;
  let isStale = false;
  async function load() {
    isStale = isBusy;
    if (isBusy || !ask) return;
    isBusy = true;
    try {
      const answer = await ask(lead?.lead_id || null);
      alert.replaceChildren();
      isBehind = false;
      // While the text cannot be rendered, the last email that could be stays.
      const isBroken = answer.findings?.some(({ severity, field, line }) => severity === "error" && field in CONTENT && line);
      nothing.textContent = isBroken ? "The email appears here when its errors are corrected." : "The email appears here as you write.";
      if (answer.html || !isBroken) shown = answer;
      element.classList.toggle("stale", shown !== answer);
      envelope(answer);
      draw();
    } catch (problem) {
      isBehind = true;
      if (!signal.aborted) fill(alert, problem.status ? failure(problem, load) : h("p", { class: "note" }, "The preview cannot be updated right now."));
    }
    isBusy = false;
    if (isStale && !signal.aborted) await load();
  }
  const soon = debounced(load, signal, SHOW_AFTER_MS);

  // -- The lead. ---------------------------------------------------------------------------------------------------------
  /** Name and address, or the one that there is. */
  const known = (each) => [...new Set([nameOf(each), readable(each.email)])].filter(Boolean);
  const find = async (words) => {
    const path = words ? `leads${query({ entity: audience?.entity, q: words, limit: 20 })}` : `previews/leads${query({ audience: JSON.stringify(audience) })}`;
    const { items } = await api("GET", path, { signal });
    return [...items.map((each) => ({ title: known(each)[0], note: known(each)[1], value: each })), ...(words ? [] : [{ ...NOBODY, value: null }])];
  };
  const pickLead = chooser({
    label: "Find a lead", placeholder: "Name or email address", empty: "No lead matches.", find,
    onpick: (chosen) => { choose(chosen); load(); },
    onclose: () => who.focus(),
  });
  function choose(chosen) {
    lead = chosen;
    fill(who, h("span", { class: "clip" }, chosen ? known(chosen).join(" · ") : NOBODY.title), chevron());
  }

  choose(null);
  draw();
  return {
    element,
    lead: () => lead?.lead_id || null,
    /** Ask again if the last request failed. */
    retry: () => isBehind && load(),
    /** Show what `request(leadId)` answers, soon; for a lead of this audience. */
    async update(request, newAudience) {
      const isOther = JSON.stringify(newAudience) !== JSON.stringify(audience);
      const isFirst = !ask;
      ask = request;
      if (isOther) {
        audience = newAudience;
        const [first] = await find("").catch(() => []);
        if (audience === newAudience) choose(first?.value || null);
      }
      return isFirst ? load() : soon();
    },
  };
}

// An image or a form named "write" hides the document's own method, so members are taken from the prototype.
const get = (page, name) => Reflect.get(Document.prototype, name, page);
const call = (page, name, ...given) => Document.prototype[name].apply(page, given);

/** The rules of a style sheet, also within groups; none of those of another host, which may not be read. */
function rulesOf(sheet) {
  try {
    return [...sheet.cssRules].flatMap((rule) => (rule.cssRules ? [rule, ...rulesOf(rule)] : [rule]));
  } catch {
    return [];
  }
}
