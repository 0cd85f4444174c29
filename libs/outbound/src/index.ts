export { Outbound, type OutboundOptions } from './outbound.js';
export { OutboundModule } from './outbound.module.js';
export type { OutboundInit } from './outgoing-request.js';
