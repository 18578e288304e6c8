/** Texts to start a campaign with, in Markdown. The addresses in them are placeholders, which the pre-send check reports. */

export const STARTING_POINTS = [
  {
    name: "Newsletter",
    description: "Several stories, the most important one first",
    subject: "What’s new this month",
    preview_text: "One big story, three short ones, and two dates for your calendar.",
    markdown: `# What’s new this month

Hello {{ lead.first_name | default("there") }},

Here is our news of the month. It takes three minutes to read.

## The headline of your biggest story

Tell it in two or three sentences: what happened, and what it means for your readers. Leave the details to the page behind the button.

[Read the whole story](https://www.example.com/story) {button}

---

## In short

- **A first piece of news.** One sentence is enough, with [a link to more](https://www.example.com/first).
- **A second one.** Write what readers can do now that they could not do before.
- **A third one.** Stop here: three are read, ten are not.

> “A sentence from a customer convinces more than a paragraph of ours.”
>
> Maria Lopez, Example Ltd

## Dates for your calendar

| When | What |
| --- | --- |
| 12 March, 10:00 | [Online workshop for beginners](https://www.example.com/workshop) |
| 20 March, 18:00 | [Open house](https://www.example.com/open-house) |

Until next month,
your team
`,
  },
  {
    name: "Announcement",
    description: "One piece of news and one button",
    subject: "{{ lead.first_name | default(\"Hello\") }}, something new for you",
    preview_text: "What it is, what it does for you, and how to try it today.",
    markdown: `# Say the news in one line

Hello {{ lead.first_name | default("there") }},

Start with what your readers get out of it. Two sentences tell them whether to read on.

[See what’s new](https://www.example.com/new) {button}

## What changes for you

1. **The first benefit**, in words that your customers use themselves.
2. **The second benefit.** Numbers make it believable.
3. **The third benefit.** Leave out the fourth.

## What stays as it is

Answer the question that everybody asks, such as what it costs, before they have to ask.

Do you have a question? Reply to this email; we read every answer.
`,
  },
  {
    name: "Invitation",
    description: "An event with its date, place and programme",
    subject: "You are invited: an evening with us on 20 March",
    preview_text: "Thursday, 20 March, 18:00. Please tell us by 10 March if you can come.",
    markdown: `# You are invited

Dear {{ lead.first_name | default("guest") }},

We would like to spend an evening with you: good talks, good food, and time for your questions.

| | |
| --- | --- |
| **When** | Thursday, 20 March, 18:00 to 21:00 |
| **Where** | Example Hall, 1 Example Street, Example City |
| **Price** | Free, but places are limited |

[Save my place](https://www.example.com/register) {button}

## The programme

- **18:00** Welcome and drinks
- **18:30** The talk that the evening is about
- **19:30** Dinner and your questions

---

You cannot come? [Tell us](https://www.example.com/cannot-come), and we will send you the recording.
`,
  },
  {
    name: "Personal letter",
    description: "A few words from one person to another",
    subject: "A question, {{ lead.first_name | default(\"if I may\") }}",
    preview_text: "It takes a minute to answer.",
    markdown: `Hello {{ lead.first_name | default("there") }},

I am writing to you because you have been with us for a while, and I would like to know how it is going.

What is the one thing that we should do better? Just reply to this email. Your answer comes to me, and I will write back.

If you would rather talk, [choose a time that suits you](https://www.example.com/call).

Best wishes

**Jane Example**
Managing director
`,
  },
];

/** Headings and greetings may stay as they are; a sentence is an example of what to write. */
const SENTENCE = /\p{L}.{30,}/u;
const examples = new Set(STARTING_POINTS.flatMap(({ markdown }) => markdown.split("\n")).filter((line) => SENTENCE.test(line.replaceAll(/\{\{.*?\}\}/g, ""))));

export const isExample = (name, value) => STARTING_POINTS.some((point) => point[name] === value);

/** The findings for what is still as a starting point has it. */
export function examplesLeft({ preview_text: teaser, markdown }) {
  const lines = (markdown || "").split("\n").flatMap((line, at) => (examples.has(line) ? [at + 1] : []));
  const note = (field, line, message) => ({ severity: "note", code: "example_left", field, line, message });
  return [
    ...(isExample("preview_text", teaser) ? [note("preview_text", null, "The preview text is still the starting point’s.")] : []),
    ...(lines.length ? [note("markdown", lines[0], lines.length === 1 ? "This line is still the starting point’s." : `This line and ${lines.length - 1} more are still the starting point’s.`)] : []),
  ];
}
