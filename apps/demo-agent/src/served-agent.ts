import { createHash } from 'node:crypto';
import type { AgentCard as LegacyCard } from '@a2a-js/sdk-0.3';
import express, { type Request, type RequestHandler, type Router } from 'express';
import type { DemoAgent } from './agent.js';
import { cardOf, type Variant } from './cards.js';
import { faults } from './faults.js';
import { guard } from './guard.js';
import { Ledger } from './ledger.js';
import { operationOf } from './operation.js';
import { wire03 } from './wire-0.3.js';
import { wire10 } from './wire-1.0.js';

/** Room for a file of 32 MiB in base64. */
const BODY_LIMIT = '48mb';

export interface ServedAgent {
  readonly router: Router;
  close(): void;
}

/** One agent under one path: its card, its A2A bindings, and its ledger. */
export function serveAgent(agent: DemoAgent, path: string, title: string, variant: Variant): ServedAgent {
  const ledger = new Ledger();
  const card = cardOf(agent, title, variant, '/');
  const wire =
    variant.version === '1.0' ? wire10(agent, card, ledger) : wire03(agent, card as unknown as LegacyCard, ledger);
  const router = express.Router();
  router.use(express.json({ limit: BODY_LIMIT, type: ['application/json', 'application/a2a+json'] }));
  serveLedger(router, ledger);
  // The address in the card is the one it was asked at.
  serveCard(router, ledger, (request) =>
    cardOf(agent, title, variant, `${request.protocol}://${request.get('host')}/${path}/`),
  );
  router.use(noteIn(ledger));
  if (agent.guarded === true) router.use(guard);
  if (agent.faulty === true) router.use(faults);
  router.use('/rest', wire.rest);
  router.use('/', wire.jsonRpc);
  return { router, close: () => wire.close() };
}

function serveLedger(router: Router, ledger: Ledger): void {
  router.get('/ledger', (_request, response) => void response.json(ledger.view()));
  router.delete('/ledger', (_request, response) => {
    ledger.clear();
    response.status(204).end();
  });
}

/** `PUT /card` changes what the card says, not what the agent does. */
function serveCard(router: Router, ledger: Ledger, original: (request: Request) => object): void {
  let changes: object = {};
  router.get('/.well-known/agent-card.json', (request, response) => {
    const body = JSON.stringify({ ...original(request), ...changes });
    const etag = `"${createHash('sha256').update(body).digest('base64url')}"`;
    // Not left to Express: it never answers 304 to a `Cache-Control: no-cache`, which `fetch` adds to conditional requests.
    const isKnown = request.get('If-None-Match') === etag;
    ledger.count('cardFetches');
    if (isKnown) ledger.count('cardNotModified');
    response.set({ ETag: etag, 'Cache-Control': 'no-cache' });
    if (isKnown) response.status(304).end();
    else response.type('application/json').send(body);
  });
  router.put('/card', (request, response) => {
    changes = request.body as object;
    response.json({ ...original(request), ...changes });
  });
}

/** Notes what arrives, before anything can go wrong with it. */
const noteIn =
  (ledger: Ledger): RequestHandler =>
  (request, _response, next) => {
    const { kind, message, taskId } = operationOf(request);
    if ((kind === 'send' || kind === 'stream') && message !== undefined) ledger.heard(message);
    if (kind === 'cancel' && taskId !== undefined) ledger.cancelled(taskId);
    if (kind === 'poll') ledger.count('polls');
    if (kind === 'subscribe') ledger.count('subscribes');
    next();
  };
