export { generatedSecret } from './generated-secret.js';
export { hashKey, KeyRing } from './key-ring.js';
export { SecretsModule } from './secrets.module.js';
