import { cleanText } from '@app/a2a';

/** Nothing shorter is a secret; to blot it out would make words unreadable. */
const SHORTEST = 4;
/** How much of somebody else's words goes into an error. */
const MAX_EXCERPT = 500;
/** When more than this was sent, nothing of the answer is told. */
const MAX_TEXTS = 500;

/** All that was sent and may come back in an error: errors are shown to more people than secrets are. */
export class Sent {
  private readonly texts = new Set<string>();

  /** Any JSON: the texts in it. */
  add(...values: readonly unknown[]): void {
    for (const value of values) {
      if (this.texts.size > MAX_TEXTS) return;
      if (typeof value === 'string') this.addText(value);
      else if (typeof value === 'object' && value !== null) this.add(...Object.values(value));
    }
  }

  /** The beginning of a text, without anything of this; nothing when it cannot be told apart. */
  excerpt(text: string): string {
    if (this.texts.size > MAX_TEXTS) return '';
    const longestFirst = [...this.texts].sort((a, b) => b.length - a.length);
    const clean = longestFirst.reduce((rest, sent) => rest.replaceAll(sent, '***'), text);
    return cleanText(clean).replaceAll(/\s+/g, ' ').trim().slice(0, MAX_EXCERPT);
  }

  /** In the forms in which it comes back: as it is, in JSON, in JSON that is a text in JSON, in an address; whole or by line. */
  private addText(text: string): void {
    const whole = [text, escaped(text), escaped(escaped(text)), new URLSearchParams({ '': text }).toString().slice(1)];
    for (const form of [...whole, encodeURIComponent(cleanText(text)), ...text.split(/\r?\n/)])
      if (form.length >= SHORTEST) this.texts.add(form);
  }
}

const escaped = (text: string): string => JSON.stringify(text).slice(1, -1);
