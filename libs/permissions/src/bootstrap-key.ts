import { join } from 'node:path';
import { randomBytes } from 'node:crypto';
import { Injectable, type OnModuleInit } from '@nestjs/common';
import { Config } from '@app/config';
import { generatedSecret, hashKey } from '@app/secrets';

/** The id of its credential. */
export const BOOTSTRAP = 'bootstrap';

/**
 * The key that opens a new installation. Never a row: it comes from `ADMIN_API_KEY` or, with the embedded database, from a
 * file in `DATA_DIR`, so a restored dump neither brings nor loses it.
 */
@Injectable()
export class BootstrapKey implements OnModuleInit {
  private hash: string | undefined;
  /** The key, when it was made at this start: to be shown once. */
  generated: string | undefined;
  /** Where a generated key lies. */
  readonly file: string;

  constructor(private readonly config: Config) {
    this.file = join(config.dataDir, 'admin-api-key');
  }

  async onModuleInit(): Promise<void> {
    if (this.config.adminApiKey !== undefined) {
      this.hash = hashKey(this.config.adminApiKey);
      return;
    }
    if (this.config.postgres !== undefined) return;
    const make = () => `a2a_admin_${randomBytes(32).toString('base64url')}`;
    const { value, created } = await generatedSecret(this.file, make);
    this.hash = hashKey(value);
    if (created) this.generated = value;
  }

  get exists(): boolean {
    return this.hash !== undefined;
  }

  /** Comparing hashes of high-entropy keys tells an attacker nothing about the key. */
  matches(hash: string): boolean {
    return this.hash === hash;
  }
}
