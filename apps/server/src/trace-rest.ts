import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { traceIn } from '@app/core';
import { Traces } from '@app/telemetry';

/** A span for each REST request, while traces are on. Probes, scrapes and pages are not what people wait for. */
export function traceRest(app: NestFastifyApplication): void {
  const { recorder } = app.get(Traces);
  if (recorder === undefined) return;
  app
    .getHttpAdapter()
    .getInstance()
    .addHook('onRequest', (request, { raw }, done) => {
      const { headers, method, routeOptions } = request;
      const route = routeOptions.url;
      if (!request.url.startsWith('/api/v1/')) return done();
      const span = recorder.begin({
        name: route === undefined ? method : `${method} ${route}`,
        kind: 'server',
        parent: traceIn(headers.traceparent, headers.tracestate),
        attributes: { 'http.request.method': method, 'http.route': route, 'network.protocol.name': 'http' },
      });
      // Whoever reads the headers further down reads what his own work belongs to.
      headers.traceparent = span.trace.parent;
      headers.tracestate = span.trace.state;
      raw.once('close', () => {
        const { statusCode } = raw;
        if (raw.headersSent) span.set({ 'http.response.status_code': statusCode });
        span.end(raw.headersSent && statusCode >= 500 ? String(statusCode) : undefined);
      });
      done();
    });
}
