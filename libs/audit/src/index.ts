export { Anchors } from './anchors.js';
export { Audit } from './audit.js';
export type { AuditEvent } from './audit-event.js';
export { AuditModule } from './audit.module.js';
export { AuditVerifier, type Verification } from './audit-verifier.js';
export { Sealer } from './sealer.js';
