export { accessOf, Allow, type AuthenticatedRequest, FromCaller, Public } from './access.js';
export { etagOf, versionIn } from './etag.js';
export { type Page, pageOf, PageQuery, startAfter } from './paging.js';
export { Problem, STATUS } from './problem.js';
