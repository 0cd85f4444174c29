import { AgentDirectory, type DirectoryEntry } from '@app/agents';
import { Config } from '@app/config';
import { Injectable } from '@nestjs/common';

/** How much this replica works on at once, in all and for each agent. */
@Injectable()
export class Capacity {
  private total = 0;
  private readonly perAgent = new Map<string, number>();

  constructor(
    private readonly directory: AgentDirectory,
    private readonly config: Config,
  ) {}

  /** The longest one turn of an agent may take. */
  get timeoutMs(): number {
    return this.config.agents.callTimeoutMs;
  }

  get inUse(): number {
    return this.total;
  }

  agent(slug: string): Promise<DirectoryEntry | undefined> {
    return this.directory.findFresh(slug);
  }

  left(): number {
    return Math.max(this.config.tasks.maxConcurrency - this.total, 0);
  }

  /** Agents that have as many tasks here as they may. */
  busy(): string[] {
    return [...this.perAgent.keys()].filter((slug) => this.isBusy(slug));
  }

  /** @returns whether there was room */
  take(slug: string): boolean {
    if (this.left() === 0 || this.isBusy(slug)) return false;
    this.total++;
    this.perAgent.set(slug, this.of(slug) + 1);
    return true;
  }

  /** @returns whether somebody may have waited for this room */
  free(slug: string): boolean {
    const wasFull = this.left() === 0 || this.isBusy(slug);
    this.total--;
    const rest = this.of(slug) - 1;
    if (rest > 0) this.perAgent.set(slug, rest);
    else this.perAgent.delete(slug);
    return wasFull;
  }

  private isBusy(slug: string): boolean {
    return this.of(slug) >= (this.directory.find(slug)?.maxConcurrency ?? Infinity);
  }

  private of(slug: string): number {
    return this.perAgent.get(slug) ?? 0;
  }
}
