export { accessOf, Allow, type AuthenticatedRequest, FromCaller, Public } from './access.js';
export { byteRange } from './byte-range.js';
export { ClientAddress } from './client-address.js';
export { etagOf, isKnown, versionIn } from './etag.js';
export { EventStreams, type StreamedEvent } from './event-streams.js';
export { limitHeaders } from './limit-headers.js';
export { type Page, pageOf, PageQuery, startAfter, startAfterNumber } from './paging.js';
export { waitIn } from './preferences.js';
export { Problem, STATUS } from './problem.js';
