import { createServer, type RequestListener } from 'node:http';
import helmet from '@fastify/helmet';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import type { Config } from '@app/config';
import { DatabaseHealth } from '@app/database';
import { McpEndpoint } from '@app/mcp';
import { BootstrapKey } from '@app/permissions';
import { StreamAdapter, StreamingGateway } from '@app/streaming';
import { Log, Metrics, Traces } from '@app/telemetry';
import { AppModule } from './app.module.js';
import { Dependencies } from './health.controller.js';
import { FrameworkLog } from './framework-log.js';
import { loadConfig } from './load-config.js';
import { serveOpenApi } from './openapi.js';
import { refuseAddress } from './problem.filter.js';
import { traceRest } from './trace-rest.js';
import { SERVICE, VERSION } from './version.js';

const MAX_BODY_BYTES = 4 << 20;
/** Ids that agents gave are parts of paths, percent-encoded. */
const MAX_PARAMETER_LENGTH = 2_048;
/** A client must have sent its headers and its whole request by then; answers may take as long as they need. */
const HEADERS_TIMEOUT_MS = 15_000;
const REQUEST_TIMEOUT_MS = 60_000;
/** The grace a stopping process gives what is still running. */
const SHUTDOWN_MS = 25_000;

const log = new Log('Server');

/** `main.js serve`: runs until it is told to stop. */
export async function serve(): Promise<number | undefined> {
  const config = loadConfig();
  if (config === undefined) return 1;
  try {
    const app = await createApp(config);
    stopOnSignal(app);
    await app.listen(config.http.port, config.http.host);
    const stream = await app.get(StreamingGateway).listen();
    await announce(app, stream);
    return undefined;
  } catch (error) {
    log.error('The server could not start', { cause: error });
    return 1;
  }
}

async function createApp(config: Config): Promise<NestFastifyApplication> {
  let endpoint: McpEndpoint | undefined;
  const adapter = new FastifyAdapter({
    bodyLimit: MAX_BODY_BYTES,
    frameworkErrors: refuseAddress,
    routerOptions: { maxParamLength: MAX_PARAMETER_LENGTH },
    // MCP is answered before the router: its wire has its own body reading, errors and streams.
    serverFactory: (handler: RequestListener) =>
      createServer({ headersTimeout: HEADERS_TIMEOUT_MS, requestTimeout: REQUEST_TIMEOUT_MS }, (request, response) => {
        if (endpoint?.serves(request.url)) endpoint.handle(request, response);
        else handler(request, response);
      }),
  });
  const app = await NestFactory.create<NestFastifyApplication>(AppModule.with(config), adapter, {
    logger: new FrameworkLog(),
    abortOnError: false,
  });
  await app.get(Traces).start({ name: SERVICE, version: VERSION });
  // helmet's default would send browsers to https where there is none
  await app.register(helmet, { contentSecurityPolicy: { directives: { upgradeInsecureRequests: null } } });
  app.useWebSocketAdapter(new StreamAdapter());
  acceptYaml(app);
  measure(app);
  traceRest(app);
  serveOpenApi(app);
  await app.init();
  endpoint = app.get(McpEndpoint);
  return app;
}

/** Where a definition may be sent as it stands in its file (RFC 9512); everything else is JSON. */
const DEFINITIONS = ['', '/validate', '/dry-run'].map((action) => `/api/v1/workflows${action}`);

function acceptYaml(app: NestFastifyApplication): void {
  const fastify = app.getHttpAdapter().getInstance();
  fastify.addContentTypeParser<string>('application/yaml', { parseAs: 'string' }, (request, definition, done) => {
    if (DEFINITIONS.includes(request.routeOptions.url ?? '')) done(null, { definition });
    else done(Object.assign(new Error('Unsupported Media Type: application/yaml'), { statusCode: 415 }));
  });
}

/**
 * Counts REST answers and their times; probes and scrapes are not what people wait for, and an event stream takes as long
 * as it takes. By the response itself: Fastify's `onResponse` does not see answers whose reader hung up.
 */
function measure(app: NestFastifyApplication): void {
  const metrics = app.get(Metrics);
  metrics.setVersion(VERSION);
  app
    .getHttpAdapter()
    .getInstance()
    .addHook('onRequest', (request, reply, done) => {
      const { raw } = reply;
      raw.once('close', () => {
        if (!raw.headersSent) return;
        metrics.httpResponses.inc({ status_class: `${Math.floor(raw.statusCode / 100)}xx` });
        const isStream = String(raw.getHeader('content-type')).startsWith('text/event-stream');
        if (request.url.startsWith('/api/v1/') && !isStream) metrics.responded('rest', reply.elapsedTime / 1_000);
      });
      done();
    });
}

async function announce(app: NestFastifyApplication, stream: string): Promise<void> {
  const url = await app.getUrl();
  await app.get(DatabaseHealth).check(); // says when the schema is not the one of this version
  const bootstrap = app.get(BootstrapKey);
  if (bootstrap.generated !== undefined)
    log.info('A bootstrap admin key was made; it is shown only now', {
      key: bootstrap.generated,
      file: bootstrap.file,
    });
  if (!bootstrap.exists) log.warn('ADMIN_API_KEY is not set: only API keys made earlier open the API');
  log.info('Listening', { url, mcp: `${url}/mcp`, stream, startMs: Math.round(process.uptime() * 1_000) });
}

function stopOnSignal(app: NestFastifyApplication): void {
  const stop = (signal: string) => {
    log.info('Stopping', { signal });
    app.get(Dependencies).stop();
    setTimeout(() => {
      log.error('Not everything ended in time', { graceMs: SHUTDOWN_MS });
      process.exit(1);
    }, SHUTDOWN_MS).unref();
    const closed = app.close().then(() => app.get(Traces).close());
    closed.then(
      () => process.exit(0),
      (error: unknown) => {
        log.error('Stopping failed', { cause: error });
        process.exit(1);
      },
    );
  };
  for (const signal of ['SIGTERM', 'SIGINT']) process.once(signal, stop);
}
