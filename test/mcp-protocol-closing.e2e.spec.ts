import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { captureLog } from './support/log-lines.js';
import { startFixture } from './support/mcp-fixture.js';
import { text, tool } from './support/mcp-fixture-tools.js';
import { initialize, legacy, openGet, openListen, openPost, post, send } from './support/mcp-raw.js';

const CALL = { jsonrpc: '2.0', id: 1, method: 'tools/call' };

test('open streams end as their era asks', async () => {
  await using fixture = await startFixture();
  const get = await openGet(fixture.url, await initialize(fixture.url));
  const listen = await openListen(fixture.url, { toolsListChanged: true });
  await fixture.mcp.close();
  await expect.poll(() => [get.isOver, listen.isOver]).toEqual([true, true]);
  expect(get.incoming.complete).toBe(true);
  expect(listen.messages.at(-1)).toMatchObject({
    id: 1,
    result: { resultType: 'complete', _meta: { 'io.modelcontextprotocol/subscriptionId': 1 } },
  });
  expect(fixture.mcp.stats()).toMatchObject({ openStreams: 0, inFlight: 0 });
});

test('requests in flight are answered, also those that wait for an answer themselves, and new ones; new streams are refused', async () => {
  await using fixture = await startFixture();
  const session = await initialize(fixture.url, { elicitation: {} });
  const params = { name: 'test_elicitation', arguments: { message: 'Colour?' } };
  const asking = await openPost(fixture.url, { ...CALL, params }, session);
  await expect.poll(() => asking.messages.length).toBe(1);
  const closing = fixture.mcp.close();
  expect(await legacy(fixture.url, 'ping', {}, session)).toMatchObject({
    status: 200,
    headers: { connection: 'close' },
  });
  expect((await send(fixture.url, 'GET', '', { ...session, accept: 'text/event-stream' })).status).toBe(503);
  await post(fixture.url, { jsonrpc: '2.0', id: asking.messages[0]?.id, result: { action: 'decline' } }, session);
  await closing;
  await expect.poll(() => JSON.stringify(asking.messages.at(-1))).toMatch(/action=decline/);
});

test('requests that outlive the grace are aborted and told why', async () => {
  await using fixture = await startFixture({ limits: { closeGraceMs: 100 } });
  using log = captureLog();
  let isAborted = false;
  fixture.host.tools.set(
    'wait',
    tool('wait', async (_, { signal }) => {
      await sleep(20_000, undefined, { signal }).catch(() => (isAborted = true));
      return text('too late');
    }),
  );
  const waiting = legacy(fixture.url, 'tools/call', { name: 'wait' });
  await expect.poll(() => fixture.mcp.stats().inFlight).toBe(1);
  await fixture.mcp.close();
  expect((await waiting).error?.message).toBe('The server is closing');
  expect(isAborted).toBe(true);
  expect(log.lines).toMatchObject([{ level: 'WARN', requests: 1 }]);
});

test('a client that hangs up aborts its request, even while its tool is still being looked up', async () => {
  await using fixture = await startFixture();
  let isAborted: boolean | undefined;
  const known = fixture.host.tool.bind(fixture.host);
  let find = (): void => undefined;
  const found = new Promise<void>((resolve) => (find = resolve));
  Object.assign(fixture.host, { tool: (name: string) => found.then(() => known(name)) });
  fixture.host.tools.set(
    'late',
    tool('late', (_, { signal }) => {
      isAborted = signal.aborted;
      return text('late');
    }),
  );
  const hungUp = new Promise((resolve) => {
    fixture.http.once('request', (_, response) => response.once('close', resolve));
  });
  const controller = new AbortController();
  const headers = { 'content-type': 'application/json' };
  const body = JSON.stringify({ ...CALL, params: { name: 'late' } });
  const call = fetch(fixture.url, { method: 'POST', headers, body, signal: controller.signal });
  await expect.poll(() => fixture.mcp.stats().inFlight).toBe(1);
  controller.abort();
  await expect(call).rejects.toBeInstanceOf(Error);
  await hungUp;
  find();
  await expect.poll(() => isAborted).toBe(true);
  await expect.poll(() => fixture.mcp.stats().inFlight).toBe(0);
});
