/** Reading the numbers: what they say, what they cannot say, and what to do about it. */

import { h, heading, style } from "./app.js";

const PARTS = [
  ["The five numbers", [
    ["Total", "is the audience at the moment of sending. It does not change afterwards, even if leads move on to another stage."],
    ["Sent", "counts mails that the mail service accepted. That is not arrival: a mail may still bounce minutes later. Delivered and Bounced say what became of it."],
    ["Failed", "counts deliveries that never left: no address, an invalid one, a refusal, content that could not be rendered for that lead. If it is above two or three percent, something structural is wrong; the reasons say what."],
    ["Opened", "counts leads whose mail loaded an invisible picture, once each, however often they look. It is the softest of the five: privacy proxies load the picture without anybody reading, and mail clients that block pictures hide real readers."],
    ["Clicked", "counts leads who followed at least one link. A click is a deed, so this is the number to trust, and to steer by."],
  ]],
  ["They always add up", [
    ["", "Total is Sent and Failed and Skipped and waiting, at every moment. Skipped are leads who unsubscribed between planning and sending. Each lead counts once in each number: five opens by one person are one Opened."],
  ]],
  ["Machines", [
    ["Opened automatically", "means that a mail privacy service fetched the picture, usually within seconds of arrival. It stays in Opened, as in every mail tool, and is told apart beside it."],
    ["Machine clicks", "come from security scanners that follow every link before the mail is shown. Several links within two seconds are a scanner, whatever it calls itself. These are kept out of Clicked; when a person clicks later, that counts."],
  ]],
  ["Rates and their intervals", [
    ["24.1 %, 22.0 to 26.3 %", "means: with as many leads as these, chance alone could have made a true rate anywhere in that range look like 24.1 %. The smaller the audience, the wider the range. Two campaigns differ for sure only when their ranges lie apart."],
    ["Of whom", "Failed is a share of all that were tried; Opened and Clicked are shares of the mails that were sent with tracking."],
  ]],
  ["What is usual", [
    ["", "Every campaign is held against your own last ten from the same sender, each as it stood at the same age. A campaign of this morning is compared with mornings, not with months."],
  ]],
  ["What the numbers cannot say", [
    ["", "Whether a mail was read, whether it lay in the spam folder, and whether somebody opened it twice on two devices. Where the numbers mislead, “What to make of it” says so, with the figure it rests on."],
  ]],
];

export async function show(place) {
  await style("help.css");
  place.append(
    heading("Reading the numbers"),
    h("p", { class: "lead soft" }, "Five numbers tell what became of a campaign. They are exact counts of what happened; what they mean takes a little care."),
    h("div", { class: "card prose" }, PARTS.map(([title, entries]) => h("section", {},
      h("h2", {}, title), entries.map(([term, text]) => h("p", {}, term && h("b", {}, `${term} `), text))))));
}
