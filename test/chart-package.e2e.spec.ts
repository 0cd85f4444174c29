import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { installPrograms, skippedWithout } from './support/debian.js';
import { CHART, helm, HELMS, installHelm, manifestsIn, render } from './support/helm.js';
import { temporaryDirectory } from './support/own-postgres.js';
import { freePort } from './support/ports.js';
import { until } from './support/until.js';

const { version, kubeVersion } = parse(readFileSync(join(CHART, 'Chart.yaml'), 'utf8')) as Record<string, string>;
const OLDEST = /(\d+)\.(\d+)\.\d+/.exec(kubeVersion ?? '');
const NEWEST = '1.36.2';
const SIGNER = 'Tester of the chart';

beforeAll(() => {
  installHelm();
}, 120_000);

describe('Kubernetes', () => {
  const oldest = OLDEST?.[0] ?? '';
  test.each(HELMS)(`%s renders the same for the oldest and the newest (${oldest}, ${NEWEST})`, (of) => {
    const kinds = (kubeVersion: string) =>
      render(of, '--kube-version', kubeVersion)
        .filter(({ kind }) => kind !== 'Secret')
        .map((one) => JSON.stringify(one));
    expect(kinds(oldest).length).toBeGreaterThan(8);
    expect(kinds(NEWEST)).toEqual(kinds(oldest));
  });

  test.each(HELMS)('%s refuses one that is older than the chart says', (of) => {
    const older = `1.${Number(OLDEST?.[2]) - 1}.9`;
    expect(() => render(of, '--kube-version', older)).toThrow(/incompatible with Kubernetes|requires kubeVersion/);
  });
});

const isSkipped = skippedWithout(
  'Signing the chart and giving it to a registry',
  await installPrograms({ gpg: 'gnupg', 'docker-registry': 'docker-registry' }),
);

describe.skipIf(isSkipped).each(HELMS)('as a package of %s, the chart', (of) => {
  const directory = temporaryDirectory();
  const archive = `a2a-mcp-${version}.tgz`;
  const keys = join(directory.path, 'secring.gpg');
  const inside = (...path: string[]) => join(directory.path, ...path);
  const gpg = (...args: string[]) =>
    execFileSync('gpg', ['--homedir', inside('gpg'), '--batch', '--yes', '--quiet', ...args], { stdio: 'pipe' });

  beforeAll(() => {
    mkdirSync(inside('gpg'), { mode: 0o700 });
    gpg('--pinentry-mode', 'loopback', '--passphrase', '', '--quick-gen-key', SIGNER, 'rsa2048', 'sign', '1d');
    gpg('--pinentry-mode', 'loopback', '--passphrase', '', '--output', keys, '--export-secret-keys', SIGNER);
    const signing = ['--sign', '--key', SIGNER, '--keyring', keys, '--passphrase-file', inside('none')];
    writeFileSync(inside('none'), '\n');
    helm(of, 'package', CHART, '--destination', directory.path, ...signing);
  }, 60_000);
  afterAll(() => {
    execFileSync('gpgconf', ['--homedir', inside('gpg'), '--kill', 'all']);
    directory[Symbol.dispose]();
  });

  test('holds what installs it and what one reads, no more', () => {
    const files = execFileSync('tar', ['-tzf', inside(archive)], { encoding: 'utf8' })
      .trim()
      .split('\n');
    for (const file of [
      'Chart.yaml',
      'README.md',
      'UPGRADING.md',
      'values.yaml',
      'values.schema.json',
      'values-prod.yaml',
    ])
      expect(files).toContain(`a2a-mcp/${file}`);
    expect(files.filter((file) => file.startsWith('a2a-mcp/ci/'))).toEqual([]);
  });

  test('is known by its signature, and a change is found', () => {
    const verify = (file: string) => helm(of, 'verify', '--keyring', keys, file);
    expect(verify(inside(archive))).toContain(SIGNER);

    mkdirSync(inside('changed'), { recursive: true });
    for (const file of [archive, `${archive}.prov`]) copyFileSync(inside(file), inside('changed', file));
    cpSync(CHART, inside('changed', 'a2a-mcp'), { recursive: true });
    writeFileSync(inside('changed', 'a2a-mcp', 'values.yaml'), '# changed\n', { flag: 'a' });
    execFileSync('tar', ['-C', inside('changed'), '-czf', inside('changed', archive), 'a2a-mcp']);
    expect(() => verify(inside('changed', archive))).toThrow(/sha256 sum does not match|verification/i);
  });

  test('goes to a registry and comes back the same', async () => {
    await using registry = await startRegistry(inside('registry'));
    const url = `oci://${registry.address}/charts`;
    // Helm 3.18.0 pulls nothing that was pushed with its signature ("media type … is not allowed"); 3.18.1 mended that.
    mkdirSync(inside('pushed'), { recursive: true });
    const isSigned = of === 'v4';
    for (const file of [archive, ...(isSigned ? [`${archive}.prov`] : [])])
      copyFileSync(inside(file), inside('pushed', file));
    helm(of, 'push', inside('pushed', archive), url, '--plain-http');

    mkdirSync(inside('pulled'), { recursive: true });
    const which = [`${url}/a2a-mcp`, '--version', version ?? '', '--plain-http'];
    const verified = isSigned ? ['--verify', '--keyring', keys] : [];
    helm(of, 'pull', ...which, '--destination', inside('pulled'), ...verified);
    expect(readFileSync(inside('pulled', archive))).toEqual(readFileSync(inside(archive)));

    // Helm 4 begins with where it was pulled from.
    const named = (text: string) =>
      manifestsIn(text).flatMap(({ kind, metadata }) => (kind === undefined ? [] : `${kind}/${metadata.name}`));
    const template = ['template', 'any-name', '--namespace', 'a2a-mcp'];
    expect(named(helm(of, ...template, ...which))).toEqual(named(helm(of, ...template, CHART)));
  });
});

/** Debian's registry of images and charts, with what it holds below this directory. */
async function startRegistry(directory: string) {
  const address = `127.0.0.1:${await freePort()}`;
  mkdirSync(directory);
  const config = join(directory, 'config.yml');
  writeFileSync(
    config,
    `version: 0.1\nlog: { level: error }\nstorage: { filesystem: { rootdirectory: ${directory} } }\nhttp: { addr: '${address}' }\n`,
  );
  const child = spawn('docker-registry', ['serve', config], { stdio: 'ignore' });
  const isUp = () =>
    fetch(`http://${address}/v2/`).then(
      (response) => response.ok,
      () => false,
    );
  await until('the registry answers', isUp);
  const stop = async () => {
    child.kill();
    await once(child, 'exit');
  };
  return { address, [Symbol.asyncDispose]: stop };
}
