import { readFileSync } from 'node:fs';
import { validate } from 'dockerfile-utils';
import { expect, test } from 'vitest';

const dockerfile = readFileSync('Dockerfile', 'utf8');
const complaints = (text: string) =>
  validate(text).map(({ range, message }) => ({ line: range.start.line + 1, message }));

test('the Dockerfile has no mistake that its linter knows', () => {
  expect(complaints(dockerfile)).toEqual([]);
});

test.each([
  ['an unknown instruction', 'RUN npm ci', 'RUNN npm ci'],
  ['a second command', 'CMD ["dist', 'CMD ["node"]\nCMD ["dist'],
  ['a copy without its target', 'COPY package.json ./', 'COPY package.json'],
  ['a port that there is not', 'EXPOSE 3000', 'EXPOSE 99999x'],
])('the linter finds %s', (_, right, wrong) => {
  expect(dockerfile).toContain(right);
  expect(complaints(dockerfile.replace(right, wrong))).not.toEqual([]);
});

/** What the linter does not look at. */
test('it says what it is built on in one place, installs no more than it names, and is not for root', () => {
  const bases = [...dockerfile.matchAll(/^FROM (\S+)/gm)].map(([, base]) => base);
  const stages = [...dockerfile.matchAll(/^FROM \S+ AS (\S+)$/gm)].map(([, stage]) => stage);
  expect(bases.filter((base) => base !== '${NODE_IMAGE}' && !stages.includes(base))).toEqual([]);
  expect(dockerfile).toMatch(/^ARG NODE_IMAGE=\S+\/node:24-\S+$/m);
  for (const [line] of dockerfile.matchAll(/^.*apt-get.*$/gm)) {
    expect(line).toContain('install -y --no-install-recommends');
    expect(line).toContain('rm -rf /var/lib/apt/lists/* /var/cache/apt/*');
  }
  expect(dockerfile).not.toMatch(/^ADD |sudo|chmod 777|\bcurl\b/m);
  expect([...dockerfile.matchAll(/^USER (.+)$/gm)].map(([, user]) => user)).toEqual(['10001:10001']);
});
