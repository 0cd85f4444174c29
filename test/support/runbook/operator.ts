import { spawn, spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';

/** What lines of the runbook are typed into, apart from kubectl. */
export const hasShell = ['bash', 'curl'].every((name) => spawnSync(name, ['--version']).status === 0);

const LONGEST_MS = 60_000;
const HOSTS = /<(?:pod|loadbalancer)-ip>/g;

/** What the names in the runbook stand for. */
export interface Installation {
  /** What the lines find in their environment: the client tools' PATH and hosts, `KEY`. */
  readonly env: Readonly<Record<string, string>>;
  /** Where what the runbook calls :3000, :9090 and the Redis pod really listens. */
  readonly ports: { readonly http: number; readonly prometheus?: number; readonly redis?: number };
  /** The log of the server, as it was written. */
  readonly log: () => string;
}

export interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Somebody who types lines of the runbook into a real bash, as they stand. A pod is a process here: `kubectl logs` prints
 * its log and `kubectl exec … --` runs the command; what only a cluster can do is not typed.
 */
export class Operator implements Disposable {
  private readonly home = mkdtempSync(join(tmpdir(), 'a2a-operator-'));
  readonly directory = join(this.home, 'work');
  private readonly programs = join(this.home, 'bin');

  constructor(private readonly installation: Installation) {
    const { ports } = installation;
    for (const path of [this.directory, this.programs]) mkdirSync(path);
    const curlrc = [
      `connect-to = ":3000:127.0.0.1:${ports.http}"`,
      ...(ports.prometheus === undefined ? [] : [`connect-to = ":9090:127.0.0.1:${ports.prometheus}"`]),
      'silent',
      'show-error',
    ];
    writeFileSync(join(this.home, '.curlrc'), `${curlrc.join('\n')}\n`);
    this.program('kubectl', KUBECTL.replace('LOG', join(this.home, 'server.log')).replace('ROOT', process.cwd()));
    if (ports.redis !== undefined) {
      const real = spawnSync('sh', ['-c', 'command -v redis-cli || command -v valkey-cli'], { encoding: 'utf8' });
      this.program('redis-cli', `exec ${real.stdout.trim()} -p ${ports.redis} "$@"`);
    }
  }

  /** @param stdin what is typed into the program that the line starts */
  async type(line: string, stdin = ''): Promise<Outcome> {
    writeFileSync(join(this.home, 'server.log'), this.installation.log());
    const { env } = this.installation;
    const child = spawn('bash', ['-c', line.replaceAll(HOSTS, '192.0.2.1').replaceAll(/<([\w-]+)>/g, '$1')], {
      cwd: this.directory,
      env: {
        LC_ALL: 'C',
        ...env,
        PATH: `${this.programs}:${env['PATH'] ?? process.env.PATH}`,
        HOME: this.home,
        CURL_HOME: this.home,
      },
      stdio: ['pipe', 'pipe', 'pipe'],
      timeout: LONGEST_MS,
    });
    child.stdin.on('error', () => undefined).end(stdin); // a program that reads nothing may be gone
    const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
    const [stdout, stderr, code] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
    return { code, stdout, stderr };
  }

  /** @returns what it printed. @throws when it fails */
  async mustType(line: string, stdin?: string): Promise<string> {
    const { code, stdout, stderr } = await this.type(line, stdin);
    if (code !== 0) throw new Error(`ended with ${code}: ${stderr.slice(0, 500) || stdout.slice(0, 500)}`);
    return stdout;
  }

  [Symbol.dispose](): void {
    rmSync(this.home, { recursive: true, force: true });
  }

  private program(name: string, body: string): void {
    const file = join(this.programs, name);
    writeFileSync(file, `#!/bin/sh\n${body}\n`);
    chmodSync(file, 0o755);
  }
}

const KUBECTL = `
if [ "$1" = logs ]; then exec cat 'LOG'; fi
if [ "$1" != exec ]; then echo "only a cluster can do this: kubectl $*" >&2; exit 64; fi
while [ "$1" != -- ]; do shift; done
shift
cd 'ROOT' && exec "$@"
`;
