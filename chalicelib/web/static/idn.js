/** Addresses whose domain is international, as people write them: ann@müller.example for ann@xn--mller-kva.example. */

const DIGITS = "abcdefghijklmnopqrstuvwxyz0123456789";
/** Letters of other alphabets can look like Latin ones, so that their domains stay in ASCII. */
const EASY_TO_TELL = /^(?:[\p{Script=Latin}\d-]+|[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\d-]+)$/u;

/** A domain in ASCII, by the browser's own encoder; another host if it is none. */
const inAscii = (domain) => Object.assign(new URL("https://www.example.com"), { hostname: domain }).hostname;

/** The address, or the domain, with the letters of its international labels; as it is if any of them may deceive. */
export function readable(address) {
  if (!address?.includes("xn--")) return address;
  const domain = address.split("@").at(-1);
  try {
    const labels = domain.toLowerCase().split(".").map((label) => (label.startsWith("xn--") ? decoded(label.slice(4)) : label));
    // The encoder has the last word: it gives the same domain, or this is none.
    return inAscii(labels.join(".")) === domain.toLowerCase() && labels.every((label) => EASY_TO_TELL.test(label)) ? address.slice(0, -domain.length) + labels.join(".") : address;
  } catch {
    return address;
  }
}

/** The address as mail services know it, for the title of one that is shown otherwise; else null. */
export const asSent = (address) => (readable(address) === address ? null : address);

/** The address as the API gives it back: what is typed, with an international domain in ASCII. */
export function asStored(address) {
  const [, local, domain] = /^(.*@)(.*[^\p{ASCII}].*)$/u.exec(address) || [];
  const encoded = domain && inAscii(domain);
  return encoded?.includes("xn--") ? local + encoded : address;
}

/** What is typed or pasted for a sender: an address, or a domain without what surrounds it in a web address. */
export function senderIn(text) {
  const name = text.trim();
  return name.includes("@") ? name.replace(/^mailto:/i, "") : name.replace(/^https?:\/\/(www\.)?/i, "").replace(/[/?#].*$/s, "");
}

/** The text of Punycode (RFC 3492, section 6.2). Throws for what is none. */
function decoded(code) {
  const at = code.lastIndexOf("-");
  const text = code.slice(0, Math.max(0, at)).split("");
  const digits = code.slice(at + 1).split("").map((each) => DIGITS.indexOf(each));
  let [point, place, bias] = [128, 0, 72];
  while (digits.length) {
    const before = place;
    for (let weight = 1, position = 36; ; position += 36) {
      const digit = digits.shift();
      place += digit * weight;
      const threshold = Math.max(1, Math.min(26, position - bias));
      if (!(digit >= threshold)) break;
      weight *= 36 - threshold;
    }
    const size = text.length + 1;
    bias = adapted(place - before, size, before === 0);
    point += Math.floor(place / size);
    place %= size;
    text.splice(place, 0, String.fromCodePoint(point));
    place += 1;
  }
  return text.join("");
}

/** How the thresholds go on after a step so large (RFC 3492, section 6.1). */
function adapted(step, size, isFirst) {
  let left = Math.floor(step / (isFirst ? 700 : 2));
  left += Math.floor(left / size);
  let bias = 0;
  for (; left > 455; bias += 36) left = Math.floor(left / 35);
  return bias + Math.floor((36 * left) / (left + 38));
}
