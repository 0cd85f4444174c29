export { ControlModule } from './control.module.js';
export { ControlService } from './control.service.js';
export { controlTools } from './control-tools.js';
export type { RequestView } from './control.schemas.js';
export { parseInput } from './parse-input.js';
export { outcomeOf, requestView, statusOf } from './request-view.js';
export { StreamUrls } from './stream-urls.js';
