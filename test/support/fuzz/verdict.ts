/** One wrong request, and how it was answered: for the list of those that were answered wrongly. */
export interface Verdict {
  /** Empty: as it should be. */
  readonly wrong: string;
  readonly what: string;
}

/** Runs cases, some at a time, and gives back what was wrong. */
export async function play(cases: number, one: (n: number) => Promise<Verdict>, atOnce = 8): Promise<string[]> {
  const found: string[] = [];
  let next = 0;
  const worker = async () => {
    while (next < cases) {
      const n = next++;
      const { wrong, what } = await one(n).catch((error: unknown) => ({ wrong: String(error), what: `case ${n}` }));
      if (wrong !== '') found.push(`${wrong.slice(0, 300)} ← ${what.slice(0, 300)}`);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  return found;
}
