import { type ExecFileException, execFile } from 'node:child_process';
import { mkdirSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { installPrograms } from '../debian.js';

const PACKAGES = {
  buildah: 'buildah',
  debootstrap: 'debootstrap',
  podman: 'podman',
  runc: 'runc',
  catatonit: 'catatonit',
  '/usr/lib/podman/netavark': 'netavark', // podman does not start without, and does not depend on it
};

/** Images and what their making can use again; for this user alone. */
const STORE = join(tmpdir(), `a2a-mcp-images-${process.getuid?.() ?? 0}`);
export const inStore = (...path: string[]): string => join(STORE, ...path);

/** What is missing for building and running images; empty: nothing. */
export async function missingImageTools(): Promise<string[]> {
  if (process.getuid?.() !== 0) return ['root'];
  return installPrograms(PACKAGES);
}

const STORAGE = `[storage]
driver = "overlay"
graphroot = "${inStore('storage')}"
runroot = "${inStore('run')}"
`;
/** Containers within a container: no limits above those that this process has, no systemd, and runc, which takes cgroups v1. */
const CONTAINERS = `[containers]
default_ulimits = ["nofile=4096:4096", "nproc=4096:4096"]
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
[network]
network_backend = "netavark"
`;

/** Makes the store ready, and takes away what is a week old: the base comes with the security updates of its day. */
export async function openStore(): Promise<void> {
  mkdirSync(STORE, { recursive: true, mode: 0o700 });
  const { uid, mode } = statSync(STORE);
  if (uid !== process.getuid?.() || (mode & 0o022) !== 0) throw new Error(`${STORE} belongs to somebody else`);
  mkdirSync(inStore('tmp'), { recursive: true });
  writeFileSync(inStore('storage.conf'), STORAGE);
  writeFileSync(inStore('containers.conf'), CONTAINERS);
  await run('podman', 'image', 'prune', '--all', '--force', '--filter', 'until=168h');
}

/**
 * Runs a program; buildah and podman on the store.
 * @returns what it wrote to stdout
 * @throws with the end of what it said when it fails
 */
export function run(program: 'buildah' | 'podman' | 'debootstrap' | 'npm' | 'tar', ...args: string[]): Promise<string> {
  const env = {
    ...process.env,
    CONTAINERS_STORAGE_CONF: inStore('storage.conf'),
    CONTAINERS_CONF: inStore('containers.conf'),
    TMPDIR: inStore('tmp'),
  };
  return new Promise((resolve, reject) => {
    execFile(program, args, { env, maxBuffer: 64 << 20 }, (error: ExecFileException | null, stdout, stderr) => {
      if (error === null) return resolve(stdout.trim());
      const said = `${stdout}\n${stderr}`.trim().split('\n').slice(-30).join('\n');
      reject(new Error(`${program} ${args[0]} ended with ${error.code}:\n${said}`));
    });
  });
}
