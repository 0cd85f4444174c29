export { StreamAdapter } from './stream-adapter.js';
export { StreamingGateway } from './streaming.gateway.js';
export { StreamingModule } from './streaming.module.js';
