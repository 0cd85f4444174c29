import { readFileSync } from 'node:fs';

/** The commands of a runbook: every line of every fenced block, continued lines joined, comments and drawings left out. */
export function commandsOf(page: string): string[] {
  const blocks = [...readFileSync(page, 'utf8').matchAll(/^```(bash|sql)\n(.*?)^```$/gms)];
  return blocks.flatMap(([, , text = '']) =>
    text
      .replaceAll(/\\\n\s*/g, '')
      .split('\n')
      .map((line) => line.trim())
      .filter((line) => line !== '' && !line.startsWith('# ') && !line.startsWith('-- ')),
  );
}
