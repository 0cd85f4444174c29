type When = 'before' | 'during' | 'after';
type Sight = string | number | boolean;

const WHENS: readonly When[] = ['before', 'during', 'after'];

/** What was seen of one incident, and what should have been and was not. */
export class Report {
  readonly failures: string[] = [];
  private readonly seen = new Map<string, Partial<Record<When, Sight>>>();

  constructor(private readonly title: string) {}

  saw(when: When, sights: Readonly<Record<string, Sight>>): void {
    for (const [what, sight] of Object.entries(sights)) this.seen.set(what, { ...this.seen.get(what), [when]: sight });
  }

  /** Goes on when it is not so: what comes after may tell more. */
  expect(what: string, isSo: boolean): void {
    if (!isSo) this.failures.push(`expected: ${what}`);
  }

  get text(): string {
    const rows = [
      ['', ...WHENS],
      ...[...this.seen].map(([what, by]) => [what, ...WHENS.map((when) => readable(by[when]))]),
    ];
    const widths = WHENS.map((_, i) => Math.max(...rows.map((row) => row[i]?.length ?? 0)));
    const lines = rows.map(
      (row) =>
        `  ${row
          .map((cell, i) => cell.padEnd(widths[i] ?? 0))
          .join('  ')
          .trimEnd()}`,
    );
    return [this.title, ...lines, ...this.failures.map((failure) => `  NOT AS ${failure}`)].join('\n');
  }
}

const readable = (sight: Sight | undefined): string =>
  typeof sight === 'number' && !Number.isInteger(sight) ? sight.toFixed(3) : String(sight ?? '');
