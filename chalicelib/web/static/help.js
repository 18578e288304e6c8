/** Help: what the numbers mean, and what they cannot tell. */

import { h, heading } from "./app.js";

const PARTS = [
  ["The five numbers", [
    ["Total", "is the number of recipients when the campaign was sent. It does not change afterwards, even if leads move to another stage."],
    ["Sent", "counts emails that the mail service accepted. They may still bounce minutes later: Delivered and Bounced show what happened next."],
    ["Failed", "counts emails that could not be sent: no email address, an invalid address, a rejection by the mail service, or content that could not be rendered for that lead. If it exceeds 2 to 3%, look at the failure reasons for a common cause."],
    ["Opened", "counts leads whose email loaded the tracking pixel at least once. It is the least reliable of the five: mail privacy services load the pixel without anyone reading the email, and mail apps that block images hide real readers."],
    ["Clicked", "counts leads who clicked at least one link. It is more reliable than Opened: mail privacy services follow no links, and most clicks of security scanners are recognised and left out."],
  ]],
  ["How they add up", [
    ["", "Total is always Sent + Failed + Skipped + Pending. Of a cancelled campaign, the pending ones are called “not sent”. Skipped leads unsubscribed, were suppressed or were deleted before their email was sent. Each lead counts once per number: five opens by one person are one Opened."],
  ]],
  ["Machine opens and clicks", [
    ["Machine opens", "come from mail privacy services, which usually load the pixel within seconds of arrival. They are included in Opened, as in every email tool, and shown separately."],
    ["Machine clicks", "come from security scanners, which follow every link before the recipient sees the email. Several links clicked within two seconds are counted as a scanner, and so is a program that poses as a browser but does not send what a browser sends with every page. Machine clicks are not included in Clicked. If a person clicks later, that click counts."],
    ["Link scanners", "may follow the only link of an email just as a person does. If most of the clicks from one domain come within a minute of delivery, the insights say so from ten minutes after delivery on, with the figures without these clicks. Clicked still counts them. In anonymous campaigns this cannot be checked."],
  ]],
  ["Rates and their ranges", [
    ["24.1%, 22.0 to 26.3%", "means: with this many leads, a measured rate of 24.1% fits any true rate from 22.0 to 26.3%. The fewer the leads, the wider the range. Two campaigns clearly differ only if their ranges do not overlap."],
    ["What rates are based on:", "Failed is a share of all attempted emails. Opened and Clicked are shares of the emails sent with tracking."],
  ]],
  ["Comparison with earlier campaigns", [
    ["", "A campaign is compared with up to ten earlier campaigns from the same sender, each at the same age. A campaign sent this morning is compared with the first hours of the others."],
  ]],
  ["What the numbers cannot tell", [
    ["", "Whether an email was read, whether it went to the spam folder, or whether one person opened it on two devices. Where a number may mislead, Insights says so and names the figure behind it."],
  ]],
];

export function show(place) {
  place.append(
    heading("Help"),
    h("p", { class: "lead soft" }, "Five numbers show how a campaign did. They are exact counts; this page explains how to read them."),
    h("div", { class: "card prose" }, PARTS.map(([title, entries]) => h("section", {},
      h("h2", {}, title), entries.map(([term, text]) => h("p", {}, term && h("b", {}, `${term} `), text))))));
}
