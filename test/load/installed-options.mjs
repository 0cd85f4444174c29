/** What `npm run bench -- --url …` may be told: how long, how many at a time and how often at most, so that it ends. */
const BOUNDS = {
  seconds: { usual: 10, most: 600, what: 'seconds that each part takes at most' },
  concurrency: { usual: 8, most: 256, what: 'callers at a time' },
  requests: { usual: 10_000, most: 1_000_000, what: 'requests of each part at most' },
};

/** For `parseArgs`. */
export const INSTALLED_OPTIONS = {
  url: { type: 'string' },
  key: { type: 'string' },
  agent: { type: 'string' },
  message: { type: 'string', default: 'How is the weather in Paris today?' },
  stream: { type: 'string' },
  ...Object.fromEntries(
    Object.entries(BOUNDS).map(([name, { usual }]) => [name, { type: 'string', default: `${usual}` }]),
  ),
};

/** @returns what to do. @throws an error that names the option and what was expected */
export function installedOptions(given) {
  const url = address('url', given.url, ['http:', 'https:']);
  const stream = given.stream === undefined ? undefined : address('stream', given.stream, ['ws:', 'wss:']);
  const key = given.key ?? process.env.A2A_MCP_KEY;
  if (!key) throw new Error('--key: expected an API key of the server, here or in A2A_MCP_KEY');
  const bounds = Object.keys(BOUNDS).map((name) => [name, bounded(name, given[name])]);
  const { agent, message } = given;
  return { url: url.replace(/(?:\/mcp)?\/*$/, ''), stream, key, agent, message, ...Object.fromEntries(bounds) };
}

function address(name, value, protocols) {
  const url = URL.parse === undefined ? tryParse(value) : URL.parse(value);
  if (url !== null && protocols.includes(url.protocol)) return url.href;
  throw new Error(`--${name}: expected an address that begins with ${protocols.join('// or ')}//, not ${value}`);
}

function tryParse(value) {
  try {
    return new URL(value);
  } catch {
    return null;
  }
}

function bounded(name, value) {
  const { most, what } = BOUNDS[name];
  const number = Number(value);
  if (Number.isInteger(number) && number >= 1 && number <= most) return number;
  throw new Error(`--${name}: expected a whole number from 1 to ${most} (${what}), not ${value}`);
}
