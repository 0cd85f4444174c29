import { createHash } from 'node:crypto';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { inStore, run } from './tools.js';

const TOOLS = 'tools/image';
const AUTHORITIES = '/etc/ssl/certs/ca-certificates.crt';
const RELEASE = 'bookworm';
const NODE = `node-linux-${process.arch}`;
const BUILD = ['bud', '--isolation', 'chroot', '--format', 'docker'];

/** A stand-in for docker.io/library/node:24-bookworm-slim, from Debian and npm packages alone. */
const BASE_RECIPE = `FROM scratch
ADD system.tar /
COPY --chmod=0755 node /usr/local/bin/node
COPY npm /usr/local/lib/node_modules/npm
COPY npmrc /usr/local/etc/npmrc
COPY authorities.crt ${AUTHORITIES}
RUN for program in npm npx; do ln -s ../lib/node_modules/npm/bin/$program-cli.js /usr/local/bin/$program; done
ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
`;

export interface BuiltImage extends AsyncDisposable {
  readonly name: string;
  readonly base: string;
}

/** Builds the Dockerfile of this checkout. */
export async function buildImage(args: Readonly<Record<string, string>>): Promise<BuiltImage> {
  const base = await baseImage();
  const name = `localhost/a2a-mcp-server:test-${process.pid}`;
  const buildArgs = Object.entries({ NODE_IMAGE: base, ...args }).map(([key, value]) => `--build-arg=${key}=${value}`);
  // What npm has fetched for this checkout already is not fetched again.
  const cache = `--volume=${await run('npm', 'config', 'get', 'cache')}:/root/.npm`;
  await run('buildah', ...BUILD, '--layers', cache, ...buildArgs, '-t', name, '.');
  const remove = async () => {
    await run('podman', 'rmi', '--force', '--no-prune', name);
  };
  return { name, base, [Symbol.asyncDispose]: remove };
}

/** Made once for each set of Node.js and npm; then it is in the store. */
async function baseImage(): Promise<string> {
  const version = createHash('sha256')
    .update(readFileSync(join(TOOLS, 'package-lock.json')))
    .update(BASE_RECIPE)
    .digest('hex');
  const name = `localhost/a2a-mcp-base:${version.slice(0, 12)}`;
  if ((await run('podman', 'images', '--quiet', name)) !== '') return name;
  const directory = mkdtempSync(inStore('tmp', 'base-'));
  const context = join(directory, 'context');
  mkdirSync(context);
  try {
    await Promise.all([addSystem(directory, context), addNode(directory, context)]);
    await run('buildah', ...BUILD, '--tag', name, '--file', join(context, 'Dockerfile'), context);
    return name;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** As a tar: whose file it is stays. */
async function addSystem(directory: string, context: string): Promise<void> {
  const system = join(directory, 'system');
  await run('debootstrap', '--variant=minbase', '--include=ca-certificates', RELEASE, system);
  rmSync(join(system, 'var/cache/apt/archives'), { recursive: true });
  await run('tar', '-C', system, '-cf', join(context, 'system.tar'), '.');
}

/** What the base needs to fetch packages here: this machine's registry, and the authorities that it trusts. */
async function addNode(directory: string, context: string): Promise<void> {
  for (const file of ['package.json', 'package-lock.json']) copyFileSync(join(TOOLS, file), join(directory, file));
  await run('npm', 'ci', '--prefix', directory, '--no-audit', '--no-fund');
  const packages = join(directory, 'node_modules');
  renameSync(join(packages, NODE, 'bin/node'), join(context, 'node'));
  renameSync(join(packages, 'npm'), join(context, 'npm'));
  copyFileSync(AUTHORITIES, join(context, 'authorities.crt'));
  const registry = await run('npm', 'config', 'get', 'registry');
  writeFileSync(join(context, 'npmrc'), `cafile=${AUTHORITIES}\nregistry=${registry}\n`);
  writeFileSync(join(context, 'Dockerfile'), BASE_RECIPE);
}
