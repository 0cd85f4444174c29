/**
 * The chart's README with the table of its values, from the comments in `values.yaml`.
 * `node scripts/chart-readme.mjs [values file]` prints it; a value without a comment is an error.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isMap, parseDocument } from 'yaml';
import { root } from './set-up.mjs';

const CHART = join(root, 'helm', 'a2a-mcp');
const [BEGIN, END] = ['<!-- values: written by npm run docs -->', '<!-- /values -->'];

/** @param valuesFile what to read the values from */
export function chartReadme(valuesFile = join(CHART, 'values.yaml')) {
  const { contents } = parseDocument(readFileSync(valuesFile, 'utf8'));
  const rows = rowsOf(contents, '');
  const missing = rows.filter(({ text }) => text === '').map(({ name }) => name);
  if (missing.length > 0) throw new Error(`${valuesFile}: no comment says what these are: ${missing.join(', ')}`);
  const table = rows.map(({ name, usual, text }) => `| \`${name}\` | ${usual} | ${text.replaceAll('|', '\\|')} |`);
  const readme = readFileSync(join(CHART, 'README.md'), 'utf8');
  const [before, after] = [readme.split(BEGIN)[0], readme.split(END)[1]];
  return `${before}${BEGIN}\n\n| value | usual | |\n|---|---|---|\n${table.join('\n')}\n\n${END}${after}`;
}

/** A group whose comment speaks for all of it, such as `resources`, is one row. */
function rowsOf(map, path) {
  return map.items.flatMap((pair, index) => {
    const name = `${path}${pair.key.value}`;
    const text = commentOf(pair, index === 0 ? map : undefined);
    const isGroup = isMap(pair.value) && pair.value.items.length > 0 && hasComments(pair.value);
    if (!isGroup) return [{ name, text, usual: usualOf(pair.value) }];
    return [...(text === '' ? [] : [{ name, text, usual: '' }]), ...rowsOf(pair.value, `${name}.`)];
  });
}

/** The first one's comment belongs to the mapping, in the words of the parser; at the top of the file that is its heading. */
function commentOf(pair, parent) {
  const text = pair.key.commentBefore ?? parent?.commentBefore ?? pair.value?.comment ?? '';
  return text
    .split('\n')
    .map((line) => line.trim())
    .join(' ');
}

function hasComments(map) {
  return map.items.some(
    (pair, index) =>
      commentOf(pair, index === 0 ? map : undefined) !== '' || (isMap(pair.value) && hasComments(pair.value)),
  );
}

function usualOf(value) {
  if (isMap(value) && value.items.length > 0) return 'see `values.yaml`';
  return `\`${JSON.stringify(value.toJSON()).replaceAll(/^"|"$/g, '') || "''"}\``;
}

if (process.argv[1] === import.meta.filename) process.stdout.write(chartReadme(process.argv[2]));
