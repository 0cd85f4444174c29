export interface Keyword {
  /** Where it stands and what it is called: `retry.backoff.linear`. */
  readonly keyword: string;
  /** The version of the DSL that brought it, when it is younger than 1.0.0; `ours` is not in the DSL, but legal by its schema. */
  readonly since?: string;
  readonly summary: string;
  /** The example under `test/workflows` that uses it. Without one it is refused. */
  readonly test?: string;
  /** What to do instead; only of what is refused. */
  readonly instead?: string;
}

interface Group {
  /** The example that uses all of them. */
  readonly test: string;
  readonly since?: string;
}

/** Rows of members of one object. */
export const members = (prefix: string, group: Group, summaries: Readonly<Record<string, string>>): Keyword[] =>
  Object.entries(summaries).map(([member, summary]) => ({
    keyword: prefix === '' ? member : `${prefix}.${member}`,
    summary,
    ...group,
  }));

export const refused = (keyword: string, summary: string, instead: string): Keyword => ({ keyword, summary, instead });
