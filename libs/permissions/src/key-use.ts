import { Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { Log } from '@app/telemetry';
import { ApiKeysService } from './api-keys.service.js';

const STORE_EVERY_MS = 10_000;

/** When keys were last shown: noted in memory, stored a little later. */
@Injectable()
export class KeyUse implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly log = new Log('Permissions');
  private shown = new Set<string>();
  private timer: NodeJS.Timeout | undefined;

  constructor(private readonly keys: ApiKeysService) {}

  onApplicationBootstrap(): void {
    this.timer = setInterval(() => void this.store(), STORE_EVERY_MS).unref();
  }

  async onModuleDestroy(): Promise<void> {
    clearInterval(this.timer);
    await this.store();
  }

  note(keyId: string): void {
    this.shown.add(keyId);
  }

  private async store(): Promise<void> {
    const ids = [...this.shown];
    this.shown = new Set();
    if (ids.length === 0) return;
    try {
      await this.keys.used(ids);
    } catch (cause) {
      this.log.warn('It could not be stored when API keys were last used', { keys: ids.length, cause });
    }
  }
}
