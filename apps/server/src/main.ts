import 'reflect-metadata';

/** Each takes the arguments after its name and returns the exit code; undefined: it goes on running. */
const COMMANDS: Record<string, (args: string[]) => Promise<number | undefined>> = {
  serve: async () => (await import('./serve.js')).serve(),
  migrate: async () => (await import('./run-migrations.js')).runMigrations(),
  stdio: async (args) => (await import('./stdio.js')).stdio(args),
  audit: async (args) => (await import('./verify-audit.js')).verifyAudit(args),
  config: async () => (await import('./print-config.js')).printConfig(),
};

const [name = 'serve', ...args] = process.argv.slice(2);
const command = COMMANDS[name];
if (command === undefined) {
  process.stderr.write(`Unknown command ${name}; expected one of ${Object.keys(COMMANDS).join(', ')}\n`);
  process.exit(1);
}
const exitCode = await command(args);
if (exitCode !== undefined) process.exit(exitCode);
