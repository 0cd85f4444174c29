/** The load generator: the same HTTP request again and again, or for each caller one of several in turn. */
import { Connection, requestBytes } from './connection.mjs';
import { takeJobs } from './loops.mjs';

takeJobs(({ request, requests = [request], expect }) => {
  const ready = requests.map((each) => ({ url: each.url, bytes: requestBytes(each) }));
  let opened = 0;
  return () => {
    const { url, bytes } = ready[opened++ % ready.length];
    return new Connection(url, bytes, expect);
  };
});
