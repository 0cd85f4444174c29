import { Log } from '@app/telemetry';
import { Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { WorkflowSecrets } from './workflow-secrets.service.js';

/** Long enough for a rolling update to be over: until then other replicas may not have the new key. */
const AFTER_START_MS = 15 * 60_000;

/** A new key in front of the ring comes with a restart: some time after it, what older keys encrypted is encrypted anew. */
@Injectable()
export class Resealing implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly log = new Log('WorkflowSecrets');
  private timer: NodeJS.Timeout | undefined;

  constructor(private readonly secrets: WorkflowSecrets) {}

  onApplicationBootstrap(): void {
    this.timer = setTimeout(() => void this.run(), AFTER_START_MS).unref();
  }

  onModuleDestroy(): void {
    clearTimeout(this.timer);
  }

  private async run(): Promise<void> {
    try {
      const { resealed, unreadable } = await this.secrets.reseal();
      if (resealed > 0) this.log.info('Secrets of workflows were encrypted with the first key', { count: resealed });
      if (unreadable.length > 0) this.log.warn('Secrets of workflows do not open', { names: unreadable });
    } catch (error) {
      this.log.warn('Secrets of workflows could not be encrypted with the first key', { cause: error });
    }
  }
}
