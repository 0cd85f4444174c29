import { z } from 'zod';
import { Environment } from './environment.js';

/** `docs/configuration.md`, written from the schema so that it cannot drift. */
export function configurationPage(): string {
  const rows = Object.entries(Environment.shape).map(([name, schema]) => {
    const fallback = schema.safeParse(undefined);
    const value = fallback.success && fallback.data !== undefined ? `\`${String(fallback.data)}\`` : '';
    const secret = schema.meta()?.['secret'] ? ' *Secret.*' : '';
    return `| \`${name}\` | ${value === '``' ? '' : value} | ${accepted(schema)} | ${schema.description ?? ''}${secret} |`;
  });
  return [
    '# Configuration',
    '',
    'The server reads these environment variables once, at start. A value that does not fit ends the process with exit code 1',
    'and a list of all problems. An empty value counts as not set. `node dist/apps/server/src/main.js config` prints what is',
    'in force, with secrets masked.',
    '',
    '| variable | default | takes | what it does |',
    '|---|---|---|---|',
    ...rows,
    '',
  ].join('\n');
}

function accepted(schema: z.ZodType): string {
  const json = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' });
  if (Array.isArray(json.enum)) return json.enum.map((option) => `\`${String(option)}\``).join(', ');
  const output = z.toJSONSchema(schema, { io: 'output', unrepresentable: 'any' });
  if (output.type === 'number') return `number, ${String(output.minimum)} to ${String(output.maximum)}`;
  if (output.type === 'integer') return `integer, ${String(output.minimum)} to ${String(output.maximum)}`;
  if (output.type === 'boolean') return '`true`, `false`';
  if (json.format === 'uri') return 'URL';
  return 'text';
}
