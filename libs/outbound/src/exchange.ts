import type { Dispatcher } from 'undici';
import type { OutgoingRequest } from './outgoing-request.js';
import { Reception } from './reception.js';

/**
 * One request and its answer, straight on undici's dispatcher: its `fetch` costs more than three times the CPU (175
 * against 50 µs a call) and has neither time-outs for one request nor a count of decoded bytes.
 */
export function exchange(dispatcher: Dispatcher, request: OutgoingRequest): Promise<Response> {
  const { url, method, headers, body, limits } = request;
  return new Promise((resolve, reject) => {
    dispatcher.dispatch(
      {
        origin: url.origin,
        path: url.pathname + url.search,
        method: method as Dispatcher.HttpMethod,
        headers,
        body,
        headersTimeout: limits.headersMs,
        bodyTimeout: limits.idleMs,
      },
      new Reception(request, resolve, reject),
    );
  });
}
