import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { Config } from '@app/config';
import { Global, Module } from '@nestjs/common';
import { generatedSecret } from './generated-secret.js';
import { KeyRing } from './key-ring.js';

@Global()
@Module({
  providers: [{ provide: KeyRing, inject: [Config], useFactory: openKeyRing }],
  exports: [KeyRing],
})
export class SecretsModule {}

async function openKeyRing(config: Config): Promise<KeyRing> {
  if (config.secretKeys !== undefined) return new KeyRing(config.secretKeys);
  const file = join(config.dataDir, 'secret-keys');
  const { value } = await generatedSecret(file, () => `k1:${randomBytes(32).toString('base64')}`);
  try {
    // Keys may be added by hand, as in SECRET_KEYS or a line each.
    return new KeyRing(value.split(/[\s,]+/));
  } catch (cause) {
    throw new Error(`${file} is not a key ring`, { cause });
  }
}
