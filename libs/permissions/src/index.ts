export { Authenticator } from './authenticator.js';
export { BootstrapKey } from './bootstrap-key.js';
export { PermissionsModule } from './permissions.module.js';
