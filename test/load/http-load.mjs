/** The load generator: the same HTTP request again and again. */
import { Connection, requestBytes } from './connection.mjs';
import { takeJobs } from './loops.mjs';

takeJobs(({ request, expect }) => {
  const bytes = requestBytes(request);
  return () => new Connection(request.url, bytes, expect);
});
