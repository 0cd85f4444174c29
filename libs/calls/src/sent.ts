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

  private addText(text: string): void {
    const escaped = JSON.stringify(text).slice(1, -1);
    for (const form of [text, escaped, encodeURIComponent(cleanText(text))])
      if (form.length >= SHORTEST) this.texts.add(form);
  }
}
